"""The samples of a picture, which are coordinates and colours, in an order drawn for each epoch.

A sample is made when it is asked for: of the picture the integers that it came as are kept, of the
order 32 bits a pixel, of the coordinates those along each side.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.coordinates import unit_coordinates
from fit_image.apps.pixels.importance_sampling import Importance
from fit_image.images.colours import COLOUR_TYPES, max_level
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.threads import ThreadPool

DRAWS_AT_ONCE = 1 << 13  # random numbers: few enough to stay in the cache

# Samples that are worth another thread.
_THREAD_SAMPLES = 1 << 12


class Samples:
    """A picture's pixels as samples to learn from.

    Parameters
    ----------
    image : uint8, uint16 or float32 (height, width, channels)
        Not copied where it is C-contiguous, so it must not change.
    shown : uint32 (shown pixels,), optional
        The pixels to learn from, as row * width + column. Default: all.

    Attributes
    ----------
    order : uint32 (samples,)
        The pixels of the epoch, as row * width + column; empty before `shuffle`.
    """

    def __init__(
        self, image: npt.NDArray[Any], shown: npt.NDArray[np.uint32] | None = None
    ) -> None:
        height, width, channels = image.shape
        self._colours = np.ascontiguousarray(image).reshape(-1, channels)
        self._colours.flags.writeable = False  # as some pictures are: all have one kernel
        self._brightest = max_level(image.dtype)
        self._xs, self._ys = (unit_coordinates(side, side) for side in (width, height))
        self._shown = shown
        self._pool = ThreadPool()
        self.order: npt.NDArray[np.uint32]
        self._importance: Importance | None
        self.forget_order()

    def shuffle(
        self, rng: np.random.Generator, errors: npt.NDArray[np.uint8] | None = None
    ) -> None:
        """Draw a new ``order`` of the pixels to learn from, each permutation as likely.

        With ``errors``, `error_levels` of all pixels of the picture, it has some of them several
        times, and others not, as `Importance` has it.
        """
        shown = self._shown
        pixels = len(self._colours)
        order = np.arange(pixels, dtype=np.uint32) if shown is None else shown.copy()
        importance = None if errors is None else Importance(errors, shown)
        if importance:
            importance.draw(order, rng)
        shuffle(order, rng)
        # Last: where an interruption comes before, the epoch has no order yet.
        self._importance, self.order = importance, order

    def forget_order(self) -> None:
        """Free the memory of the order."""
        self.order = np.empty(0, dtype=np.uint32)
        self._importance = None

    def gather(
        self, start: int, count: int, threads: int = 1
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the samples from ``start`` on in the order drawn, at most ``count``.

        At most so many ``threads`` share the work.

        Returns
        -------
        coordinates : float32 (samples, 2)
            x and y in 0..1: column / (width - 1) and row / (height - 1).
        colours : float32 (samples, channels)
            In 0..1, the very numbers of `fit_image.images.colours.to_float`.
        weights : float32 (samples,)
            What a sample's loss counts: 1 where all pixels are in the order.
        """
        pixels = self.order[start : start + count]
        coordinates = np.empty((len(pixels), 2), dtype=np.float32)
        colours = np.empty((len(pixels), self._colours.shape[1]), dtype=np.float32)

        def work(_: object, thread: int, threads: int) -> None:
            some = slice(len(pixels) * thread // threads, len(pixels) * (thread + 1) // threads)
            source = pixels[some], self._colours, self._xs, self._ys
            _gather_kernel(*source, coordinates[some], colours[some])
            if self._brightest != 1:  # here: a kernel may multiply by the rounded reciprocal
                colours[some] /= self._brightest

        self._pool.run(work, max(min(threads, len(pixels) // _THREAD_SAMPLES), 1))
        if self._importance:
            return coordinates, colours, self._importance.weights(pixels)
        return coordinates, colours, np.ones(len(pixels), dtype=np.float32)


def shuffle(order: npt.NDArray[np.uint32], rng: np.random.Generator) -> None:
    """Put the items of ``order`` into a random order, each permutation as likely.

    Source: R. A. Fisher's and F. Yates's shuffle, from the first place to the last. Numbers are
    drawn ahead of their use, so that the processor fetches many places of a large order at once
    instead of waiting for one after the other.
    """
    for start in range(0, len(order), DRAWS_AT_ONCE):
        _shuffle_kernel(order, rng.random(min(DRAWS_AT_ONCE, len(order) - start)), start)


def warm_up(dtypes: Iterable[npt.DTypeLike] = COLOUR_TYPES, *, by_error: bool = False) -> None:
    """Compile the kernels for pictures of these types, or load them from the cache."""
    errors = np.ones(1, dtype=np.uint8) if by_error else None
    for dtype in dtypes:
        samples = Samples(np.zeros((1, 1, 3), dtype=dtype))
        samples.shuffle(np.random.default_rng(0), errors)
        samples.gather(0, 1)


@kernel
def _shuffle_kernel(order, draws, start):
    for i in range(start, start + draws.shape[0]):
        # A double in 0..1 has 53 bits: no place among fewer than 2^32 is likelier than another by
        # more than one part in two millions.
        place = np.int64(draws[i - start] * np.float64(i + 1))
        order[i], order[place] = order[place], order[i]


@kernel
def _gather_kernel(pixels, levels, xs, ys, coordinates, colours):
    width = xs.shape[0]
    for i in range(pixels.shape[0]):
        pixel = np.int64(pixels[i])
        row = pixel // width
        coordinates[i, 0] = xs[pixel - row * width]
        coordinates[i, 1] = ys[row]
        for channel in range(colours.shape[1]):
            colours[i, channel] = np.float32(levels[pixel, channel])
