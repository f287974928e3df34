"""UpSample2D: images enlarged by repeating their values (nearest neighbour)."""

from __future__ import annotations

import numpy as np

from fit_image.nn.layers.layer import Call, GradMode, Layer, Shape
from fit_image.nn.runtime.arrays import FloatArray, copy, vector
from fit_image.nn.runtime.jit import inner, kernel


class UpSample2D(Layer):
    """Repeats every value ``factor`` times along both axes, up to a given size.

    The counterpart of a `max_pool.MaxPool2D` with windows of ``factor`` over images of
    ``height`` x ``width``: where its windows are cut off at the edge, so are the squares here.

    Parameters
    ----------
    in_shape : tuple of int
        Height, width and channels.
    height, width : int
        Size of the output.
    factor : int

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

        def work(_: object, thread: int, threads: int) -> None:
            _forward_kernel(self.out_shape, self._factor, x, y, thread, threads)

        call.pool.run(work)

    def backward(
        self,
        call: Call,
        grad_y: FloatArray,
        grad_x: FloatArray | None = None,
        mode: GradMode = GradMode.WRITE,
        scale: float = 1.0,
    ) -> None:
        """Sum the gradient over every square; there are no parameters."""
        if grad_x is None:
            return
        above, below = grad_y.reshape(-1), grad_x.reshape(-1)

        def work(_: object, thread: int, threads: int) -> None:
            _backward_kernel(self.out_shape, self._factor, above, below, thread, threads)

        call.pool.run(work)


@inner
def _share(rows, thread, threads):
    """Return the first row of input, and the end, of a thread's share of a batch."""
    return rows * thread // threads, rows * (thread + 1) // threads


@kernel
def _forward_kernel(shape, factor, x, y, thread, threads):
    height, width, channels = shape
    down, across = -(-height // factor), -(-width // factor)
    line = width * channels
    samples = y.size // (height * width * channels)
    first_row, end = _share(samples * down, thread, threads)
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
def _backward_kernel(shape, factor, grad_y, grad_x, thread, threads):
    height, width, channels = shape
    down, across = -(-height // factor), -(-width // factor)
    samples = grad_y.size // (height * width * channels)
    first_row, end = _share(samples * down, thread, threads)
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
