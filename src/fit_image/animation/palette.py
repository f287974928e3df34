"""A palette, and the colours of it that are nearest to those of pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fit_image.animation.film import Pixels
from fit_image.animation.quantization import Quantization

MOST_COLOURS = 255
"""Most colours of a palette; the last of a GIF's 256 indices marks unchanged pixels."""

# Ordered dithering, at fixed positions so that it does not move; it hides banding in smooth areas
# and does not enlarge the file. Error diffusion would shimmer.
_DITHER_SIDE = 8
_DITHER_SHIFTS = ((0, 0), (5, 3), (2, 6))  # of the pattern in each channel

# Levels of a channel that dithering spans, in units of the palette's error. Colours on a lattice
# lie twice their error apart; all of that would hide bands entirely, at the cost of 1 dB.
_DITHER_SPAN = 1.25

_BITS = 7  # per channel, in the table of nearest colours
_UNKNOWN = -1
_BLOCK = 4096  # entries of that table computed at once


class Palette:
    """A palette with a table of nearest colours.

    Parameters
    ----------
    quantization : Quantization
        Of at most `MOST_COLOURS`; its error decides how much is dithered.
    """

    def __init__(self, quantization: Quantization) -> None:
        self.colours = quantization.colours
        self._tile = _dither_tile(_DITHER_SPAN * quantization.error)
        # Pictures have few of all possible colours, so entries are computed on demand.
        self._table = np.full(1 << 3 * _BITS, _UNKNOWN, np.int16)
        cell = 1 << (8 - _BITS)
        levels = np.arange(1 << _BITS, dtype=np.float32) * cell + (cell - 1) / 2
        # For each channel, squared distances from each level to each colour.
        own = self.colours.astype(np.float32)
        self._squares = [np.square(levels[:, np.newaxis] - each) for each in own.T]

    def dithered(self, pixels: Pixels, top: int) -> Pixels:
        """Return rows of a frame, uint8 (height, width, 3), whose first is row ``top``, dithered.

        Not if the palette has the exact colours.
        """
        if not self._tile.any():
            return pixels
        height, width, _ = pixels.shape
        rows = (np.arange(height) + top) % _DITHER_SIDE
        pattern = self._tile[rows[:, np.newaxis], np.arange(width) % _DITHER_SIDE]
        pattern += pixels
        return np.clip(pattern, 0, 255, out=pattern).astype(np.uint8)

    def nearest(self, pixels: Pixels) -> Pixels:
        """Return the indices, uint8 (height, width), of the colours nearest to pixels.

        They are exact to 1/128 of a channel's range. ``pixels`` is uint8 (height, width, 3).
        """
        coarse = pixels >> (8 - _BITS)
        key = coarse[..., 0].astype(np.int32)
        for channel in (1, 2):
            key <<= _BITS
            key |= coarse[..., channel]
        found = self._table[key]
        if (found == _UNKNOWN).any():
            self._fill_table(np.unique(key[found == _UNKNOWN]))
            found = self._table[key]
        return found.astype(np.uint8)

    def _fill_table(self, keys: npt.NDArray[np.int32]) -> None:
        red, green, blue = self._squares
        level = (1 << _BITS) - 1
        for start in range(0, len(keys), _BLOCK):
            key = keys[start : start + _BLOCK]
            # A matrix product would wait for BLAS threads, which is slow on few, busy cores.
            distance = red[key >> 2 * _BITS]
            distance += green[(key >> _BITS) & level]
            distance += blue[key & level]
            self._table[key] = distance.argmin(axis=1)


def _dither_tile(span: float) -> npt.NDArray[np.int16]:
    """Return a tile of offsets of ordered dithering: int16 (side, side, 3), about 0 on average.

    Source: B. E. Bayer, "An optimum method for two-level rendition of continuous-tone pictures"
    (1973).
    """
    ranks = np.zeros((1, 1))
    while len(ranks) < _DITHER_SIDE:
        ranks = np.block([[4 * ranks, 4 * ranks + 2], [4 * ranks + 3, 4 * ranks + 1]])
    tile = np.stack([np.roll(ranks, shift, axis=(0, 1)) for shift in _DITHER_SHIFTS], axis=2)
    return np.rint(((tile + 0.5) / ranks.size - 0.5) * span).astype(np.int16)
