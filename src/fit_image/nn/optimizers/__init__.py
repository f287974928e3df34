"""Optimizers and learning-rate schedules; registry.py is the table of optimizers."""
