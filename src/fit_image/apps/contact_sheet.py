"""Contact sheets: pictures in rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def contact_sheet(rows: Iterable[Iterable[Pixels]], *, gap: int = 0, factor: int = 1) -> Pixels:
    """Lay out rows of pictures, uint8 (height, width, channels), on white.

    ``gap`` is the number of pixels between pictures; ``factor`` magnifies pixels as squares.
    """
    magnified = ([each.repeat(factor, 0).repeat(factor, 1) for each in row] for row in rows)
    return _join([_join(row, 1, gap) for row in magnified], 0, gap)


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
