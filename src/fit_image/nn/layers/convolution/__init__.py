"""The convolution, forward and backward, by four algorithms; conv2d chooses one."""
