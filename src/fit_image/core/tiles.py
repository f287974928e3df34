"""Arithmetic on tiles: rows of as many numbers as there are points, a whole number of vectors.

A row begins at a multiple of the vectors' width. Offsets and lengths are counted in numbers.
"""

from __future__ import annotations

import numpy as np

from fit_image.core.jit import inner
from fit_image.core.lanes import (
    WIDTH,
    at_least,
    load,
    multiply_add,
    splat,
    spread,
    store,
    where_positive,
)


@inner
def multiply(rows, depth, vectors, a, a_start, a_row, a_column, memory, b, c, rectified, mask):
    """C = A B, where rows of B and C are those of a tile.

    ``rectified`` makes 0 of what is less. Where ``mask`` is not negative, it is the offset of rows
    like those of C, and makes 0 of all whose number there is not above 0.
    """
    length = vectors * WIDTH
    for i in range(0, rows, 3):
        # Where there are fewer rows or vectors than are taken at a time, the last is taken again.
        last = rows - 1 - i
        row1, row2 = min(1, last), min(2, last)
        a0 = a_start + i * a_row
        a1, a2 = a0 + row1 * a_row, a0 + row2 * a_row
        for v in range(0, vectors, 4):
            last = vectors - 1 - v
            v1, v2, v3 = min(1, last) * WIDTH, min(2, last) * WIDTH, min(3, last) * WIDTH
            s00 = s01 = s02 = s03 = splat(np.float32(0.0))
            s10 = s11 = s12 = s13 = splat(np.float32(0.0))
            s20 = s21 = s22 = s23 = splat(np.float32(0.0))
            for k in range(depth):
                x = b + k * length + v * WIDTH
                x0, x1 = load(memory, x), load(memory, x + v1)
                x2, x3 = load(memory, x + v2), load(memory, x + v3)
                w = spread(a, a0 + k * a_column)
                s00, s01 = multiply_add(w, x0, s00), multiply_add(w, x1, s01)
                s02, s03 = multiply_add(w, x2, s02), multiply_add(w, x3, s03)
                w = spread(a, a1 + k * a_column)
                s10, s11 = multiply_add(w, x0, s10), multiply_add(w, x1, s11)
                s12, s13 = multiply_add(w, x2, s12), multiply_add(w, x3, s13)
                w = spread(a, a2 + k * a_column)
                s20, s21 = multiply_add(w, x0, s20), multiply_add(w, x1, s21)
                s22, s23 = multiply_add(w, x2, s22), multiply_add(w, x3, s23)
            y = c + i * length + v * WIDTH
            y1, y2 = y + row1 * length, y + row2 * length
            if mask >= 0:
                m = mask - c
                s00, s01 = _masked(memory, m + y, s00), _masked(memory, m + y + v1, s01)
                s02, s03 = _masked(memory, m + y + v2, s02), _masked(memory, m + y + v3, s03)
                s10, s11 = _masked(memory, m + y1, s10), _masked(memory, m + y1 + v1, s11)
                s12, s13 = _masked(memory, m + y1 + v2, s12), _masked(memory, m + y1 + v3, s13)
                s20, s21 = _masked(memory, m + y2, s20), _masked(memory, m + y2 + v1, s21)
                s22, s23 = _masked(memory, m + y2 + v2, s22), _masked(memory, m + y2 + v3, s23)
            elif rectified:
                floor = splat(np.float32(0.0))
                s00, s01, s02 = at_least(s00, floor), at_least(s01, floor), at_least(s02, floor)
                s03, s10, s11 = at_least(s03, floor), at_least(s10, floor), at_least(s11, floor)
                s12, s13, s20 = at_least(s12, floor), at_least(s13, floor), at_least(s20, floor)
                s21, s22, s23 = at_least(s21, floor), at_least(s22, floor), at_least(s23, floor)
            store(memory, y, s00), store(memory, y + v1, s01)
            store(memory, y + v2, s02), store(memory, y + v3, s03)
            store(memory, y1, s10), store(memory, y1 + v1, s11)
            store(memory, y1 + v2, s12), store(memory, y1 + v3, s13)
            store(memory, y2, s20), store(memory, y2 + v1, s21)
            store(memory, y2 + v2, s22), store(memory, y2 + v3, s23)


@inner
def _masked(memory, mask, vector):
    return where_positive(load(memory, mask), vector)


@inner
def add_outer(rows, columns, vectors, memory, d, x, sums, start, row):
    """Add D X^T to ``sums``, in which every number is a vector, to be added up at the end."""
    length = vectors * WIDTH
    for i in range(0, rows, 3):
        last = rows - 1 - i
        row1, row2 = min(1, last), min(2, last)
        d0 = d + i * length
        d1, d2 = d0 + row1 * length, d0 + row2 * length
        for k in range(0, columns, 4):
            last = columns - 1 - k
            k1, k2, k3 = min(1, last), min(2, last), min(3, last)
            x0 = x + k * length
            x1, x2, x3 = x0 + k1 * length, x0 + k2 * length, x0 + k3 * length
            g0 = start + i * row + k * WIDTH
            g1, g2 = g0 + row1 * row, g0 + row2 * row
            k1, k2, k3 = k1 * WIDTH, k2 * WIDTH, k3 * WIDTH
            s00, s01 = load(sums, g0), load(sums, g0 + k1)
            s02, s03 = load(sums, g0 + k2), load(sums, g0 + k3)
            s10, s11 = load(sums, g1), load(sums, g1 + k1)
            s12, s13 = load(sums, g1 + k2), load(sums, g1 + k3)
            s20, s21 = load(sums, g2), load(sums, g2 + k1)
            s22, s23 = load(sums, g2 + k2), load(sums, g2 + k3)
            for v in range(0, length, WIDTH):
                u0, u1, u2 = load(memory, d0 + v), load(memory, d1 + v), load(memory, d2 + v)
                w = load(memory, x0 + v)
                s00, s10 = multiply_add(u0, w, s00), multiply_add(u1, w, s10)
                s20 = multiply_add(u2, w, s20)
                w = load(memory, x1 + v)
                s01, s11 = multiply_add(u0, w, s01), multiply_add(u1, w, s11)
                s21 = multiply_add(u2, w, s21)
                w = load(memory, x2 + v)
                s02, s12 = multiply_add(u0, w, s02), multiply_add(u1, w, s12)
                s22 = multiply_add(u2, w, s22)
                w = load(memory, x3 + v)
                s03, s13 = multiply_add(u0, w, s03), multiply_add(u1, w, s13)
                s23 = multiply_add(u2, w, s23)
            store(sums, g0, s00), store(sums, g0 + k1, s01)
            store(sums, g0 + k2, s02), store(sums, g0 + k3, s03)
            store(sums, g1, s10), store(sums, g1 + k1, s11)
            store(sums, g1 + k2, s12), store(sums, g1 + k3, s13)
            store(sums, g2, s20), store(sums, g2 + k1, s21)
            store(sums, g2 + k2, s22), store(sums, g2 + k3, s23)


@inner
def add_row(memory, source, target, length):
    """Add ``length`` numbers to others in the same memory."""
    for i in range(0, length, WIDTH):
        one = splat(np.float32(1.0))
        added = multiply_add(load(memory, source + i), one, load(memory, target + i))
        store(memory, target + i, added)


@inner
def multiply_row(memory, source, target, length):
    """Multiply ``length`` numbers by others in the same memory."""
    for i in range(0, length, WIDTH):
        zero = splat(np.float32(0.0))
        product = multiply_add(load(memory, source + i), load(memory, target + i), zero)
        store(memory, target + i, product)


@inner
def copy_row(memory, source, target, length):
    """Copy ``length`` numbers to others in the same memory."""
    for i in range(0, length, WIDTH):
        store(memory, target + i, load(memory, source + i))
