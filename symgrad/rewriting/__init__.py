"""Rewriting Systems: named rules with laws, the engine that applies them, closed forms."""
