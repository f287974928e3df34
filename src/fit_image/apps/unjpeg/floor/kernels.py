"""Kernels on whole 8x8 blocks: projection onto quantisation intervals, and scaling of chroma.

Planes are float32 (rows, columns), colours in -128..127, whole blocks. A kernel works on the rows
of blocks ``first`` to ``last``.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime import simd
from fit_image.nn.runtime.jit import inner, kernel

WIDTH = simd.WIDTH

SCRATCH = 2 * 64 * WIDTH
"""Numbers that `project_kernel` needs."""


@inner
def _to_cosines(numbers, at, step, basis):
    """Transform 8 vectors that lie ``step`` apart, in place: sums and differences first."""
    one = simd.broadcast(np.float32(1))
    minus = simd.broadcast(np.float32(-1))
    v0, v7 = simd.load(numbers, at), simd.load(numbers, at + 7 * step)
    v1, v6 = simd.load(numbers, at + step), simd.load(numbers, at + 6 * step)
    v2, v5 = simd.load(numbers, at + 2 * step), simd.load(numbers, at + 5 * step)
    v3, v4 = simd.load(numbers, at + 3 * step), simd.load(numbers, at + 4 * step)
    s0, s1, s2, s3 = (
        simd.fma(v0, one, v7),
        simd.fma(v1, one, v6),
        simd.fma(v2, one, v5),
        simd.fma(v3, one, v4),
    )
    d0, d1, d2, d3 = (
        simd.fma(v7, minus, v0),
        simd.fma(v6, minus, v1),
        simd.fma(v5, minus, v2),
        simd.fma(v4, minus, v3),
    )
    for u in range(0, 8, 2):
        simd.store(numbers, at + u * step, _weighted(basis, u, s0, s1, s2, s3))
        simd.store(numbers, at + (u + 1) * step, _weighted(basis, u + 1, d0, d1, d2, d3))


@inner
def _weighted(basis, row, a, b, c, d):
    """Return the sum of four vectors, weighted by the first half of a row."""
    total = simd.fma(a, simd.broadcast(basis[row, 0]), simd.broadcast(np.float32(0)))
    total = simd.fma(b, simd.broadcast(basis[row, 1]), total)
    total = simd.fma(c, simd.broadcast(basis[row, 2]), total)
    return simd.fma(d, simd.broadcast(basis[row, 3]), total)


@inner
def _from_cosines(numbers, at, step, basis):
    """Invert `_to_cosines`."""
    one = simd.broadcast(np.float32(1))
    minus = simd.broadcast(np.float32(-1))
    c0, c1 = simd.load(numbers, at), simd.load(numbers, at + step)
    c2, c3 = simd.load(numbers, at + 2 * step), simd.load(numbers, at + 3 * step)
    c4, c5 = simd.load(numbers, at + 4 * step), simd.load(numbers, at + 5 * step)
    c6, c7 = simd.load(numbers, at + 6 * step), simd.load(numbers, at + 7 * step)
    for x in range(4):
        even = simd.fma(c0, simd.broadcast(basis[0, x]), simd.broadcast(np.float32(0)))
        even = simd.fma(c2, simd.broadcast(basis[2, x]), even)
        even = simd.fma(c4, simd.broadcast(basis[4, x]), even)
        even = simd.fma(c6, simd.broadcast(basis[6, x]), even)
        odd = simd.fma(c1, simd.broadcast(basis[1, x]), simd.broadcast(np.float32(0)))
        odd = simd.fma(c3, simd.broadcast(basis[3, x]), odd)
        odd = simd.fma(c5, simd.broadcast(basis[5, x]), odd)
        odd = simd.fma(c7, simd.broadcast(basis[7, x]), odd)
        simd.store(numbers, at + x * step, simd.fma(odd, one, even))
        simd.store(numbers, at + (7 - x) * step, simd.fma(odd, minus, even))


@kernel
def project_kernel(plane, quantised, table, basis, active, scratch, first, last):
    """Move the blocks of a plane into the intervals of their coefficients.

    Each vector holds the same pixel, or coefficient, of several blocks side by side.

    Parameters
    ----------
    basis : float32 (8, 8)
        Discrete cosine transform, a row for each cosine.
    active : uint8 (rows, columns of blocks)
        Blocks where it is 0 are left out.
    scratch : float32, flat
        `SCRATCH` numbers.
    """
    middle = np.float32(0.5)
    lows = 64 * WIDTH
    columns = np.int64(plane.shape[1] // 8)
    for i in range(first, last):
        begin = 0
        while begin < columns:
            # The next blocks that are active; what lies in the lanes of none does no harm.
            count, end = 0, begin
            while end < columns and count < WIDTH:
                if active[i, end]:
                    for y in range(8):
                        for x in range(8):
                            at = (8 * y + x) * WIDTH + count
                            scratch[at] = plane[8 * i + y, 8 * end + x]
                            place = np.float32(quantised[8 * i + y, 8 * end + x])
                            scratch[lows + at] = (place - middle) * table[y, x]
                    count += 1
                end += 1
            if count == 0:
                break
            for y in range(8):
                _to_cosines(scratch, 8 * y * WIDTH, WIDTH, basis)
            for x in range(8):
                _to_cosines(scratch, x * WIDTH, 8 * WIDTH, basis)
            for y in range(8):
                for x in range(8):
                    at = (8 * y + x) * WIDTH
                    low = simd.load(scratch, lows + at)
                    step = simd.broadcast(table[y, x])
                    high = simd.fma(step, simd.broadcast(np.float32(1)), low)
                    found = simd.maximum(simd.load(scratch, at), low)
                    simd.store(scratch, at, simd.minimum(found, high))
            for x in range(8):
                _from_cosines(scratch, x * WIDTH, 8 * WIDTH, basis)
            for y in range(8):
                _from_cosines(scratch, 8 * y * WIDTH, WIDTH, basis)
            lane = 0
            for j in range(begin, end):
                if active[i, j]:
                    for y in range(8):
                        for x in range(8):
                            plane[8 * i + y, 8 * j + x] = scratch[(8 * y + x) * WIDTH + lane]
                    lane += 1
            begin = end


@kernel
def shrink_kernel(plane, down, across, small, first, last):
    """Fill ``small`` with the means of ``down`` x ``across`` pixels of ``plane``."""
    share = np.float32(1) / np.float32(down * across)
    for i in range(8 * first, 8 * last):
        for j in range(small.shape[1]):
            total = np.float32(0)
            for y in range(down):
                for x in range(across):
                    total += plane[down * i + y, across * j + x]
            small[i, j] = total * share


@kernel
def add_change_kernel(plane, down, across, before, after, first, last):
    """Add ``after - before``, planes of fewer pixels, to all that each of theirs stands for."""
    for i in range(8 * first * down, 8 * last * down):
        row = i // down
        for j in range(before.shape[1]):
            change = after[row, j] - before[row, j]
            for x in range(across):
                plane[i, across * j + x] += change


@kernel
def cube_kernel(luma, blue, red, first, last):
    """Clip colours to red, green and blue in 0..255, as luma and chroma."""
    low, high = np.float32(-128), np.float32(127)
    for i in range(8 * first, 8 * last):
        for j in range(luma.shape[1]):
            y, cb, cr = luma[i, j], blue[i, j], red[i, j]
            r = y + np.float32(1.402) * cr
            b = y + np.float32(1.772) * cb
            g = y - np.float32(0.114 * 1.772 / 0.587) * cb - np.float32(0.299 * 1.402 / 0.587) * cr
            r, g, b = min(max(r, low), high), min(max(g, low), high), min(max(b, low), high)
            y = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
            luma[i, j] = y
            blue[i, j] = (b - y) * np.float32(1 / 1.772)
            red[i, j] = (r - y) * np.float32(1 / 1.402)
