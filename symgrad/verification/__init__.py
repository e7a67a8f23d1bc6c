"""Verification: strategies, oracles, checks and planted bugs, all from the System alone."""
