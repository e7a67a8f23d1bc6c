"""Other frameworks: torch operators and modules as Systems."""
