"""Pictures, and below each what a network makes of it."""

from __future__ import annotations

import numpy as np

from fit_image.apps.autoencode.model import AutoencoderModel
from fit_image.datasets.arrays import Pictures
from fit_image.images.io import to_uint8

COLUMNS = 10
"""Pictures in a frame."""

_LEAST_SIDE = 64
"""Pixels of a side of a tile; smaller pictures are enlarged, by whole factors."""

_GAP = 2
_PAPER = 255


def choose(held_out: Pictures, columns: int, seed: int) -> Pictures:
    """Return some pictures by chance; the first of many are the same as of few."""
    return held_out[np.random.default_rng(seed).permutation(len(held_out))[:columns]]


def draw_sheet(
    model: AutoencoderModel, pictures: Pictures, *, threads: int | None = None
) -> Pictures:
    """Draw pictures in a row, and the network's in the next.

    Parameters
    ----------
    model : AutoencoderModel
    pictures : ndarray of uint8, shape (count, height, width, channels)
    threads : int, optional
        Default: all cores. Does not change the result.

    Returns
    -------
    uint8 (height, width, channels)
        Of the sheet.
    """
    return tile([pictures, to_uint8(model.redraw(pictures, threads=threads))])


def tile(rows: list[Pictures]) -> Pictures:
    """Return rows of pictures as one; small ones enlarged by a whole factor, pixels as squares."""
    count, height, width, channels = rows[0].shape
    factor = max(1, -(-_LEAST_SIDE // max(height, width)))
    tall, wide = height * factor + _GAP, width * factor + _GAP
    shape = (len(rows) * tall - _GAP, count * wide - _GAP, channels)
    sheet = np.full(shape, _PAPER, dtype=np.uint8)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            large = picture.repeat(factor, axis=0).repeat(factor, axis=1)
            top, left = row * tall, column * wide
            sheet[top : top + tall - _GAP, left : left + wide - _GAP] = large
    return sheet
