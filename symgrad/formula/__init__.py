"""Formulas for people: LaTeX in index and in matrix notation, and derivations as numbered steps."""
