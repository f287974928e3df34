"""PixelShuffle and PixelUnshuffle: squares of pixels as channels, and back.

Between them, convolutions see a larger part of the image at a fraction of the cost (Shi et al.,
"Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
network", CVPR 2016). Channels are in PyTorch's order: first come all pixels of a square, row by
row, of the first channel, then those of the second.
"""

from __future__ import annotations

from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import Call, Layer, Shape
from fit_image.nn.runtime.barrier import share
from fit_image.nn.runtime.jit import kernel


class PixelUnshuffle(Layer):
    """Turns every square of ``factor`` x ``factor`` pixels into one pixel of more channels.

    Parameters
    ----------
    in_shape : tuple of int
        Height and width, which are multiples of the factor, and channels.
    factor : int
        At least 1.

    Raises
    ------
    ValueError
        If ``factor`` is less than 1, or squares of that side do not fill the image.
    """

    def __init__(self, in_shape: Shape, factor: int = 2) -> None:
        height, width, channels = in_shape
        _check(factor)
        if height % factor or width % factor:
            raise ValueError(
                f"an image of {height} x {width} pixels does not consist of squares of {factor} x"
                f" {factor}"
            )
        super().__init__(in_shape, (height // factor, width // factor, channels * factor**2))
        self._factor = factor

    def forward(self, call: Call) -> None:
        """Turn squares into channels; threads share the rows of squares."""
        x, y = call.x.reshape(-1), call.y.reshape(-1)
        call.pool.run_kernel(_unshuffle_kernel, self.out_shape, self._factor, x, y)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Turn the gradient's channels into squares; there are no parameters."""
        if grads.x.size:
            call.pool.run_kernel(_shuffle_kernel, self.out_shape, self._factor, grads.y, grads.x)


class PixelShuffle(Layer):
    """Turns ``factor`` x ``factor`` channels into a square of pixels: undoes `PixelUnshuffle`.

    Parameters
    ----------
    in_shape : tuple of int
        Height, width, and channels, a multiple of the squared factor.
    factor : int
        At least 1.

    Raises
    ------
    ValueError
        If ``factor`` is less than 1, or the channels are no multiple of its square.
    """

    def __init__(self, in_shape: Shape, factor: int = 2) -> None:
        height, width, channels = in_shape
        _check(factor)
        if channels % factor**2:
            raise ValueError(f"{channels} channels are not squares of {factor} x {factor} pixels")
        super().__init__(in_shape, (height * factor, width * factor, channels // factor**2))
        self._factor = factor

    def forward(self, call: Call) -> None:
        """Turn channels into squares; threads share the rows of squares."""
        x, y = call.x.reshape(-1), call.y.reshape(-1)
        call.pool.run_kernel(_shuffle_kernel, self.in_shape, self._factor, x, y)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Turn the gradient's squares into channels; there are no parameters."""
        if grads.x.size:
            call.pool.run_kernel(_unshuffle_kernel, self.in_shape, self._factor, grads.y, grads.x)


def _check(factor: int) -> None:
    if factor < 1:
        raise ValueError(f"factor must be at least 1, not {factor}")


@kernel
def _unshuffle_kernel(shape, factor, squares, channels, worker):
    """Write pixels of shape ``shape`` (height, width, channels), of squares of pixels."""
    _, width, depth = shape
    maps, area = depth // (factor * factor), factor * factor
    first, stop = share(channels.size // (width * depth), worker)
    for row in range(first, stop):
        for k in range(factor):
            for column in range(width):
                for l in range(factor):  # noqa: E741
                    source = ((row * factor + k) * width + column) * factor + l
                    target = (row * width + column) * depth + k * factor + l
                    for j in range(maps):
                        channels[target + j * area] = squares[source * maps + j]


@kernel
def _shuffle_kernel(shape, factor, channels, squares, worker):
    """Undo `_unshuffle_kernel`."""
    _, width, depth = shape
    maps, area = depth // (factor * factor), factor * factor
    first, stop = share(channels.size // (width * depth), worker)
    for row in range(first, stop):
        for k in range(factor):
            for column in range(width):
                for l in range(factor):  # noqa: E741
                    target = ((row * factor + k) * width + column) * factor + l
                    source = (row * width + column) * depth + k * factor + l
                    for j in range(maps):
                        squares[target * maps + j] = channels[source + j * area]
