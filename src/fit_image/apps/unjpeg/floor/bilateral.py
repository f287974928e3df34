"""Kernel of the bilateral filter.

Tomasi and Manduchi, "Bilateral filtering for gray and color images", 1998: the mean of the pixels
around, each weighted by how near it is, and how alike.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime import simd
from fit_image.nn.runtime.jit import inner, kernel

RADIUS = 3
"""Of the square of pixels around; a window of 7 x 7."""

_TILE = 16
_STRIDE = 32
_PATCH = (8 + 2 * RADIUS) * _STRIDE

_SHARES = 3 * _PATCH + 3 * 8 * _TILE

BILATERAL_SCRATCH = _SHARES + _TILE
"""Numbers that the kernel needs."""

_WIDTH = simd.WIDTH


@kernel
def bilateral_kernel(planes, shares, weights, nearness, results, scratch, first, last):
    """Filter tiles of 8 x 16 pixels of three planes together.

    Parameters
    ----------
    planes, results : three float32 (rows, columns)
        Of `padded_plane`. Where a share is 0, and that of the other block of a tile, results are
        left as they are.
    shares : float32 (rows, columns of blocks)
        Of the filtered pixels in the result, 0..1.
    weights : three float32
        Of squared differences; a pixel weighs (1 - d/8)^8, nearly exp(-d), at the distance d.
    nearness : float32
        Weight of the squared distance in pixels.
    """
    stride, columns = planes[0].shape[1], 8 * shares.shape[1]
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
            for p in range(3):
                _load_patch(planes[p], i, left, columns, scratch, p * _PATCH)
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
            for x in range(_TILE):
                scratch[_SHARES + x] = share if x < 8 else other
            for plane in range(3):
                for y in range(8):
                    for x in range(0, _TILE, _WIDTH):
                        centre = plane * _PATCH + (y + RADIUS) * _STRIDE + x + RADIUS
                        before = simd.load_unaligned(scratch, centre)
                        after = simd.load(scratch, sums + (8 * plane + y) * _TILE + x)
                        own = simd.load(scratch, _SHARES + x)
                        mixed = simd.fma(own, simd.fma(before, minus, after), before)
                        simd.store(results[plane], (8 * i + y) * stride + left + x, mixed)


@inner
def _load_patch(plane, i, left, columns, scratch, at):
    """Copy a tile and the pixels around; those at the edge are repeated."""
    rows, stride = plane.shape
    is_inside = left >= RADIUS and left + _STRIDE - RADIUS <= columns
    for y in range(8 + 2 * RADIUS):
        row, place = min(max(8 * i + y - RADIUS, 0), rows - 1), at + y * _STRIDE
        if is_inside:
            for x in range(0, _STRIDE, _WIDTH):
                pixels = simd.load_unaligned(plane, row * stride + left - RADIUS + x)
                simd.store(scratch, place + x, pixels)
            continue
        for x in range(_TILE + 2 * RADIUS):
            scratch[place + x] = plane[row, min(max(left + x - RADIUS, 0), columns - 1)]


@kernel
def copy_kernel(results, shares, planes, first, last):
    """Copy the tiles of which a share is above 0 back to the planes."""
    stride = planes[0].shape[1]
    for i in range(first, last):
        for block in range(0, shares.shape[1], 2):
            other = block + 1 < shares.shape[1] and shares[i, block + 1] > np.float32(0)
            if not other and shares[i, block] == np.float32(0):
                continue
            for p in range(3):
                for y in range(8 * i, 8 * i + 8):
                    for x in range(8 * block, 8 * block + _TILE, _WIDTH):
                        pixels = simd.load(results[p], y * stride + x)
                        simd.store(planes[p], y * stride + x, pixels)
