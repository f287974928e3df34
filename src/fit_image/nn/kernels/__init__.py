"""Kernels without a layer of their own: products of matrices, and mathematical functions."""
