"""What a person looks at: the most damaged parts of pictures, before, after and clean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.pictures import CleanPicture, compression, read_clean
from fit_image.config.layer_spec import parse_qualities

_SIDE = 96
"""Rows and columns of the parts."""

_FACTOR = 3
"""How much they are enlarged."""

_PARTS = 3
_GAP = 6


@dataclass(frozen=True, eq=False)
class Crop:
    """A part of a picture, damaged and clean: uint8 (rows, columns, 3)."""

    damaged: npt.NDArray[np.uint8]
    clean: npt.NDArray[np.uint8]


def choose_parts(pictures: Sequence[CleanPicture], recipe: UnjpegConfig) -> list[Crop]:
    """Return the most damaged parts of a few pictures, one of each."""
    low, high = parse_qualities(recipe.quality)
    parts = []
    for file, _ in pictures:
        clean = read_clean(file)
        if clean is not None:
            clean = np.ascontiguousarray(clean[:2048, :2048])
            damaged = compression(recipe, (low + high) // 2).apply(clean)
            parts.append(_most_damaged(damaged, clean))
        if len(parts) == _PARTS:
            break
    return parts


def draw_parts(parts: Sequence[Crop], restorer: Restorer) -> npt.NDArray[np.uint8]:
    """Draw a row for every part: JPEG's, the network's, and the clean one."""
    rows = [_beside([part.damaged, restorer.restore(part.damaged), part.clean]) for part in parts]
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [
            np.pad(
                row,
                ((0, _GAP * (index < len(rows) - 1)), (0, width - row.shape[1]), (0, 0)),
                constant_values=255,
            )
            for index, row in enumerate(rows)
        ]
    )


def _beside(pictures: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    large = [picture.repeat(_FACTOR, axis=0).repeat(_FACTOR, axis=1) for picture in pictures]
    gap = np.full((large[0].shape[0], _GAP, 3), 255, np.uint8)
    first, *others = large
    return np.concatenate([first, *(each for other in others for each in (gap, other))], axis=1)


def _most_damaged(damaged: npt.NDArray[np.uint8], clean: npt.NDArray[np.uint8]) -> Crop:
    errors = np.square(damaged.astype(np.int64) - clean).sum(axis=2)
    height, width = errors.shape
    rows, columns = min(_SIDE, height), min(_SIDE, width)
    totals = np.pad(errors.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    # At the corners of JPEG's blocks, so that the part is damaged as a picture of its own would be.
    windows = (totals[rows:, columns:] - totals[:-rows, columns:])[::16, ::16] - (
        totals[rows:, :-columns] - totals[:-rows, :-columns]
    )[::16, ::16]
    top, left = (16 * int(index) for index in np.unravel_index(windows.argmax(), windows.shape))
    return Crop(
        np.ascontiguousarray(damaged[top : top + rows, left : left + columns]),
        np.ascontiguousarray(clean[top : top + rows, left : left + columns]),
    )
