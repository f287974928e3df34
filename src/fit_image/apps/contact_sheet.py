"""Contact sheets: pictures in rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def contact_sheet(rows: Iterable[Iterable[Pixels]], *, gap: int = 0, factor: int = 1) -> Pixels:
    """Lay out pictures in rows on white.

    Parameters
    ----------
    rows : iterable of iterables of uint8 (height, width, channels)
    gap : int
        Pixels between pictures.
    factor : int
        Magnification of the pictures, pixels as squares.

    Returns
    -------
    uint8 (height, width, channels)
    """
    magnified = ([_magnify(picture, factor) for picture in row] for row in rows)
    return _join([_join(row, 1, gap) for row in magnified], 0, gap)


def _magnify(picture: Pixels, factor: int) -> Pixels:
    return picture if factor == 1 else picture.repeat(factor, axis=0).repeat(factor, axis=1)


def _join(pictures: Sequence[Pixels], axis: int, gap: int) -> Pixels:
    """Join pictures along an axis; smaller ones are padded along the other."""
    size = max(picture.shape[1 - axis] for picture in pictures)
    padded = []
    for index, picture in enumerate(pictures):
        padding = [(0, 0)] * 3
        padding[axis] = (0, gap * (index < len(pictures) - 1))
        padding[1 - axis] = (0, size - picture.shape[1 - axis])
        fits = not np.any(padding)
        padded.append(picture if fits else np.pad(picture, padding, constant_values=255))
    return np.concatenate(padded, axis=axis)
