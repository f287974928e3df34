"""Numerics: numpy and numba only, vectors in and vectors out."""
