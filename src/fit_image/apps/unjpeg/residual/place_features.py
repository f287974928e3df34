"""Features of blocks that tell how far their estimated coefficients are right."""

from __future__ import annotations

import numpy as np

from fit_image.apps.unjpeg.floor.screens import box_mean
from fit_image.apps.unjpeg.residual.block_features import BLOCK_FEATURES
from fit_image.nn.runtime.arrays import FloatArray

PLACE_FEATURES = BLOCK_FEATURES + 6

_LEAST = 1e-4
"""Added to the mean squares of places."""


def place_features(
    features: FloatArray, counted: FloatArray, squares: FloatArray, *, is_chroma: bool
) -> FloatArray:
    """Describe the blocks of a component and their estimates.

    Estimates that contradict the file are often wrong altogether, and so are those beside them.

    Parameters
    ----------
    features : float32 (rows, columns of blocks, `BLOCK_FEATURES`)
        See `block_features`; means of the blocks of luma that lie where a block does.
    counted : float32 (rows, columns of blocks)
        How much the network's changes count, 0..1.
    squares : float32 (rows, columns of blocks, 2)
        Mean squares of places beyond the intervals, and within; see `Strip.measure_places`.

    Returns
    -------
    float32 (rows, columns of blocks, `PLACE_FEATURES`)
        ``features`` and ``counted``; log2(``squares`` + 0.0001), first of the block, then of the
        mean of the 3x3 blocks around, where the picture's edge is repeated; and 1 for chroma, 0 for
        luma and for the components of RGB files.
    """
    around = np.stack([box_mean(squares[..., index], 1) for index in range(2)], axis=-1)
    whole = np.empty((*counted.shape, PLACE_FEATURES), np.float32)
    whole[..., :BLOCK_FEATURES] = features
    whole[..., BLOCK_FEATURES] = counted
    whole[..., BLOCK_FEATURES + 1 : -3] = np.log2(squares + _LEAST)
    whole[..., -3:-1] = np.log2(around + _LEAST)
    whole[..., -1] = is_chroma
    return whole
