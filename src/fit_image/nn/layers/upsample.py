"""UpSample2D: images enlarged by repeating their values (nearest neighbour)."""

from __future__ import annotations

import numpy as np

from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import Call, Layer, Shape
from fit_image.nn.runtime.arrays import copy, vector
from fit_image.nn.runtime.barrier import share
from fit_image.nn.runtime.jit import kernel


class UpSample2D(Layer):
    """Repeats every value ``factor`` times along both axes, up to a given size.

    The counterpart of a `max_pool.MaxPool2D` with windows of ``factor`` over images of
    ``height`` x ``width``: where its windows are cut off at the edge, so are the squares here.

    Parameters
    ----------
    in_shape : tuple of int
        Height, width and channels.
    height, width : int
        Size of the output, which consists of as many squares as there are input values.
    factor : int
        At least 1.

    Raises
    ------
    ValueError
        If ``factor`` is less than 1, or an output of that size does not consist of as many squares
        as there are input values.
    """

    def __init__(self, in_shape: Shape, height: int, width: int, factor: int = 2) -> None:
        if factor < 1:
            raise ValueError(f"factor must be at least 1, not {factor}")
        squares = -(-height // factor), -(-width // factor)
        if squares != in_shape[:2]:
            raise ValueError(
                f"an input of {in_shape[0]} x {in_shape[1]} values, repeated {factor} times, does"
                f" not fill {height} x {width}"
            )
        super().__init__(in_shape, (height, width, in_shape[2]))
        self._factor = factor

    def forward(self, call: Call) -> None:
        """Repeat the values; threads share the rows of the input."""
        x, y = call.x.reshape(-1), call.y.reshape(-1)
        call.pool.run_kernel(_forward_kernel, self.out_shape, self._factor, x, y)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Sum the gradient over every square; there are no parameters."""
        if grads.x.size:
            call.pool.run_kernel(_backward_kernel, self.out_shape, self._factor, grads.y, grads.x)


@kernel
def _forward_kernel(shape, factor, x, y, worker):
    height, width, channels = shape
    down, across = -(-height // factor), -(-width // factor)
    line = width * channels
    samples = y.size // (height * width * channels)
    first_row, end = share(samples * down, worker)
    for row in range(first_row, end):
        sample, top = row // down, row % down * factor
        first = (sample * height + top) * line
        for column in range(across):
            values = vector(x, (row * across + column) * channels, channels)
            for target in range(column * factor, min((column + 1) * factor, width)):
                copy(values, vector(y, first + target * channels, channels))
        for k in range(1, min(factor, height - top)):
            copy(vector(y, first, line), vector(y, first + k * line, line))


@kernel
def _backward_kernel(shape, factor, grad_y, grad_x, worker):
    height, width, channels = shape
    down, across = -(-height // factor), -(-width // factor)
    samples = grad_y.size // (height * width * channels)
    first_row, end = share(samples * down, worker)
    for row in range(first_row, end):
        sample, top = row // down, row % down * factor
        for column in range(across):
            below = vector(grad_x, (row * across + column) * channels, channels)
            for j in range(channels):
                below[j] = np.float32(0.0)
            for k in range(min(factor, height - top)):
                for source in range(column * factor, min((column + 1) * factor, width)):
                    start = ((sample * height + top + k) * width + source) * channels
                    above = vector(grad_y, start, channels)
                    for j in range(channels):
                        below[j] += above[j]
