"""MaxPool2D: the largest value of every window of an image, for each channel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import Call, Layer, Shape
from fit_image.nn.runtime.arrays import vector
from fit_image.nn.runtime.barrier import share
from fit_image.nn.runtime.jit import kernel

Chosen = npt.NDArray[np.int32]


class MaxPool2D(Layer):
    """Reduces every window to its largest value, for each channel by itself.

    Windows do not overlap, and are cut off at the right and lower edge (Ranzato et al.,
    "Unsupervised learning of invariant feature hierarchies with applications to object
    recognition", CVPR 2007). The gradient goes to the first of equal values, row by row.

    Parameters
    ----------
    in_shape : tuple of int
        Height, width and channels.
    side : int
        Side of the windows, at least 1; n rows become n / side, rounded up.

    Raises
    ------
    ValueError
        If ``side`` is less than 1.
    """

    def __init__(self, in_shape: Shape, side: int = 2) -> None:
        if side < 1:
            raise ValueError(f"the side of a window must be at least 1, not {side}")
        height, width, channels = in_shape
        super().__init__(in_shape, (-(-height // side), -(-width // side), channels))
        self._side = side

    def make_cache(self, batch_size: int) -> Chosen:
        """Return memory for the index, in its window, of every largest value."""
        return np.zeros((batch_size, *self.out_shape), dtype=np.int32)

    def forward(self, call: Call) -> None:
        """Find the largest values; threads share the rows of the output."""
        vectors = call.x.reshape(-1), call.y.reshape(-1), call.cache.reshape(-1)
        call.pool.run_kernel(_forward_kernel, self.in_shape, self._side, *vectors)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Pass the gradient to the largest values; there are no parameters."""
        if grads.x.size:
            vectors = grads.y, grads.x, call.cache.reshape(-1)
            call.pool.run_kernel(_backward_kernel, self.in_shape, self._side, *vectors)


@kernel
def _forward_kernel(shape, side, x, y, chosen, worker):
    height, width, channels = shape
    down, across = -(-height // side), -(-width // side)
    samples = x.size // (height * width * channels)
    first_row, end = share(samples * down, worker)
    for row in range(first_row, end):
        sample, top = row // down, row % down * side
        for column in range(across):
            left = column * side
            at = (row * across + column) * channels
            largest, place = vector(y, at, channels), vector(chosen, at, channels)
            for k in range(min(side, height - top)):
                for l in range(min(side, width - left)):  # noqa: E741
                    start = ((sample * height + top + k) * width + left + l) * channels
                    values = vector(x, start, channels)
                    if k == l == 0:
                        for j in range(channels):
                            largest[j] = values[j]
                            place[j] = 0
                    else:
                        index = np.int32(k * side + l)
                        for j in range(channels):
                            value = values[j]
                            # NaN propagates, so that divergence is noticed at the end.
                            better = (value > largest[j]) | (value != value)
                            largest[j] = value if better else largest[j]
                            place[j] = index if better else place[j]


@kernel
def _backward_kernel(shape, side, grad_y, grad_x, chosen, worker):
    height, width, channels = shape
    down, across = -(-height // side), -(-width // side)
    samples = grad_x.size // (height * width * channels)
    first_row, end = share(samples * down, worker)
    for row in range(first_row, end):
        sample, top = row // down, row % down * side
        for column in range(across):
            left = column * side
            at = (row * across + column) * channels
            above, place = vector(grad_y, at, channels), vector(chosen, at, channels)
            for k in range(min(side, height - top)):
                for l in range(min(side, width - left)):  # noqa: E741
                    start = ((sample * height + top + k) * width + left + l) * channels
                    below = vector(grad_x, start, channels)
                    index = np.int32(k * side + l)
                    for j in range(channels):
                        below[j] = above[j] if place[j] == index else np.float32(0.0)
