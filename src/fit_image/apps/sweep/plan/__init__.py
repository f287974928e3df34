"""Trials of a sweep: from the values given to the folder that lists them."""
