"""One palette for a whole animation, and pictures as indices into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.frames import Film, Picture

MOST_COLOURS = 255
"""Colours of a palette; the last of a GIF's 256 indices marks pixels that stay as they are."""

_SAMPLE_PIXELS = 100_000
_EVEN_FRAMES = 48
_EARLY_FRAMES = 24  # a picture changes fastest in its first epochs
_LAST_SHARE = 0.2  # of the sample, for the last frame, which is looked at longest

# A pixel keeps its index until another colour is this much nearer (distance in RGB, of 0..441).
# Without it, half the pixels of a still but noisy picture shimmer; at twice this, smooth areas
# show the traces of earlier frames.
_STICKINESS = 5.0

_BITS = 7  # of each channel, in the table of nearest colours
_TABLE_ROWS = 1 << 14  # of that table computed at once


class Palette:
    """Colours, and which of them is nearest to any other.

    Parameters
    ----------
    colours : ndarray of uint8, shape (n, 3)
        sRGB, each once, at most `MOST_COLOURS`.
    """

    def __init__(self, colours: Picture) -> None:
        self.colours = colours
        self._floats = colours.astype(np.float32)
        self._nearest = _nearest_table(self._floats)

    @classmethod
    def of(cls, film: Film) -> Palette:
        """Return a palette for all frames of ``film``, from a sample of their pixels.

        Median cut, refined by k-means (both Pillow's); the very colours where they are few.

        Raises
        ------
        FitImageError
            If a frame cannot be read.
        """
        sample = _sample(film)
        colours = np.unique(sample, axis=0)
        if len(colours) > MOST_COLOURS:
            quantized = Image.fromarray(sample[np.newaxis]).quantize(
                MOST_COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=1
            )
            flat = (quantized.getpalette() or [])[: 3 * MOST_COLOURS]
            colours = np.unique(np.array(flat, np.uint8).reshape(-1, 3), axis=0)
        return cls(colours)

    def nearest(self, picture: Picture) -> Picture:
        """Return the index of the nearest colour, exact to 1/128 of a channel's range.

        Parameters
        ----------
        picture : ndarray of uint8, shape (height, width, 3)

        Returns
        -------
        ndarray of uint8, shape (height, width)
        """
        coarse = picture >> (8 - _BITS)
        key = coarse[..., 0].astype(np.int32)
        for channel in (1, 2):
            key <<= _BITS
            key |= coarse[..., channel]
        return self._nearest[key]

    def indices(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        """Yield successive pictures as indices that change only where the picture clearly does.

        Parameters
        ----------
        pictures : iterable of ndarray of uint8, shape (height, width, 3)

        Yields
        ------
        ndarray of uint8, shape (height, width)
            A pixel keeps its index until another colour is nearer by a margin.
        """
        before: Picture | None = None
        for picture in pictures:
            now = self.nearest(picture)
            if before is not None:
                self._keep(before, now, picture)
            before = now
            yield now

    def _keep(self, before: Picture, now: Picture, picture: Picture) -> None:
        places = np.flatnonzero(now != before)
        colours = picture.reshape(-1, 3)[places].astype(np.float32)
        old = before.reshape(-1)[places]
        margin = self._distance(colours, old) - self._distance(colours, now.reshape(-1)[places])
        keep = margin <= _STICKINESS
        now.reshape(-1)[places[keep]] = old[keep]

    def _distance(
        self, colours: npt.NDArray[np.float32], indices: Picture
    ) -> npt.NDArray[np.float32]:
        difference = colours - self._floats[indices]
        squares: npt.NDArray[np.float32] = np.einsum("ij,ij->i", difference, difference)
        return np.sqrt(squares, out=squares)


def _sample(film: Film) -> Picture:
    """Return pixels, uint8 (n, 3), spread over the film and the area of its pictures."""
    last = len(film) - 1
    even = np.linspace(0, last, _EVEN_FRAMES)
    early = np.geomspace(1, last + 1, _EARLY_FRAMES) - 1
    chosen = sorted({*np.rint(even).astype(int).tolist(), *np.rint(early).astype(int).tolist()})
    random = np.random.default_rng(0)
    each = int(_SAMPLE_PIXELS * (1 - _LAST_SHARE)) // len(chosen)
    parts = []
    for index in chosen:
        pixels = film.picture(index).reshape(-1, 3)
        count = each + int(_SAMPLE_PIXELS * _LAST_SHARE) * (index == last)
        if len(pixels) > count:
            pixels = pixels[random.integers(0, len(pixels), count)]
        parts.append(pixels)
    return np.concatenate(parts)


def _nearest_table(colours: npt.NDArray[np.float32]) -> Picture:
    """Return the index of the colour nearest to each cell of a grid over RGB, flat."""
    side = 1 << _BITS
    cell = 256 // side
    levels = (np.arange(side) * cell + (cell - 1) / 2).astype(np.float32)
    table = np.empty(side**3, np.uint8)
    half_norm = (colours * colours).sum(axis=1) / 2
    for start in range(0, side**3, _TABLE_ROWS):
        key = np.arange(start, start + _TABLE_ROWS)
        grid = np.stack(
            [levels[key >> 2 * _BITS], levels[key >> _BITS & side - 1], levels[key & side - 1]],
            axis=1,
        )
        # |g - c|^2 / 2 without its part |g|^2 / 2, which is the same for all colours c
        table[start : start + _TABLE_ROWS] = (half_norm - grid @ colours.T).argmin(axis=1)
    return table
