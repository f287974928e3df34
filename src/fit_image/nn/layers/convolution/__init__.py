"""The convolution, forward and backward, in three ways: direct, implicit_gemm and im2col."""
