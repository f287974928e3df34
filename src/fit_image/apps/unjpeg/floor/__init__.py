"""Restoration without a network: what the file's coefficients and its luma tell."""
