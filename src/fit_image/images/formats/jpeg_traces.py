"""Whether pixels of a picture that is not a JPEG file have been one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.formats.jpeg_planes import BASIS, Floats
from fit_image.images.ycbcr import LUMA

_ROUNDED_TO_NONE = 1.0
"""Coefficients of pixels rounded to integers, if there was none before, are below this."""

_BLOCKS = 1024
_FEWEST_BLOCKS = 24
_LEAST_DIFFERENCE, _CHANCE = 0.005, 0.1
"""Shares of coefficients; the second of one block, and of many less by the root of their number."""


def has_traces(levels: npt.NDArray[np.uint8]) -> bool:
    """Tell whether a picture (height, width, 3) was decompressed from a JPEG, or is part of one.

    Of a JPEG's blocks most coefficients were rounded to 0. They are 0 where the grid of 8 x 8
    pixels lies as it did then, and nowhere else: one of the 64 places of the grid stands out.
    """
    luma: Floats = levels.astype(np.float32) @ np.array(LUMA, np.float32)
    zeros = np.full((BLOCK, BLOCK), np.nan)
    fewest = _BLOCKS
    for top in range(BLOCK):
        for left in range(BLOCK):
            blocks = _varied_blocks(luma[top:, left:])
            fewest = min(fewest, len(blocks))
            if len(blocks) >= _FEWEST_BLOCKS:
                coefficients = BASIS @ blocks @ BASIS.T
                zeros[top, left] = (np.abs(coefficients) < _ROUNDED_TO_NONE).mean()
    if np.isnan(zeros).any():
        return False
    ordered = np.sort(zeros, axis=None)
    chance = _CHANCE / np.sqrt(fewest)
    return bool(ordered[-1] - ordered[-2] > max(_LEAST_DIFFERENCE, chance))


def _varied_blocks(luma: Floats) -> Floats:
    """Return some of the blocks, evenly spread, that are not of one colour."""
    height, width = (side // BLOCK for side in luma.shape)
    cells = luma[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK)
    blocks = cells.transpose(0, 2, 1, 3).reshape(-1, BLOCK, BLOCK)
    step = max(len(blocks) // (4 * _BLOCKS), 1)
    blocks = blocks[::step]
    varied = blocks.max(axis=(1, 2)) - blocks.min(axis=(1, 2)) > 2
    return np.ascontiguousarray(blocks[varied][:_BLOCKS])
