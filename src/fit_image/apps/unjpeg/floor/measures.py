"""Kernels that measure blocks, for those of rows ``first`` to ``last``."""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.jit import kernel

_LOWEST, _HIGHEST = np.float32(-128), np.float32(127)


@kernel
def count_kernel(quantised, counts, first, last):
    """Fill ``counts`` (uint8) with the numbers of coefficients that are not 0."""
    for i in range(first, last):
        for j in range(counts.shape[1]):
            count = 0
            for y in range(8):
                numbers = quantised[8 * i + y, 8 * j : 8 * j + 8]
                for x in range(8):
                    count += numbers[x] != 0
            counts[i, j] = count


@kernel
def tone_kernel(luma, lows, highs, outer, first, last):
    """Fill arrays with measures of the luma of blocks, clipped to -128..127.

    Parameters
    ----------
    luma : float32 (rows, columns)
    lows, highs : float32 (rows, columns of blocks)
        The darkest and the lightest level.
    outer : float32 (rows, columns of blocks)
        The share of pixels in the outer quarters between them.
    """
    for i in range(first, last):
        for j in range(lows.shape[1]):
            low, high = _HIGHEST, _LOWEST
            for y in range(8):
                for x in range(8):
                    level = min(max(luma[8 * i + y, 8 * j + x], _LOWEST), _HIGHEST)
                    low, high = min(low, level), max(high, level)
            middle, quarter = (low + high) / np.float32(2), (high - low) / np.float32(4)
            count = 0
            for y in range(8):
                for x in range(8):
                    level = min(max(luma[8 * i + y, 8 * j + x], _LOWEST), _HIGHEST)
                    count += abs(level - middle) > quarter
            lows[i, j], highs[i, j] = low, high
            outer[i, j] = np.float32(count) / np.float32(64)
