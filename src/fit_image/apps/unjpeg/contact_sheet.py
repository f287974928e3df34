"""Contact sheets of the most damaged crops of pictures: JPEG, restored and clean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fit_image.apps.contact_sheet import Pixels, contact_sheet
from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.patches.pictures import CleanPicture, read_clean
from fit_image.config.layer_spec import parse_qualities
from fit_image.images.formats.jpeg import Compression

_SIDE = 96
"""Rows and columns of the crops."""

_FACTOR = 3
"""Magnification of the crops."""

_CROPS = 3
_GAP = 6


Crop = tuple[Pixels, Pixels]
"""A part of a picture, damaged and clean: uint8 (rows, columns, 3)."""


def choose_crops(pictures: Sequence[CleanPicture], config: UnjpegConfig) -> list[Crop]:
    """Return the most damaged crop of each of the first few pictures."""
    low, high = parse_qualities(config.quality)
    compression = Compression((low + high) // 2, config.subsampling)
    crops: list[Crop] = []
    for file, _ in pictures:
        clean = read_clean(file)
        if clean is not None:
            clean = np.ascontiguousarray(clean[:2048, :2048])
            crops.append(_most_damaged(compression.apply(clean), clean))
        if len(crops) == _CROPS:
            break
    return crops


def draw_crops(crops: Sequence[Crop], restorer: Restorer) -> Pixels:
    """Draw a row for every crop: JPEG, restored and clean.

    The network alone restores them; ``unjpeg apply`` then also moves each coefficient back into
    the interval that the file tells, and what it draws is a little nearer to the clean picture.
    """
    rows = [(damaged, restorer.restore(damaged), clean) for damaged, clean in crops]
    return contact_sheet(rows, gap=_GAP, factor=_FACTOR)


def _most_damaged(damaged: Pixels, clean: Pixels) -> Crop:
    errors = np.square(damaged.astype(np.int64) - clean).sum(axis=2)
    height, width = errors.shape
    rows, columns = min(_SIDE, height), min(_SIDE, width)
    totals = np.pad(errors.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    # At corners of JPEG's blocks, so that the crop is damaged as a picture of its own would be.
    windows = (totals[rows:, columns:] - totals[:-rows, columns:])[::16, ::16] - (
        totals[rows:, :-columns] - totals[:-rows, :-columns]
    )[::16, ::16]
    top, left = (16 * int(index) for index in np.unravel_index(windows.argmax(), windows.shape))
    crop = (slice(top, top + rows), slice(left, left + columns))
    return np.ascontiguousarray(damaged[crop]), np.ascontiguousarray(clean[crop])
