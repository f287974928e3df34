"""Matrix products (gemm), the core of forward and backward passes of a batch.

C = A B is made of tiles of 6 rows and two vectors that stay in registers while the kernel runs
along the depth. The columns of B that a tile needs are laid side by side first, in a panel that
stays in the first-level cache for all tiles below one another (Goto and van de Geijn, "Anatomy of
high-performance matrix multiplication", 2008). A is read as it lies, by rows or by columns; so is
B, which is turned round on its way into the panel. While one panel is worked with, the next is
fetched, for its numbers lie too far apart to be foreseen by the processor.

Each sum is added up in the order of the depth, in blocks, so that no number in C depends on
which other rows and columns are computed with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.runtime.arrays import Matrix
from fit_image.nn.runtime.jit import alwaysinline, inner
from fit_image.nn.runtime.simd import (
    WIDTH,
    broadcast,
    broadcast_load,
    fma,
    load,
    load_unaligned,
    prefetch,
    prefetch_far,
    store,
    transpose_block,
)

_ROWS, _COLUMNS = 6, 2 * WIDTH
_DEPTH = 320

# Rows of A whose columns are laid side by side, and where in the panel.
_BLOCK = 96
_GATHERED = _COLUMNS * _DEPTH

PANEL = _GATHERED + _BLOCK * _DEPTH
"""Size of the panel that a gemm needs to work, in numbers."""

# Arrays of more numbers than this do not fit into the second-level cache.
_FAR_AWAY = 1 << 20

# Steps along the depth, for each of which a part of the next panel is fetched.
_STRETCH = 16

# Rows of C further apart than this, in numbers, are fetched before their tile begins: the processor
# itself foresees only what lies in a row.
_FAR = 256

# Of a gemm, for each thread: more, and threads end together even where one is slower; fewer, and
# each works longer on columns that lie side by side.
_PARTS = 8


@inner
def partition(rows, columns, threads, by_columns):
    """Return into how many parts a gemm is split for threads, down and across.

    And the number of rows of which the height of a part is a multiple.

    Across, so that each part reads its part of B only; or down, where A lies by columns and would
    be gathered for every part, or where the columns are too few to go round.
    """
    down, across = -(-rows // _ROWS), -(-columns // _COLUMNS)
    blocks = -(-rows // _BLOCK)
    if by_columns and blocks >= 2 * threads:
        return min(blocks, _PARTS * threads), 1, _BLOCK
    if down * -(-across // threads) <= -(-down // threads) * across:
        return 1, min(across, _PARTS * threads), _ROWS
    return min(down, threads), 1, _ROWS


@inner
def part(rows, columns, parts, number):
    """Return first and last row, and column, of a part of the `partition`: whole tiles."""
    down, across, height = parts
    tiles = -(-rows // height)
    first, last = number // across, number // across + 1
    top, bottom = tiles * first // down * height, min(tiles * last // down * height, rows)
    tiles = -(-columns // _COLUMNS)
    first, last = number % across, number % across + 1
    left, right = tiles * first // across, tiles * last // across
    return top, bottom, left * _COLUMNS, min(right * _COLUMNS, columns)


class _NextPanel(NamedTuple):
    """The part of B that is needed next, and in how many steps it is fetched."""

    b: Matrix
    steps: int


@inner
def gemm(rows, columns, depth, a, b, c, panel, add):
    """C = A B, or C += A B.

    ``a``, ``b`` and ``c`` are of type `fit_image.nn.runtime.arrays.Matrix`. C lies by rows
    (``c.column`` is 1), which start at multiples of `WIDTH`.

    B lies by rows (``b.column`` is 1): columns come in multiples of `WIDTH`, and rows start at
    them. Or by columns (``b.row`` is 1): columns start at multiples of `WIDTH`, and may be read up
    to the next beyond the depth; rows of C are written up to the next beyond the columns.
    """
    # Columns far apart would push one another out of the cache: they are laid side by side, too.
    gather = a.row == 1 and a.column > _BLOCK
    height = _BLOCK if gather else max(rows, 1)
    left, left_column = (panel, _BLOCK) if gather else (a.data, a.column)
    for i in range(0, rows, height):
        count = min(height, rows - i)
        for k in range(0, depth, _DEPTH):
            block = min(_DEPTH, depth - k)
            at = a.start + i * a.row + k * a.column
            if gather:
                _gather(count, block, Matrix(a.data, at, 1, a.column), panel)
                at = _GATHERED
            for j in range(0, columns, _COLUMNS):
                # Where there is one vector fewer than a tile has, the last is computed twice.
                second = WIDTH if j + WIDTH < columns else 0
                start = b.start + k * b.row + j * b.column
                if b.column == 1:
                    _pack(block, b.data, start, b.row, second, panel)
                else:
                    _pack_columns(block, b.data, start, b.column, columns - j, panel)
                following, steps = start + _COLUMNS * b.column, block
                if b.data.size < _FAR_AWAY:
                    steps = 0
                elif j + _COLUMNS >= columns:
                    steps = min(_DEPTH, depth - k - block)
                    following = b.start + (k + block) * b.row if steps > 0 else start
                _multiply(
                    count,
                    block,
                    Matrix(left, at, a.row, left_column),
                    panel,
                    Matrix(c.data, c.start + i * c.row + j, c.row, 1),
                    second,
                    add or k > 0,
                    _NextPanel(Matrix(b.data, following, b.row, b.column), steps),
                )


@inner
def _gather(rows, depth, a, panel):
    whole = rows // WIDTH * WIDTH
    for k in range(depth):
        source, target = a.start + k * a.column, _GATHERED + k * _BLOCK
        for i in range(0, whole, WIDTH):
            store(panel, target + i, load_unaligned(a.data, source + i))
        for i in range(whole, rows):
            panel[target + i] = a.data[source + i]


@inner
def _pack(depth, b, start, row, second, panel):
    for k in range(depth):
        store(panel, _COLUMNS * k, load(b, start + k * row))
        store(panel, _COLUMNS * k + WIDTH, load(b, start + k * row + second))


@inner
def _pack_columns(depth, b, start, column, count, panel):
    for half in range(0, _COLUMNS, WIDTH):
        first = half if half < count else 0
        if first + WIDTH <= count:
            for k in range(0, depth, WIDTH):
                transpose_block(
                    b, start + first * column + k, column, panel, _COLUMNS * k + half, _COLUMNS
                )
        else:
            for k in range(depth):
                store(panel, _COLUMNS * k + half, broadcast(np.float32(0.0)))
                for j in range(first, count):
                    panel[_COLUMNS * k + half + j - first] = b[start + j * column + k]


@inner
def _fetch_panel(b, step):
    """Fetch two vectors of a panel of B: a row of it, or a part of a column."""
    if b.column == 1:
        line = b.start + step * b.row
    else:
        line = b.start + step % _COLUMNS * b.column + step // _COLUMNS * 2 * WIDTH
    prefetch_far(b.data, line)
    prefetch_far(b.data, line + WIDTH)


@inner
def _multiply(rows, depth, a, panel, c, second, add, following):
    """C = A B for the columns of B in the panel, or C += A B, while the next panel is fetched.

    ``second`` is the distance in C between the two vectors of a row of a tile.
    """
    alwaysinline()  # its many operands would be read from the stack in every tile
    tiles = -(-rows // _ROWS)
    for i in range(0, rows, _ROWS):
        # Where there are fewer rows than a tile has, the last one is computed several times.
        last = min(_ROWS, rows - i) - 1
        row1, row2, row3 = min(1, last), min(2, last), min(3, last)
        row4, row5 = min(4, last), min(5, last)
        a1, a2, a3 = row1 * a.row, row2 * a.row, row3 * a.row
        a4, a5 = row4 * a.row, row5 * a.row
        c0 = c.start + i * c.row
        c1, c2, c3 = c0 + row1 * c.row, c0 + row2 * c.row, c0 + row3 * c.row
        c4, c5 = c0 + row4 * c.row, c0 + row5 * c.row
        if add:
            s00, s01 = load(c.data, c0), load(c.data, c0 + second)
            s10, s11 = load(c.data, c1), load(c.data, c1 + second)
            s20, s21 = load(c.data, c2), load(c.data, c2 + second)
            s30, s31 = load(c.data, c3), load(c.data, c3 + second)
            s40, s41 = load(c.data, c4), load(c.data, c4 + second)
            s50, s51 = load(c.data, c5), load(c.data, c5 + second)
        else:
            s00 = s01 = s10 = s11 = s20 = s21 = broadcast(np.float32(0.0))
            s30 = s31 = s40 = s41 = s50 = s51 = broadcast(np.float32(0.0))
        if c.row >= _FAR:
            for row in range(i + _ROWS, min(i + 2 * _ROWS, rows)):
                prefetch(c.data, c.start + row * c.row)
                prefetch(c.data, c.start + row * c.row + second)
        # Spread over the depth: memory answers so many questions at a time, and no more.
        tile = i // _ROWS
        step, stop = following.steps * tile // tiles, following.steps * (tile + 1) // tiles
        stretch = _STRETCH if following.steps > 0 else depth
        for first in range(0, depth, stretch):
            if step < stop:
                _fetch_panel(following.b, step)
                step += 1
            for k in range(first, min(first + stretch, depth)):
                b0, b1 = load(panel, _COLUMNS * k), load(panel, _COLUMNS * k + WIDTH)
                a0 = a.start + i * a.row + k * a.column
                v = broadcast_load(a.data, a0)
                s00, s01 = fma(v, b0, s00), fma(v, b1, s01)
                v = broadcast_load(a.data, a0 + a1)
                s10, s11 = fma(v, b0, s10), fma(v, b1, s11)
                v = broadcast_load(a.data, a0 + a2)
                s20, s21 = fma(v, b0, s20), fma(v, b1, s21)
                v = broadcast_load(a.data, a0 + a3)
                s30, s31 = fma(v, b0, s30), fma(v, b1, s31)
                v = broadcast_load(a.data, a0 + a4)
                s40, s41 = fma(v, b0, s40), fma(v, b1, s41)
                v = broadcast_load(a.data, a0 + a5)
                s50, s51 = fma(v, b0, s50), fma(v, b1, s51)
        store(c.data, c0, s00), store(c.data, c0 + second, s01)
        store(c.data, c1, s10), store(c.data, c1 + second, s11)
        store(c.data, c2, s20), store(c.data, c2 + second, s21)
        store(c.data, c3, s30), store(c.data, c3 + second, s31)
        store(c.data, c4, s40), store(c.data, c4 + second, s41)
        store(c.data, c5, s50), store(c.data, c5 + second, s51)
