"""Kernels shared by layers: matrix products and mathematical functions."""
