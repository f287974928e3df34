"""Kernels of what the convolutional network sees of a picture, and of its outputs.

The network works at half the resolution: the pixels of each square of 2x2 are channels of one
(Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
convolutional neural network", CVPR 2016; Zhang et al., "FFDNet", 2018), which makes it four times
as fast and lets it see twice as far.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.arrays import padded_size
from fit_image.nn.runtime.jit import inner, kernel

FACTOR = 2
"""Pixels of the picture, across and down, for one of the network."""

_CELL = FACTOR * FACTOR

_MEASURES = 7 * _CELL + 6

INPUTS = padded_size(_MEASURES)
"""Channels: the three planes, their differences from local means, the difference of decoded and
filtered luma, two measures of compression, the place in a block, and zeros that fill vectors, with
which convolutions are faster."""

OUTPUTS = padded_size(3 * _CELL)
"""Channels: changes of the three planes, and some that are not used."""

_RADIUS = 2
"""Of the square of pixels of a local mean."""

_RANGE = np.float32(64)
_MOST = np.float32(4)
"""Differences are clipped to so many units; see `Damage.unit`."""


@inner
def _clipped(value, unit):
    return np.float32(0.5) * min(max(value / unit, -_MOST), _MOST)


@kernel
def features_kernel(planes, decoded, damage, sums, features, first, last):
    """Fill ``features`` (rows, columns, `INPUTS`), of the network's rows ``first`` to ``last``.

    Parameters
    ----------
    planes : tuple of float32 (rows, columns)
        Luma and two of chroma, in -128..127; rows and columns are even.
    decoded : float32 (rows, columns)
        Luma as in the file.
    damage : tuple of float32
        Unit, logarithms of the measures of compression, and 1 where blocks begin at the first
        pixel, else 0.
    sums : float32, flat
        As many numbers as columns.
    """
    unit, luma, chroma, has_blocks = damage
    rows, columns = decoded.shape
    ninth = np.float32(1) / np.float32((2 * _RADIUS + 1) ** 2)
    for i in range(first, last):
        for dy in range(FACTOR):
            y = FACTOR * i + dy
            for p in range(3):
                plane = planes[p]
                for x in range(columns):
                    sums[x] = np.float32(0)
                for k in range(-_RADIUS, _RADIUS + 1):
                    row = plane[min(max(y + k, 0), rows - 1)]
                    for x in range(columns):
                        sums[x] += row[x]
                for x in range(columns):
                    total = np.float32(0)
                    if _RADIUS <= x < columns - _RADIUS:
                        for k in range(-_RADIUS, _RADIUS + 1):
                            total += sums[x + k]
                    else:
                        for k in range(-_RADIUS, _RADIUS + 1):
                            total += sums[min(max(x + k, 0), columns - 1)]
                    cell = features[i, x // FACTOR]
                    at = _CELL * p + FACTOR * dy + x % FACTOR
                    cell[at] = plane[y, x] / _RANGE
                    cell[3 * _CELL + at] = _clipped(plane[y, x] - total * ninth, unit)
            for x in range(columns):
                change = decoded[y, x] - planes[0][y, x]
                at = 6 * _CELL + FACTOR * dy + x % FACTOR
                features[i, x // FACTOR, at] = _clipped(change, unit)
        turn = np.float32(np.pi / 4 * FACTOR)
        for j in range(features.shape[1]):
            cell = features[i, j]
            at = 7 * _CELL
            cell[at], cell[at + 1] = luma, chroma
            cell[at + 2] = has_blocks * np.cos(turn * np.float32(i))
            cell[at + 3] = has_blocks * np.sin(turn * np.float32(i))
            cell[at + 4] = has_blocks * np.cos(turn * np.float32(j))
            cell[at + 5] = has_blocks * np.sin(turn * np.float32(j))
            for k in range(_MEASURES, INPUTS):
                cell[k] = np.float32(0)


@kernel
def add_outputs_kernel(outputs, factor, planes):
    """Add ``factor`` times the outputs (rows, columns, `OUTPUTS`) to the planes."""
    for i in range(outputs.shape[0]):
        for p in range(3):
            plane = planes[p]
            for dy in range(FACTOR):
                at = _CELL * p + FACTOR * dy
                row = plane[FACTOR * i + dy]
                for j in range(outputs.shape[1]):
                    for dx in range(FACTOR):
                        row[FACTOR * j + dx] += factor * outputs[i, j, at + dx]
