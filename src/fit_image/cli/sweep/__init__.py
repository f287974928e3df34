"""``fit-image sweep``: many trials, compared."""
