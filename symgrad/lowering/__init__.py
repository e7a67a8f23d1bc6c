"""From index equations to a small vocabulary of array operations, ordered and counted."""
