"""Kernel of the bilateral filter.

Tomasi and Manduchi, "Bilateral filtering for gray and color images", 1998: the mean of the pixels
around, each weighted by how near it is, and how alike.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime import simd
from fit_image.nn.runtime.jit import kernel

RADIUS = 3
"""Of the square of pixels around; a window of 7 x 7."""

_TILE = 16
_STRIDE = 32
_PATCH = (8 + 2 * RADIUS) * _STRIDE

BILATERAL_SCRATCH = 3 * _PATCH + 4 * 8 * _TILE
"""Numbers that the kernel needs."""

_WIDTH = simd.WIDTH


@kernel
def bilateral_kernel(planes, shares, weights, nearness, results, scratch, first, last):
    """Filter tiles of 8 x 16 pixels of three planes together.

    Parameters
    ----------
    planes, results : three float32 (rows, columns)
        Whole blocks. Where a share is 0, results are left as they are.
    shares : float32 (rows, columns of blocks)
        Of the filtered pixels in the result, 0..1.
    weights : three float32
        Of squared differences; a pixel weighs (1 - d/8)^8, nearly exp(-d), at the distance d.
    nearness : float32
        Weight of the squared distance in pixels.
    """
    rows, columns = planes[0].shape
    eighth, one, zero = np.float32(0.125), simd.broadcast(np.float32(1)), np.float32(0)
    minus, nothing = simd.broadcast(np.float32(-1)), simd.broadcast(zero)
    factor0 = simd.broadcast(-eighth * weights[0])
    factor1 = simd.broadcast(-eighth * weights[1])
    factor2 = simd.broadcast(-eighth * weights[2])
    sums = 3 * _PATCH
    for i in range(first, last):
        for block in range(0, columns // 8, 2):
            share, other = shares[i, block], zero
            if block + 1 < columns // 8:
                other = shares[i, block + 1]
            if share == zero and other == zero:
                continue
            left = 8 * block
            for y in range(8 + 2 * RADIUS):
                row = min(max(8 * i + y - RADIUS, 0), rows - 1)
                for x in range(_TILE + 2 * RADIUS):
                    column = min(max(left + x - RADIUS, 0), columns - 1)
                    place = y * _STRIDE + x
                    scratch[place] = planes[0][row, column]
                    scratch[_PATCH + place] = planes[1][row, column]
                    scratch[2 * _PATCH + place] = planes[2][row, column]
            for y in range(8):
                for x in range(0, _TILE, _WIDTH):
                    centre = (y + RADIUS) * _STRIDE + x + RADIUS
                    a = simd.load_unaligned(scratch, centre)
                    b = simd.load_unaligned(scratch, _PATCH + centre)
                    c = simd.load_unaligned(scratch, 2 * _PATCH + centre)
                    total, sum_a, sum_b, sum_c = one, a, b, c
                    for down in range(-RADIUS, RADIUS + 1):
                        for across in range(-RADIUS, RADIUS + 1):
                            if down == 0 and across == 0:
                                continue
                            away = eighth * nearness * np.float32(down * down + across * across)
                            place = centre + down * _STRIDE + across
                            p = simd.load_unaligned(scratch, place)
                            q = simd.load_unaligned(scratch, _PATCH + place)
                            r = simd.load_unaligned(scratch, 2 * _PATCH + place)
                            d, e, f = (
                                simd.fma(minus, a, p),
                                simd.fma(minus, b, q),
                                simd.fma(minus, c, r),
                            )
                            w = simd.broadcast(np.float32(1) - away)
                            w = simd.fma(simd.fma(d, factor0, nothing), d, w)
                            w = simd.fma(simd.fma(e, factor1, nothing), e, w)
                            w = simd.fma(simd.fma(f, factor2, nothing), f, w)
                            w = simd.maximum(w, nothing)
                            w = simd.fma(w, w, nothing)
                            w = simd.fma(w, w, nothing)
                            w = simd.fma(w, w, nothing)
                            total = simd.fma(w, one, total)
                            sum_a = simd.fma(w, p, sum_a)
                            sum_b = simd.fma(w, q, sum_b)
                            sum_c = simd.fma(w, r, sum_c)
                    place = sums + y * _TILE + x
                    inverse = simd.reciprocal(total)
                    simd.store(scratch, place, simd.fma(sum_a, inverse, nothing))
                    simd.store(scratch, place + 8 * _TILE, simd.fma(sum_b, inverse, nothing))
                    simd.store(scratch, place + 16 * _TILE, simd.fma(sum_c, inverse, nothing))
            for plane in range(3):
                for y in range(8):
                    for x in range(min(_TILE, columns - left)):
                        own = share if x < 8 else other
                        before = scratch[plane * _PATCH + (y + RADIUS) * _STRIDE + x + RADIUS]
                        after = scratch[sums + (8 * plane + y) * _TILE + x]
                        results[plane][8 * i + y, left + x] = before + own * (after - before)
