"""The convolution, forward and backward, in two ways: im2col.py and direct.py."""
