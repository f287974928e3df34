"""Pictures above their reconstructions."""

from __future__ import annotations

import numpy as np

from fit_image.apps.autoencode.model import AutoencoderModel
from fit_image.apps.contact_sheet import contact_sheet
from fit_image.datasets.arrays import Pictures
from fit_image.images.io import to_uint8

COLUMNS = 10
"""Pictures in a frame."""

_LEAST_SIDE = 64
"""Longer side of a tile in pixels; smaller pictures are magnified by whole factors."""

_GAP = 2


def choose(held_out: Pictures, columns: int, seed: int) -> Pictures:
    """Return some pictures by chance; the first ones do not depend on their number."""
    return held_out[np.random.default_rng(seed).permutation(len(held_out))[:columns]]


def draw_sheet(
    model: AutoencoderModel, pictures: Pictures, *, threads: int | None = None
) -> Pictures:
    """Draw pictures in a row, and their reconstructions in the next.

    Parameters
    ----------
    model : AutoencoderModel
    pictures : ndarray of uint8, shape (count, height, width, channels)
    threads : int, optional
        Default: all cores. Does not change the result.

    Returns
    -------
    uint8 (height, width, channels)
    """
    return tile([pictures, to_uint8(model.redraw(pictures, threads=threads))])


def tile(rows: list[Pictures]) -> Pictures:
    """Lay out rows of pictures; small ones are magnified, pixels as squares."""
    factor = max(1, -(-_LEAST_SIDE // max(rows[0].shape[1:3])))
    return contact_sheet(rows, gap=_GAP, factor=factor)
