"""Foundations of kernels: compilation, SIMD vectors, threads and memory."""
