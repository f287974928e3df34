"""Experiments: many trials, compared."""
