"""PixelShuffle and PixelUnshuffle: squares of pixels as channels, and back.

Between them, convolutions see a larger part of the image at a fraction of the cost (Shi et al.,
"Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
network", CVPR 2016). Channels are in PyTorch's order: first come all pixels of a square, row by
row, of the first channel, then those of the second.
"""

from __future__ import annotations

from typing import NamedTuple

from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import Call, Layer, Shape
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.barrier import share
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.threads import ThreadPool


class _Strides(NamedTuple):
    """Numbers from one row of squares to the next, and so on."""

    row: int
    column: int
    down: int  # in a square
    across: int
    channel: int


class _Squares(NamedTuple):
    """Squares of pixels of an image, which may be channels."""

    columns: int  # of squares
    factor: int
    channels: int  # of a pixel of a square

    @property
    def as_pixels(self) -> _Strides:
        """Where numbers lie in the image."""
        line = self.columns * self.factor * self.channels
        return _Strides(self.factor * line, self.factor * self.channels, line, self.channels, 1)

    @property
    def as_channels(self) -> _Strides:
        """Where numbers lie if squares are channels."""
        depth = self.channels * self.factor**2
        return _Strides(self.columns * depth, depth, self.factor, 1, self.factor**2)


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
        self._squares = _Squares(width // factor, factor, channels)

    def forward(self, call: Call) -> None:
        """Turn squares into channels; threads share the rows of squares."""
        _to_channels(self._squares, call.pool, call.x, call.y)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Turn the gradient's channels into squares; there are no parameters."""
        if grads.x.size:
            _to_pixels(self._squares, call.pool, grads.y, grads.x)


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
        self._squares = _Squares(width, factor, channels // factor**2)

    def forward(self, call: Call) -> None:
        """Turn channels into squares; threads share the rows of squares."""
        _to_pixels(self._squares, call.pool, call.x, call.y)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Turn the gradient's squares into channels; there are no parameters."""
        if grads.x.size:
            _to_channels(self._squares, call.pool, grads.y, grads.x)


def _check(factor: int) -> None:
    if factor < 1:
        raise ValueError(f"factor must be at least 1, not {factor}")


def _to_channels(squares: _Squares, pool: ThreadPool, x: FloatArray, y: FloatArray) -> None:
    strides = squares.as_pixels, squares.as_channels
    pool.run_kernel(_copy_kernel, squares, *strides, x.reshape(-1), y.reshape(-1))


def _to_pixels(squares: _Squares, pool: ThreadPool, x: FloatArray, y: FloatArray) -> None:
    strides = squares.as_channels, squares.as_pixels
    pool.run_kernel(_copy_kernel, squares, *strides, x.reshape(-1), y.reshape(-1))


@kernel
def _copy_kernel(squares, before, after, source, target, worker):
    """Write the numbers of all images, which lie by strides ``before``, by strides ``after``."""
    columns, factor, channels = squares.columns, squares.factor, squares.channels
    # The rows of all images of a batch follow one another.
    first, stop = share(source.size // (columns * channels * factor * factor), worker)
    for row in range(first, stop):
        for k in range(factor):
            for column in range(columns):
                for l in range(factor):  # noqa: E741
                    at = row * before.row + column * before.column
                    at += k * before.down + l * before.across
                    to = row * after.row + column * after.column + k * after.down + l * after.across
                    for j in range(channels):
                        target[to + j * after.channel] = source[at + j * before.channel]
