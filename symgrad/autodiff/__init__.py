"""Differentiation of Systems: scalar derivative rows, reverse mode, forward mode."""
