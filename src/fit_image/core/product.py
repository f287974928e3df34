"""Products of matrices, for kernels that carry a batch through a network.

C = A B is made of tiles of 6 rows and two vectors that stay in registers while the kernel runs
along the depth. The columns of B that a tile needs are laid side by side first, in a panel that
stays in the first-level cache for all tiles below one another (Goto and van de Geijn, "Anatomy of
high-performance matrix multiplication", 2008). A is read as it lies: by rows or by columns.

Each sum is added up in the order of the depth, in blocks, so that no number in C depends on
which other rows and columns are computed with it.
"""

from __future__ import annotations

import numpy as np

from fit_image.core.jit import inner
from fit_image.core.lanes import WIDTH, load, multiply_add, splat, spread, store

_ROWS, _COLUMNS = 6, 2 * WIDTH
_DEPTH = 320

PANEL = _COLUMNS * _DEPTH
"""Numbers of the panel that a product needs to work."""


@inner
def product(
    rows, columns, depth, a, a_start, a_row, a_column, b, b_start, b_row, c, c_start, c_row, panel,
    add,
):  # fmt: skip
    """C = A B, or C += A B.

    ``a``, ``b`` and ``c`` are the vectors that hold the matrices, from the ``_start`` on; ``_row``
    and ``_column`` are the distances from one row or column to the next. Columns come in multiples
    of `WIDTH`, and the rows of B and C start at them.
    """
    for k in range(0, depth, _DEPTH):
        block = min(_DEPTH, depth - k)
        for j in range(0, columns, _COLUMNS):
            # Where there is one vector fewer than a tile has, the last one is computed twice.
            second = WIDTH if j + WIDTH < columns else 0
            _pack(block, b, b_start + k * b_row + j, b_row, second, panel)
            _multiply(
                rows,
                block,
                a,
                a_start + k * a_column,
                a_row,
                a_column,
                panel,
                c,
                c_start + j,
                c_row,
                second,
                add or k > 0,
            )


@inner
def _pack(depth, b, start, row, second, panel):
    for k in range(depth):
        store(panel, _COLUMNS * k, load(b, start + k * row))
        store(panel, _COLUMNS * k + WIDTH, load(b, start + k * row + second))


@inner
def _multiply(rows, depth, a, a_start, a_row, a_column, panel, c, c_start, c_row, second, add):
    """Multiply A by the panel."""
    for i in range(0, rows, _ROWS):
        # Where there are fewer rows than a tile has, the last one is computed several times.
        last = min(_ROWS, rows - i) - 1
        row1, row2, row3 = min(1, last), min(2, last), min(3, last)
        row4, row5 = min(4, last), min(5, last)
        a1, a2, a3 = row1 * a_row, row2 * a_row, row3 * a_row
        a4, a5 = row4 * a_row, row5 * a_row
        c0 = c_start + i * c_row
        c1, c2, c3 = c0 + row1 * c_row, c0 + row2 * c_row, c0 + row3 * c_row
        c4, c5 = c0 + row4 * c_row, c0 + row5 * c_row
        if add:
            s00, s01 = load(c, c0), load(c, c0 + second)
            s10, s11 = load(c, c1), load(c, c1 + second)
            s20, s21 = load(c, c2), load(c, c2 + second)
            s30, s31 = load(c, c3), load(c, c3 + second)
            s40, s41 = load(c, c4), load(c, c4 + second)
            s50, s51 = load(c, c5), load(c, c5 + second)
        else:
            s00 = s01 = s10 = s11 = s20 = s21 = splat(np.float32(0.0))
            s30 = s31 = s40 = s41 = s50 = s51 = splat(np.float32(0.0))
        for k in range(depth):
            b0, b1 = load(panel, _COLUMNS * k), load(panel, _COLUMNS * k + WIDTH)
            a0 = a_start + i * a_row + k * a_column
            v = spread(a, a0)
            s00, s01 = multiply_add(v, b0, s00), multiply_add(v, b1, s01)
            v = spread(a, a0 + a1)
            s10, s11 = multiply_add(v, b0, s10), multiply_add(v, b1, s11)
            v = spread(a, a0 + a2)
            s20, s21 = multiply_add(v, b0, s20), multiply_add(v, b1, s21)
            v = spread(a, a0 + a3)
            s30, s31 = multiply_add(v, b0, s30), multiply_add(v, b1, s31)
            v = spread(a, a0 + a4)
            s40, s41 = multiply_add(v, b0, s40), multiply_add(v, b1, s41)
            v = spread(a, a0 + a5)
            s50, s51 = multiply_add(v, b0, s50), multiply_add(v, b1, s51)
        store(c, c0, s00), store(c, c0 + second, s01)
        store(c, c1, s10), store(c, c1 + second, s11)
        store(c, c2, s20), store(c, c2 + second, s21)
        store(c, c3, s30), store(c, c3 + second, s31)
        store(c, c4, s40), store(c, c4 + second, s41)
        store(c, c5, s50), store(c, c5 + second, s51)
