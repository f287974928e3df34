"""The kernels of the hash grid.

Samples go through a level in blocks: first the corners of all their cells are found, and then the
entries there are read or added to, while those of later samples are fetched into the cache.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fit_image.nn.optimizers.touched import note, note_all
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import alwaysinline, inner, kernel
from fit_image.nn.runtime.simd import prefetch, prefetch_far

# Columns of the table that describes the levels to the kernels. Levels with an entry for each
# vertex have the number of vertices in a row, hashed ones 0. A region of a level has the entries
# whose numbers are the same but for so many bits on the right.
START, ENTRIES, CELLS_X, CELLS_Y, ROW, REGION_BITS = range(6)

REGIONS = 16
"""Into so many at most, a level is cut for threads."""

# Of the source's hash: x XOR (y * prime), modulo the entries.
_PRIME = 2_654_435_761

_BLOCK = 128

# Samples whose entries are fetched before their turn.
_AHEAD = 12

# Entries for each sample up to which all entries of a level are taken as touched.
_CROWDED = 32


class Corners(NamedTuple):
    """Memory for the corners of the cells of a block's samples."""

    entries: npt.NDArray[np.int32]  # (4, _BLOCK); `HashGrid` has less than 2^31
    weights: FloatArray  # (4, _BLOCK)

    @classmethod
    def empty(cls) -> Self:
        """Return new memory."""
        return cls(np.empty((4, _BLOCK), np.int32), np.empty((4, _BLOCK), np.float32))


@inner
def _reflect(u):
    """Return ``u`` reflected into 0..1."""
    u = u - np.float32(2.0) * np.floor(u * np.float32(0.5))
    return min(u, np.float32(2.0) - u)


@inner
def _cell(u, cells):
    """Return the index of the cell of ``u`` in 0..1, and the position in it, 0..1.

    Where there are no cells, both are 0.
    """
    position = u * np.float32(cells)
    # NaN may convert to any number, and the index must stay in the table.
    index = max(min(np.int32(position), np.int32(cells - 1)), np.int32(0))
    return index, position - np.float32(index)


@inner
def _corners(level, x, y):
    """Return the entries of a cell's corners: left and right above, left and right below."""
    right, down = _steps(level)
    if level[ROW] > 0:
        above = y * level[ROW] + x
        below = above + down * level[ROW]
        return above, above + right, below, below + right
    mask = level[ENTRIES] - 1
    above, below = y * _PRIME, (y + down) * _PRIME
    return (
        (x ^ above) & mask,
        ((x + right) ^ above) & mask,
        (x ^ below) & mask,
        ((x + right) ^ below) & mask,
    )


@inner
def _steps(level):
    """Return the steps to the next vertex along x and y: 1, or 0 where there are no cells."""
    return min(level[CELLS_X], 1), min(level[CELLS_Y], 1)


@inner
def _find_cells(inputs, axis, first, cells, found, rest, memory):
    """Find the cells of some samples along an axis, and the positions in them."""
    for j in range(found.size):
        memory[j] = inputs[first + j, axis]
    for j in range(found.size):
        found[j], rest[j] = _cell(_reflect(memory[j]), cells)


@inner
def _find_corners(level, inputs, first, count, corners):
    """Find the corners for ``count`` samples.

    In several loops, because of one that did all of it the compiler would make no vectors.
    """
    e00, e10, e01, e11 = _rows(corners.entries, count)
    w00, w10, w01, w11 = _rows(corners.weights, count)
    _find_cells(inputs, 0, first, level[CELLS_X], e00, w00, w11)
    _find_cells(inputs, 1, first, level[CELLS_Y], e10, w10, w11)
    for j in range(count):
        fx, fy = w00[j], w10[j]
        gx, gy = np.float32(1.0) - fx, np.float32(1.0) - fy
        w00[j], w10[j] = gx * gy, fx * gy
        w01[j], w11[j] = gx * fy, fx * fy
    row, mask = level[ROW], level[ENTRIES] - 1
    right, down = _steps(level)
    if row > 0:
        down *= row
        for j in range(count):
            above = e10[j] * row + e00[j]
            below = above + down
            e00[j], e10[j], e01[j], e11[j] = above, above + right, below, below + right
    else:
        down *= _PRIME
        for j in range(count):
            x, above = e00[j], e10[j] * _PRIME
            below = above + down
            e00[j], e10[j] = (x ^ above) & mask, ((x + right) ^ above) & mask
            e01[j], e11[j] = (x ^ below) & mask, ((x + right) ^ below) & mask


@inner
def _rows(numbers, count):
    return numbers[0, :count], numbers[1, :count], numbers[2, :count], numbers[3, :count]


@inner
def _offset(start, entry, features):
    """Return where an entry begins, as a number that numba does not take as from the end."""
    return np.uintp(start + entry * features)


@inner
def _encode_block(tables, start, features, corners, rows, column, first, count):
    alwaysinline()  # or the compiler does not know the number of features
    entries, weights = corners
    for j in range(count):
        later = min(j + _AHEAD, count - 1)
        for corner in range(4):
            prefetch_far(tables, start + entries[corner, later] * features)
        e00 = _offset(start, entries[0, j], features)
        e10 = _offset(start, entries[1, j], features)
        e01 = _offset(start, entries[2, j], features)
        e11 = _offset(start, entries[3, j], features)
        w00, w10, w01, w11 = weights[0, j], weights[1, j], weights[2, j], weights[3, j]
        for g in range(features):
            f = np.uintp(g)
            rows[first + j, column + g] = (
                w00 * tables[e00 + f]
                + w10 * tables[e10 + f]
                + w01 * tables[e01 + f]
                + w11 * tables[e11 + f]
            )


@inner
def encode_rows(tables, table, features, inputs, rows, share, corners):
    """Encode a share of the samples: every ``threads``-th part, from ``thread`` on."""
    part, thread, threads = share
    for start in range(thread * part, inputs.shape[0], threads * part):
        stop = min(start + part, inputs.shape[0])
        for first in range(start, stop, _BLOCK):
            count = min(_BLOCK, stop - first)
            for level in range(table.shape[0]):
                _find_corners(table[level], inputs, first, count, corners)
                begin, column = table[level, START], level * features
                if features == 2:  # usual, and fast when the compiler knows it
                    _encode_block(tables, begin, 2, corners, rows, column, first, count)
                else:
                    _encode_block(tables, begin, features, corners, rows, column, first, count)


@inner
def _add_entry(gradient, offset, features, grad_y, i, column, weight):
    """Add to the gradient by an entry; return whether it was zero before."""
    untouched = True
    for f in range(features):
        at = offset + np.uintp(f)
        untouched = untouched and gradient[at] == np.float32(0.0)
        gradient[at] += weight * grad_y[i, column + f]
    return untouched


@inner
def _add_block(table, level, features, corners, span, samples, gradient, notes):
    """Add the gradient by entries in ``span`` over ``samples`` of a block: grad_y, first, count.

    ``notes`` is None where all entries count as touched; they are so few that they need not be
    fetched.
    """
    alwaysinline()
    grad_y, first, count = samples
    entries, weights = corners
    lowest, end = span
    start, column = table[level, START], level * features
    bits, first_unit = table[level, REGION_BITS], level * REGIONS
    for j in range(count):
        if notes is not None:
            later = min(j + _AHEAD, count - 1)
            for corner in range(4):
                entry = entries[corner, later]
                if lowest <= entry < end:
                    prefetch(gradient, start + entry * features)
        for corner in range(4):
            entry = entries[corner, j]
            if lowest <= entry < end:
                offset, weight = _offset(start, entry, features), weights[corner, j]
                untouched = _add_entry(
                    gradient, offset, features, grad_y, first + j, column, weight
                )
                if notes is not None and untouched:
                    note(notes, first_unit + (entry >> bits), offset)


@inner
def add_gradient(table, features, samples, gradient, notes, units, corners):
    """Add the gradient by the entries in some units, which are the regions of all levels.

    Every thread goes over all samples in order: by whom an entry's sum is made changes no bit.
    """
    inputs, grad_y = samples
    first_unit, stop_unit = units
    for level in range(first_unit // REGIONS, -(-stop_unit // REGIONS)):
        low = max(first_unit - level * REGIONS, 0)
        high = min(stop_unit - level * REGIONS, REGIONS)
        span = low << table[level, REGION_BITS], high << table[level, REGION_BITS]
        # Where many entries are touched, noting which ones would take longer than stepping in all.
        whole = inputs.shape[0] * _CROWDED >= table[level, ENTRIES]
        if whole:
            for unit in range(level * REGIONS + low, level * REGIONS + high):
                note_all(notes, unit)
        for first in range(0, inputs.shape[0], _BLOCK):
            count = min(_BLOCK, inputs.shape[0] - first)
            _find_corners(table[level], inputs, first, count, corners)
            some = (grad_y, first, count)
            if features == 2 and whole:
                _add_block(table, level, 2, corners, span, some, gradient, None)
            elif features == 2:
                _add_block(table, level, 2, corners, span, some, gradient, notes)
            elif whole:
                _add_block(table, level, features, corners, span, some, gradient, None)
            else:
                _add_block(table, level, features, corners, span, some, gradient, notes)


@kernel
def encode_kernel(tables, table, features, inputs, rows, share, corners):
    """Run `encode_rows`."""
    encode_rows(tables, table, features, inputs, rows, share, corners)


@kernel
def add_gradient_kernel(table, features, samples, gradient, notes, units, corners):
    """Run `add_gradient`."""
    add_gradient(table, features, samples, gradient, notes, units, corners)


@kernel
def input_gradient_kernel(tables, table, features, inputs, grad_y, gradient):
    """Compute the gradient by the inputs."""
    for i in range(inputs.shape[0]):
        for level in range(table.shape[0]):
            start = table[level, START]
            x, fx = _cell(_reflect(inputs[i, 0]), table[level, CELLS_X])
            y, fy = _cell(_reflect(inputs[i, 1]), table[level, CELLS_Y])
            e00, e10, e01, e11 = _corners(table[level], x, y)
            gx, gy = np.float32(1.0) - fx, np.float32(1.0) - fy
            grad_u = grad_v = np.float32(0.0)
            for f in range(features):
                t00 = tables[start + e00 * features + f]
                t10 = tables[start + e10 * features + f]
                t01 = tables[start + e01 * features + f]
                t11 = tables[start + e11 * features + f]
                u = grad_y[i, level * features + f]
                grad_u += u * (gy * (t10 - t00) + fy * (t11 - t01))
                grad_v += u * (gx * (t01 - t00) + fx * (t11 - t10))
            gradient[i, 0] += grad_u * np.float32(table[level, CELLS_X])
            gradient[i, 1] += grad_v * np.float32(table[level, CELLS_Y])
        for axis in range(2):
            u = inputs[i, axis] * np.float32(0.5)
            if u - np.floor(u) > np.float32(0.5):  # reflected
                gradient[i, axis] = -gradient[i, axis]
