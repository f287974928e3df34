"""Kernels of the discrete cosine transform of JPEG's 8x8 blocks.

A tile holds `WIDTH` x `WIDTH` numbers, and as many blocks as fit: next to each other in its rows,
and below. Transforming along rows is transforming along columns of the transposed tile, where
vectors are whole. Blocks of a plane come to a tile from left to right, `WIDTH` columns after the
others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fit_image.nn.runtime import arrays, simd
from fit_image.nn.runtime.jit import inner, kernel, noinline

Floats = npt.NDArray[np.float32]

WIDTH = simd.WIDTH

TILE = WIDTH * WIDTH
"""Numbers of a tile."""

TILE_COLUMNS = TILE // 8
"""Columns of a row of blocks that fill it."""

_GROUPS = WIDTH // 8

MOST_COLUMNS = 256
"""Of a row of blocks that are transformed one after the other."""

_PIXELS = 2 * TILE

QUANTISE_SCRATCH = _PIXELS + TILE
"""Numbers that `quantise_kernel` needs."""

COSINES_SCRATCH = 2 * TILE + 8 * MOST_COLUMNS
"""Numbers that `decode_kernel` needs."""

_UNCLIPPING_STEPS = 8

_LOWEST, _HIGHEST = np.float32(-128), np.float32(127)


def padded_plane(rows: int, columns: int) -> Floats:
    """Return zeros for a plane, each of whose rows starts on a cache line, in whole vectors."""
    return arrays.aligned_zeros(rows, arrays.padded_size(columns))


def steps_of(table: Floats) -> Floats:
    """Return quantisation steps as kernels take them: those of blocks next to each other."""
    steps = arrays.aligned_zeros(8, WIDTH)
    steps[:] = np.tile(table, _GROUPS)
    return steps


@inner
def _to_cosines(numbers, at, basis):
    """Transform 8 rows of a tile, in place: sums and differences first."""
    one = simd.broadcast(np.float32(1))
    minus = simd.broadcast(np.float32(-1))
    v0, v7 = simd.load(numbers, at), simd.load(numbers, at + 7 * WIDTH)
    v1, v6 = simd.load(numbers, at + WIDTH), simd.load(numbers, at + 6 * WIDTH)
    v2, v5 = simd.load(numbers, at + 2 * WIDTH), simd.load(numbers, at + 5 * WIDTH)
    v3, v4 = simd.load(numbers, at + 3 * WIDTH), simd.load(numbers, at + 4 * WIDTH)
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
        simd.store(numbers, at + u * WIDTH, _weighted(basis, u, s0, s1, s2, s3))
        simd.store(numbers, at + (u + 1) * WIDTH, _weighted(basis, u + 1, d0, d1, d2, d3))


@inner
def _weighted(basis, row, a, b, c, d):
    """Return the sum of four vectors, weighted by the first half of a row."""
    total = simd.fma(a, simd.broadcast(basis[row, 0]), simd.broadcast(np.float32(0)))
    total = simd.fma(b, simd.broadcast(basis[row, 1]), total)
    total = simd.fma(c, simd.broadcast(basis[row, 2]), total)
    return simd.fma(d, simd.broadcast(basis[row, 3]), total)


@inner
def _from_cosines(numbers, at, basis):
    """Invert `_to_cosines`."""
    one = simd.broadcast(np.float32(1))
    minus = simd.broadcast(np.float32(-1))
    c0, c1 = simd.load(numbers, at), simd.load(numbers, at + WIDTH)
    c2, c3 = simd.load(numbers, at + 2 * WIDTH), simd.load(numbers, at + 3 * WIDTH)
    c4, c5 = simd.load(numbers, at + 4 * WIDTH), simd.load(numbers, at + 5 * WIDTH)
    c6, c7 = simd.load(numbers, at + 6 * WIDTH), simd.load(numbers, at + 7 * WIDTH)
    for x in range(4):
        even = simd.fma(c0, simd.broadcast(basis[0, x]), simd.broadcast(np.float32(0)))
        even = simd.fma(c2, simd.broadcast(basis[2, x]), even)
        even = simd.fma(c4, simd.broadcast(basis[4, x]), even)
        even = simd.fma(c6, simd.broadcast(basis[6, x]), even)
        odd = simd.fma(c1, simd.broadcast(basis[1, x]), simd.broadcast(np.float32(0)))
        odd = simd.fma(c3, simd.broadcast(basis[3, x]), odd)
        odd = simd.fma(c5, simd.broadcast(basis[5, x]), odd)
        odd = simd.fma(c7, simd.broadcast(basis[7, x]), odd)
        simd.store(numbers, at + x * WIDTH, simd.fma(odd, one, even))
        simd.store(numbers, at + (7 - x) * WIDTH, simd.fma(odd, minus, even))


@inner
def tile_to_cosines(scratch, basis):
    """Transform the blocks of a tile at the begin of ``scratch``; another tile lies behind it."""
    noinline()
    simd.transpose_block(scratch, 0, WIDTH, scratch, TILE, WIDTH)
    for group in range(_GROUPS):
        _to_cosines(scratch, TILE + 8 * group * WIDTH, basis)
    simd.transpose_block(scratch, TILE, WIDTH, scratch, 0, WIDTH)
    for group in range(_GROUPS):
        _to_cosines(scratch, 8 * group * WIDTH, basis)


@inner
def tile_from_cosines(scratch, basis):
    """Invert `tile_to_cosines`."""
    noinline()
    for group in range(_GROUPS):
        _from_cosines(scratch, 8 * group * WIDTH, basis)
    simd.transpose_block(scratch, 0, WIDTH, scratch, TILE, WIDTH)
    for group in range(_GROUPS):
        _from_cosines(scratch, TILE + 8 * group * WIDTH, basis)
    simd.transpose_block(scratch, TILE, WIDTH, scratch, 0, WIDTH)


@inner
def load_tile(plane, row, left, last, scratch):
    """Fill a tile with the blocks of a row from column ``left`` on, at ``last`` at most."""
    stride = plane.shape[1]
    for group in range(_GROUPS):
        column = min(left + group * WIDTH, last)
        for y in range(8):
            pixels = simd.load(plane, (8 * row + y) * stride + column)
            simd.store(scratch, (8 * group + y) * WIDTH, pixels)


@inner
def store_tile(plane, row, left, last, scratch):
    """Invert `load_tile`."""
    stride = plane.shape[1]
    for group in range(_GROUPS):
        column = min(left + group * WIDTH, last)
        for y in range(8):
            pixels = simd.load(scratch, (8 * group + y) * WIDTH)
            simd.store(plane, (8 * row + y) * stride + column, pixels)


@inner
def widen(quantised, row, begin, end, scratch, at):
    """Copy coefficients of a row of blocks as float32, each line `MOST_COLUMNS` behind another."""
    end = min(end, quantised.shape[1])
    for y in range(8):
        numbers = quantised[8 * row + y, begin:end]
        wide = scratch[at + y * MOST_COLUMNS : at + y * MOST_COLUMNS + end - begin]
        for x in range(end - begin):
            wide[x] = np.float32(numbers[x])


@kernel
def decode_kernel(quantised, steps, basis, plane, scratch, first, last):
    """Fill a plane with what the rows ``first`` to ``last`` of blocks decode to, not clipped.

    Parameters
    ----------
    quantised : int16 (rows, columns)
    steps : float32 (8, WIDTH)
        See `steps_of`.
    plane : float32 (rows, columns)
        Of `padded_plane`.
    scratch : float32, flat
        `COSINES_SCRATCH` numbers.
    """
    nothing = simd.broadcast(np.float32(0))
    columns = plane.shape[1]
    for i in range(first, last):
        for begin in range(0, columns, MOST_COLUMNS):
            end = min(begin + MOST_COLUMNS, columns)
            widen(quantised, i, begin, end, scratch, 2 * TILE)
            for left in range(begin, end, TILE_COLUMNS):
                for group in range(_GROUPS):
                    column = min(left + group * WIDTH, end - WIDTH)
                    for y in range(8):
                        place = 2 * TILE + y * MOST_COLUMNS + column - begin
                        step = simd.load(steps, y * WIDTH)
                        number = simd.fma(simd.load(scratch, place), step, nothing)
                        simd.store(scratch, (8 * group + y) * WIDTH, number)
                tile_from_cosines(scratch, basis)
                store_tile(plane, i, left, end - WIDTH, scratch)


@inner
def _round(scratch, steps):
    """Divide the numbers of a tile by quantisation steps, and round to integers."""
    for y in range(WIDTH):
        line, own = scratch[y * WIDTH : y * WIDTH + WIDTH], steps[y % 8]
        for x in range(WIDTH):
            line[x] = np.rint(line[x] / own[x])


@inner
def _multiply(scratch, steps):
    """Multiply the numbers of a tile by quantisation steps."""
    nothing = simd.broadcast(np.float32(0))
    for y in range(WIDTH):
        step = simd.load(steps, y % 8 * WIDTH)
        simd.store(scratch, y * WIDTH, simd.fma(simd.load(scratch, y * WIDTH), step, nothing))


@inner
def _is_clipped(scratch, at):
    """Return whether a block has pixels at the ends of the range."""
    for y in range(8):
        for x in range(8):
            number = scratch[at + y * WIDTH + x]
            if number <= _LOWEST or number >= _HIGHEST:
                return True
    return False


@inner
def _unclip(scratch, at):
    """Replace what a block decodes to by its pixels, those at the ends of the range beyond these.

    Returns
    -------
    bool
        Whether the pixels do not fit.
    """
    unfit = False
    for y in range(8):
        for x in range(8):
            place = at + y * WIDTH + x
            decoded, pixel = scratch[place], scratch[_PIXELS + place]
            if abs(min(max(decoded, _LOWEST), _HIGHEST) - pixel) > np.float32(1):
                unfit = True
            if pixel >= _HIGHEST:
                scratch[place] = max(decoded, _HIGHEST)
            elif pixel <= _LOWEST:
                scratch[place] = min(decoded, _LOWEST)
            else:
                scratch[place] = pixel
    return unfit


@kernel
def quantise_kernel(plane, steps, basis, quantised, scratch, first, last):
    """Fill ``quantised`` with the coefficients that decode to a plane in -128..127.

    Where pixels at the ends of the range do not fit the coefficients, these may have been beyond
    them: they are moved there, and the block is transformed again, a few times. Parameters are
    those of `decode_kernel`, but for `QUANTISE_SCRATCH` numbers of ``scratch``.
    """
    columns, width = plane.shape[1], quantised.shape[1]
    for i in range(first, last):
        for left in range(0, columns, TILE_COLUMNS):
            load_tile(plane, i, left, columns - WIDTH, scratch)
            for place in range(TILE):
                scratch[_PIXELS + place] = scratch[place]
            unfit = np.int64(0)  # a bit for each block of the tile
            for step in range(_UNCLIPPING_STEPS + 1):
                tile_to_cosines(scratch, basis)
                _round(scratch, steps)
                for slot in range(_GROUPS * _GROUPS):
                    group, side = slot // _GROUPS, slot % _GROUPS
                    column = min(left + group * WIDTH, columns - WIDTH) + 8 * side
                    at = 8 * (group * WIDTH + side)
                    if column >= width or (step > 0 and not unfit >> slot & 1):
                        continue
                    for y in range(8):
                        for x in range(8):
                            number = scratch[at + y * WIDTH + x]
                            quantised[8 * i + y, column + x] = np.int16(number)
                    if step == 0 and _is_clipped(scratch, _PIXELS + at):
                        unfit |= 1 << slot
                if unfit == 0 or step == _UNCLIPPING_STEPS:
                    break
                _multiply(scratch, steps)
                tile_from_cosines(scratch, basis)
                for slot in range(_GROUPS * _GROUPS):
                    if unfit >> slot & 1 and not _unclip(
                        scratch, 8 * (slot // _GROUPS * WIDTH + slot % _GROUPS)
                    ):
                        unfit ^= 1 << slot
                if unfit == 0:
                    break
