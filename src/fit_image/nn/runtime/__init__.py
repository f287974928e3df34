"""What kernels run on: compilation, vectors, threads and memory."""
