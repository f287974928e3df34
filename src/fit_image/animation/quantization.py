"""Choose the colours of a palette."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.animation.film import Pixels

_BITS = 6  # per channel, of the cells whose mean colours stand for all of their pixels
# Boxes are cut in the order of pixels times deviation to this power. By squared error alone, smooth
# areas, which are large and have few colours, would be left with bands.
_DEVIATION_POWER = 1 / 3

_ITERATIONS = 3  # of k-means; more gain less than a hundredth of the error
_BLOCK = 2048  # cells whose distances from all colours are in memory at once


class Quantization(NamedTuple):
    """The colours of a palette.

    Attributes
    ----------
    colours : ndarray of uint8, shape (n, 3)
        Distinct.
    error : float
        Root of the mean squared RGB distance of the pixels from their nearest colours; 0 if all
        colours are exact.
    """

    colours: Pixels
    error: float


class _Cells(NamedTuple):
    """Cells of the RGB cube that have pixels: their mean colours (n, 3), and how many (n)."""

    colours: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]


def choose_colours(pixels: Pixels, most: int) -> Quantization:
    """Choose at most ``most`` colours that suit ``pixels``, uint8 (n, 3); theirs, if so few.

    The cube of colours is cut into boxes, each at its mean, across the channel with the largest
    variance; k-means refines their means.

    Sources: P. Heckbert, "Color image quantization for frame buffer display" (1982); X. Wu, "Color
    quantization by dynamic programming and principal analysis" (1992), for cuts by variance; S.
    Lloyd, "Least squares quantization in PCM" (1982).
    """
    exact = _distinct(pixels)
    if len(exact) <= most:
        return Quantization(exact, 0.0)
    cells = _cells(pixels)
    means = _cut(cells, most).astype(np.float32)
    for _ in range(_ITERATIONS):
        nearest, error = _nearest(cells, means)
        totals = np.bincount(nearest, cells.weights, len(means))
        used = totals > 0
        for channel in range(3):
            weighted = cells.weights * cells.colours[:, channel]
            sums = np.bincount(nearest, weighted, len(means))
            means[used, channel] = sums[used] / totals[used]
    return Quantization(_distinct(np.rint(means).astype(np.uint8)), error)


def _cells(pixels: Pixels) -> _Cells:
    coarse = pixels.astype(np.int32) >> (8 - _BITS)
    keys = coarse[:, 0] << 2 * _BITS | coarse[:, 1] << _BITS | coarse[:, 2]
    counts = np.bincount(keys)
    used = np.flatnonzero(counts)
    weights = counts[used].astype(np.float64)
    sums = [np.bincount(keys, pixels[:, channel])[used] for channel in range(3)]
    return _Cells(np.stack(sums, axis=1) / weights[:, np.newaxis], weights)


def _cut(cells: _Cells, most: int) -> npt.NDArray[np.float64]:
    """Return the mean colours of boxes of cells, as many as ``most`` unless there are fewer."""
    boxes: list[tuple[float, int, int, npt.NDArray[np.float64], npt.NDArray[np.intp]]] = []
    made = 0

    def add(members: npt.NDArray[np.intp]) -> None:
        nonlocal made
        colours, weights = cells.colours[members], cells.weights[members, np.newaxis]
        mean = (weights * colours).sum(axis=0) / weights.sum()
        errors = (weights * np.square(colours - mean)).sum(axis=0)
        total = float(weights.sum())
        urgency = total * float(errors.sum() / total) ** (_DEVIATION_POWER / 2)
        made += 1  # of boxes that are equally urgent, the one that was made first is cut
        heapq.heappush(boxes, (-urgency, made, int(errors.argmax()), mean, members))

    add(np.arange(len(cells.weights)))
    while len(boxes) < most and boxes[0][0] < 0:
        _, _, channel, mean, members = heapq.heappop(boxes)
        below = cells.colours[members, channel] <= mean[channel]
        add(members[below])
        add(members[~below])
    return np.array([mean for _, _, _, mean, _ in boxes])


def _nearest(cells: _Cells, means: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.intp], float]:
    """Return each cell's nearest mean, and the root mean square of all pixels' distances."""
    nearest = np.empty(len(cells.weights), np.intp)
    total = 0.0
    for start in range(0, len(nearest), _BLOCK):
        block = slice(start, start + _BLOCK)
        colours = cells.colours[block].astype(np.float32)
        # A matrix product would wait for BLAS threads, which is slow on few, busy cores.
        squares = np.square(colours[:, :1] - means[:, 0])
        for channel in (1, 2):
            squares += np.square(colours[:, channel, np.newaxis] - means[:, channel])
        nearest[block] = squares.argmin(axis=1)
        total += float((squares.min(axis=1) * cells.weights[block]).sum())
    return nearest, float(np.sqrt(total / cells.weights.sum()))


def _distinct(pixels: Pixels) -> Pixels:
    packed = np.unique(pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32))
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)
