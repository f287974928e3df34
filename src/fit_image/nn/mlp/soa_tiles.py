"""Arithmetic on tiles: rows of as many numbers as there are points, a whole number of vectors.

A row begins at a multiple of the vectors' width. Offsets and lengths are counted in numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import RELU, TANH
from fit_image.nn.kernels.vector_math import hyperbolic_tangents
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import alwaysinline, inner
from fit_image.nn.runtime.simd import (
    WIDTH,
    broadcast,
    broadcast_load,
    fma,
    load,
    maximum,
    select,
    store,
)

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


# What a product begins with: zeros, a bias for every row, or rows that are added.
ZEROS, BIASES, ROWS = range(3)
# What becomes of a product: nothing, max(0, product), or 0 where another row is not above 0.
IDENTITY, RECTIFIED, MASKED = range(3)


class Tile(NamedTuple):
    """Rows of a tile's points."""

    memory: FloatArray
    row: int  # numbers from row to row
    vectors: int  # vectors of a row that are in use


class Operand(NamedTuple):
    """A further operand of a product: what is done with it, and its offset if it has one."""

    kind: int
    start: int


@inner
def multiply(rows, depth, a, tile, b, c, init, epilogue):
    """C = epilogue(init + A B), where rows of B and C are those of a tile.

    ``a`` is a `fit_image.nn.runtime.arrays.Matrix`; ``b`` and ``c`` are offsets in the tile's
    memory. ``init`` is an `Operand` of kind ZEROS, BIASES (a number for every row of C) or ROWS
    (like those of C); ``epilogue`` one of kind IDENTITY, RECTIFIED or MASKED (rows like those of
    C, which are 0 where those are not above 0).
    """
    alwaysinline()
    memory, row, vectors = tile
    for i in range(0, rows, 3):
        # Where there are fewer rows or vectors than are used at a time, the last is used again.
        last = rows - 1 - i
        row1, row2 = min(1, last), min(2, last)
        a0 = a.start + i * a.row
        a1, a2 = a0 + row1 * a.row, a0 + row2 * a.row
        bias0 = bias1 = bias2 = broadcast(np.float32(0.0))
        if init.kind == BIASES:
            bias = init.start + i
            bias0, bias1 = broadcast_load(memory, bias), broadcast_load(memory, bias + row1)
            bias2 = broadcast_load(memory, bias + row2)
        for v in range(0, vectors, 4):
            last = vectors - 1 - v
            v1, v2, v3 = min(1, last) * WIDTH, min(2, last) * WIDTH, min(3, last) * WIDTH
            s00 = s01 = s02 = s03 = bias0
            s10 = s11 = s12 = s13 = bias1
            s20 = s21 = s22 = s23 = bias2
            if init.kind == ROWS:
                y = init.start + i * row + v * WIDTH
                s00, s01 = load(memory, y), load(memory, y + v1)
                s02, s03 = load(memory, y + v2), load(memory, y + v3)
                y1 = y + row1 * row
                s10, s11 = load(memory, y1), load(memory, y1 + v1)
                s12, s13 = load(memory, y1 + v2), load(memory, y1 + v3)
                y2 = y + row2 * row
                s20, s21 = load(memory, y2), load(memory, y2 + v1)
                s22, s23 = load(memory, y2 + v2), load(memory, y2 + v3)
            for k in range(depth):
                x = b + k * row + v * WIDTH
                x0, x1 = load(memory, x), load(memory, x + v1)
                x2, x3 = load(memory, x + v2), load(memory, x + v3)
                w = broadcast_load(a.data, a0 + k * a.column)
                s00, s01 = fma(w, x0, s00), fma(w, x1, s01)
                s02, s03 = fma(w, x2, s02), fma(w, x3, s03)
                w = broadcast_load(a.data, a1 + k * a.column)
                s10, s11 = fma(w, x0, s10), fma(w, x1, s11)
                s12, s13 = fma(w, x2, s12), fma(w, x3, s13)
                w = broadcast_load(a.data, a2 + k * a.column)
                s20, s21 = fma(w, x0, s20), fma(w, x1, s21)
                s22, s23 = fma(w, x2, s22), fma(w, x3, s23)
            y = c + i * row + v * WIDTH
            y1, y2 = y + row1 * row, y + row2 * row
            if epilogue.kind == MASKED:
                m = epilogue.start - c
                s00, s01 = _masked(memory, m + y, s00), _masked(memory, m + y + v1, s01)
                s02, s03 = _masked(memory, m + y + v2, s02), _masked(memory, m + y + v3, s03)
                s10, s11 = _masked(memory, m + y1, s10), _masked(memory, m + y1 + v1, s11)
                s12, s13 = _masked(memory, m + y1 + v2, s12), _masked(memory, m + y1 + v3, s13)
                s20, s21 = _masked(memory, m + y2, s20), _masked(memory, m + y2 + v1, s21)
                s22, s23 = _masked(memory, m + y2 + v2, s22), _masked(memory, m + y2 + v3, s23)
            elif epilogue.kind == RECTIFIED:
                floor = broadcast(np.float32(0.0))
                s00, s01, s02 = maximum(s00, floor), maximum(s01, floor), maximum(s02, floor)
                s03, s10, s11 = maximum(s03, floor), maximum(s10, floor), maximum(s11, floor)
                s12, s13, s20 = maximum(s12, floor), maximum(s13, floor), maximum(s20, floor)
                s21, s22, s23 = maximum(s21, floor), maximum(s22, floor), maximum(s23, floor)
            store(memory, y, s00), store(memory, y + v1, s01)
            store(memory, y + v2, s02), store(memory, y + v3, s03)
            store(memory, y1, s10), store(memory, y1 + v1, s11)
            store(memory, y1 + v2, s12), store(memory, y1 + v3, s13)
            store(memory, y2, s20), store(memory, y2 + v1, s21)
            store(memory, y2 + v2, s22), store(memory, y2 + v3, s23)


@inner
def _masked(memory, mask, vector):
    return select(load(memory, mask), vector)


@inner
def add_outer(rows, columns, tile, d, x, sums, biases):
    """Add D X^T to ``sums``, in which every number is a vector, to be added up at the end.

    ``sums`` is a `fit_image.nn.runtime.arrays.Matrix` of such vectors. The sums of D's rows are
    added to vectors from the offset ``biases`` on, as far apart as its rows.
    """
    alwaysinline()
    memory, row, vectors = tile
    data, stride = sums.data, sums.row
    one = broadcast(np.float32(1.0))
    for i in range(0, rows, 3):
        last = rows - 1 - i
        row1, row2 = min(1, last), min(2, last)
        d0 = d + i * row
        d1, d2 = d0 + row1 * row, d0 + row2 * row
        row1, row2 = row1 * stride, row2 * stride
        for k in range(0, columns, 3):
            last = columns - 1 - k
            k1, k2 = min(1, last), min(2, last)
            x0 = x + k * row
            x1, x2 = x0 + k1 * row, x0 + k2 * row
            g0 = sums.start + i * stride + k * WIDTH
            g1, g2 = g0 + row1, g0 + row2
            k1, k2 = k1 * WIDTH, k2 * WIDTH
            b0 = biases + i * stride
            t0, t1, t2 = load(data, b0), load(data, b0 + row1), load(data, b0 + row2)
            s00, s01, s02 = load(data, g0), load(data, g0 + k1), load(data, g0 + k2)
            s10, s11, s12 = load(data, g1), load(data, g1 + k1), load(data, g1 + k2)
            s20, s21, s22 = load(data, g2), load(data, g2 + k1), load(data, g2 + k2)
            for v in range(0, vectors * WIDTH, WIDTH):
                u0, u1, u2 = load(memory, d0 + v), load(memory, d1 + v), load(memory, d2 + v)
                if k == 0:
                    t0, t1 = fma(u0, one, t0), fma(u1, one, t1)
                    t2 = fma(u2, one, t2)
                w = load(memory, x0 + v)
                s00, s10 = fma(u0, w, s00), fma(u1, w, s10)
                s20 = fma(u2, w, s20)
                w = load(memory, x1 + v)
                s01, s11 = fma(u0, w, s01), fma(u1, w, s11)
                s21 = fma(u2, w, s21)
                w = load(memory, x2 + v)
                s02, s12 = fma(u0, w, s02), fma(u1, w, s12)
                s22 = fma(u2, w, s22)
            (
                store(data, b0, t0),
                store(data, b0 + row1, t1),
                store(data, b0 + row2, t2),
            )
            (
                store(data, g0, s00),
                store(data, g0 + k1, s01),
                store(data, g0 + k2, s02),
            )
            (
                store(data, g1, s10),
                store(data, g1 + k1, s11),
                store(data, g1 + k2, s12),
            )
            (
                store(data, g2, s20),
                store(data, g2 + k1, s21),
                store(data, g2 + k2, s22),
            )


@inner
def add_rows(rows, tile, source, target):
    """Add rows to others in the same memory."""
    memory, row, vectors = tile
    one = broadcast(np.float32(1.0))
    for i in range(0, rows * row, row):
        for v in range(i, i + vectors * WIDTH, WIDTH):
            added = fma(load(memory, source + v), one, load(memory, target + v))
            store(memory, target + v, added)


@inner
def multiply_rows(rows, tile, source, target):
    """Multiply rows by others in the same memory."""
    memory, row, vectors = tile
    zero = broadcast(np.float32(0.0))
    for i in range(0, rows * row, row):
        for v in range(i, i + vectors * WIDTH, WIDTH):
            product = fma(load(memory, source + v), load(memory, target + v), zero)
            store(memory, target + v, product)


@inner
def copy_rows(rows, tile, source, target):
    """Copy rows to others in the same memory."""
    memory, row, vectors = tile
    for i in range(0, rows * row, row):
        for v in range(i, i + vectors * WIDTH, WIDTH):
            store(memory, target + v, load(memory, source + v))


@inner
def tanh_rows(rows, tile, sums, values, cache, init):
    """Write tanh of the sums to the values, and if ``cache`` to the place of the sums, too.

    ``init`` is an `Operand` of kind ZEROS, or ROWS that are added to the values.
    """
    alwaysinline()
    memory, row, vectors = tile
    one = broadcast(np.float32(1.0))
    for i in range(0, rows * row, row):
        for v in range(i, i + vectors * WIDTH, WIDTH):
            tanh = hyperbolic_tangents(load(memory, sums + v))
            if cache:
                store(memory, sums + v, tanh)
            if init.kind == ROWS:
                tanh = fma(tanh, one, load(memory, init.start + v))
            store(memory, values + v, tanh)


@inner
def slope_rows(rows, tile, values, grad_y, deltas, code):
    """Write the gradient by weighted sums, where the slope follows from the values.

    Values of tanh and sigmoid are read from ``deltas``, which is overwritten.
    """
    alwaysinline()
    memory, row, vectors = tile
    zero, one, minus = broadcast(_ZERO), broadcast(_ONE), broadcast(-_ONE)
    for i in range(0, rows * row, row):
        for v in range(i, i + vectors * WIDTH, WIDTH):
            gradient = load(memory, grad_y + v)
            if code == RELU:
                delta = select(load(memory, values + v), gradient)
            else:
                y = load(memory, deltas + v)
                slope = fma(y, fma(y, minus, one), zero)
                if code == TANH:
                    slope = fma(y, fma(y, minus, zero), one)
                delta = fma(slope, gradient, zero)
            store(memory, deltas + v, delta)
