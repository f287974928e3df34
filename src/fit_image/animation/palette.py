"""One palette for a whole animation, and frames as indices into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.animation.film import Film, Pixels
from fit_image.images.decoding import row_strips

MOST_COLOURS = 255
"""Most colours of a palette; the last of a GIF's 256 indices marks unchanged pixels."""

_SAMPLE_PIXELS = 100_000
_EVEN_FRAMES = 48
_EARLY_FRAMES = 24  # a picture changes fastest in its first epochs
_LAST_SHARE = 0.2  # of the sample, for the last frame, which is shown longest

# A pixel keeps its index until another colour is nearer by this RGB distance (of 0..441). Without
# it, half the pixels of a still but noisy picture shimmer; at twice this, smooth areas show traces
# of earlier frames.
_HYSTERESIS = 5.0

# Ordered dithering, at fixed positions so that it does not move; it hides banding in smooth areas
# and does not enlarge the file. Error diffusion would shimmer.
_DITHER_SIDE = 8
_DITHER_RANGE = 8  # levels of a channel, about the distance of a palette's colours
_DITHER_SHIFTS = ((0, 0), (5, 3), (2, 6))  # of the pattern in each channel

_BITS = 7  # per channel, in the table of nearest colours
_UNKNOWN = -1
_BLOCK = 4096  # entries of that table computed at once


class Palette:
    """A palette with a table of nearest colours.

    Parameters
    ----------
    colours : ndarray of uint8, shape (n, 3)
        sRGB, distinct, at most `MOST_COLOURS`.
    dithered : bool
        Whether `indices` dithers.
    """

    def __init__(self, colours: Pixels, *, dithered: bool = False) -> None:
        self.colours = colours
        self.dithered = dithered
        self._floats = colours.astype(np.float32)
        # Pictures have few of all possible colours, so entries are computed on demand.
        self._table = np.full(1 << 3 * _BITS, _UNKNOWN, np.int16)
        cell = 1 << (8 - _BITS)
        levels = np.arange(1 << _BITS, dtype=np.float32) * cell + (cell - 1) / 2
        # For each channel, squared distances from each level to each colour.
        self._squares = [np.square(levels[:, np.newaxis] - own) for own in self._floats.T]

    @classmethod
    def of(cls, film: Film) -> Palette:
        """Choose a palette for all frames of a film from a sample of their pixels.

        Pillow's median cut, refined by k-means; the exact colours if there are few.

        Raises
        ------
        FitImageError
            If a frame cannot be read.
        """
        sample = _sample(film)
        colours = _distinct(sample)
        lossy = len(colours) > MOST_COLOURS
        if lossy:
            quantized = Image.fromarray(sample[np.newaxis]).quantize(
                MOST_COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=1
            )
            flat = (quantized.getpalette() or [])[: 3 * MOST_COLOURS]
            colours = _distinct(np.array(flat, np.uint8).reshape(-1, 3))
        return cls(colours, dithered=lossy)

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

    def indices(self, frames: Iterable[Pixels]) -> Iterator[Pixels]:
        """Convert successive frames, uint8 (height, width, 3), to indices, uint8 (height, width).

        Against shimmering, a pixel keeps its index until another colour is nearer by a margin.
        """
        previous: Pixels | None = None
        pattern: npt.NDArray[np.int16] | None = None
        for frame in frames:
            height, width, _ = frame.shape
            current = np.empty((height, width), np.uint8)
            for rows in row_strips(height, width):
                strip = frame[rows]
                if self.dithered:
                    if pattern is None:  # the first strip is the tallest
                        pattern = _dither_pattern(len(strip) + _DITHER_SIDE, width)
                    phase = rows.start % _DITHER_SIDE
                    dither = pattern[phase : phase + len(strip)]
                    strip = np.clip(strip + dither, 0, 255).astype(np.uint8)
                current[rows] = self.nearest(strip)
                if previous is not None:
                    self._apply_hysteresis(previous[rows], current[rows], strip)
            del frame, strip  # before the next frame is read
            previous = current
            yield current

    def _apply_hysteresis(self, previous: Pixels, current: Pixels, pixels: Pixels) -> None:
        changed = np.flatnonzero(current != previous)
        colours = pixels.reshape(-1, 3)[changed].astype(np.float32)
        old, new = previous.reshape(-1)[changed], current.reshape(-1)[changed]
        margin = self._distance(colours, old) - self._distance(colours, new)
        keep = margin <= _HYSTERESIS
        current.reshape(-1)[changed[keep]] = old[keep]

    def _distance(
        self, colours: npt.NDArray[np.float32], indices: Pixels
    ) -> npt.NDArray[np.float32]:
        difference = colours - self._floats[indices]
        squares: npt.NDArray[np.float32] = np.einsum("ij,ij->i", difference, difference)
        return np.sqrt(squares, out=squares)


def _distinct(pixels: Pixels) -> Pixels:
    packed = np.unique(pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32))
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)


def _sample(film: Film) -> Pixels:
    """Return pixels, uint8 (n, 3), spread over the film and the area of its frames."""
    last = film.last
    even = np.linspace(0, last, _EVEN_FRAMES)
    early = np.geomspace(1, last + 1, _EARLY_FRAMES) - 1
    chosen = sorted({*np.rint(even).astype(int).tolist(), *np.rint(early).astype(int).tolist()})
    random = np.random.default_rng(0)
    each = int(_SAMPLE_PIXELS * (1 - _LAST_SHARE)) // len(chosen)
    parts = []
    for index in chosen:
        pixels = film.frame(index).reshape(-1, 3)
        count = each + int(_SAMPLE_PIXELS * _LAST_SHARE) * (index == last)
        if len(pixels) > count:
            pixels = pixels[random.integers(0, len(pixels), count)]
        parts.append(pixels)
    return np.concatenate(parts)


def _dither_pattern(height: int, width: int) -> npt.NDArray[np.int16]:
    """Return the offsets of ordered dithering: int16 (height, width, 3), about 0 on average.

    Source: B. E. Bayer, "An optimum method for two-level rendition of continuous-tone pictures"
    (1973).
    """
    ranks = np.zeros((1, 1))
    while len(ranks) < _DITHER_SIDE:
        ranks = np.block([[4 * ranks, 4 * ranks + 2], [4 * ranks + 3, 4 * ranks + 1]])
    tile = np.stack([np.roll(ranks, shift, axis=(0, 1)) for shift in _DITHER_SHIFTS], axis=2)
    levels = np.rint(((tile + 0.5) / ranks.size - 0.5) * _DITHER_RANGE).astype(np.int16)
    rows, columns = (np.arange(side) % _DITHER_SIDE for side in (height, width))
    return levels[rows[:, np.newaxis], columns]
