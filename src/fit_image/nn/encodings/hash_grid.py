"""The multiresolution hash grid: learned features at the vertices of coarse and fine grids.

Source: Mueller, Evans, Schied and Keller, "Instant neural graphics primitives with a
multiresolution hash encoding", SIGGRAPH 2022. A level is a grid over the unit square; every vertex
has a few features, and the encoding of a point is the bilinear interpolation of those at its cell's
four corners. A grid whose vertices all fit into the level's table has one entry for each; in a
finer one they share entries, by a hash.

Outside the unit square the grid is reflected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import numpy as np

from fit_image.nn.encodings.base import Arrays, Encoding, Share, Touched, checked_array
from fit_image.nn.runtime.arrays import FloatArray, padded_size
from fit_image.nn.runtime.jit import inner, kernel

# Deviation of the source's initial numbers: small enough to begin with a constant output.
_INITIAL = 1e-4

# Of the source's hash: x XOR (y * prime), modulo the entries.
_PRIME = 2_654_435_761

# Columns of the table that describes the levels to the kernels. Levels with an entry for each
# vertex have the number of vertices in a row, hashed ones 0.
_START, _ENTRIES, _CELLS_X, _CELLS_Y, _ROW = range(5)


class HashGrid(Encoding):
    """Features of vectors (x, y) in 0..1.

    Parameters
    ----------
    features : int
        Numbers in an entry.
    entries : int
        Largest number of entries of a level; a power of 2.
    coarsest, finest : int
        Cells along the longer side; those of the levels between grow by a constant factor.
    sides : (int, int)
        Extents of x and y, whose ratio makes the cells square.
    """

    def __init__(
        self,
        levels: int,
        features: int,
        entries: int,
        coarsest: int,
        finest: int,
        sides: tuple[int, int],
    ) -> None:
        self._shape = (levels, features, entries, coarsest, finest, *sides)
        growth = (finest / coarsest) ** (1.0 / max(levels - 1, 1))
        table, start = [], 0
        for level in range(levels):
            # Rounded before it is cut, because a power of the root may fall just short of a number.
            cells = int(round(coarsest * growth**level, 6))
            across, down = (max(round(cells * side / max(sides)), 1) for side in sides)
            vertices = (across + 1) * (down + 1)
            dense = vertices <= entries
            count = vertices if dense else entries
            table.append((start, count, across, down, across + 1 if dense else 0))
            start += padded_size(count * features)
        self._table = np.array(table, dtype=np.int64)
        starts, counts = self._table[:, _START], self._table[:, _ENTRIES]
        spans = np.column_stack((starts, starts + counts * features))
        super().__init__(2, levels * features, spans, features)

    def to_arrays(self) -> Arrays:
        return {"grid": np.array(self._shape, dtype=np.int64)}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: int) -> Self:
        shape = checked_array(arrays, "grid", np.int64, (7,)).tolist()
        levels, features, entries, coarsest, finest, *sides = shape
        if (
            inputs != 2
            or not all(0 < number < 1 << 31 for number in shape)
            or levels > 64
            or entries & entries - 1
        ):
            raise ValueError("invalid shape of a hash grid")
        return cls(levels, features, entries, coarsest, finest, (sides[0], sides[1]))

    def init_params(self, tables: FloatArray, rng: np.random.Generator) -> None:
        """Draw the entries from a uniform in -0.0001..0.0001, as in the source."""
        for part in self.parts(tables):
            part[:] = rng.uniform(-_INITIAL, _INITIAL, part.shape)

    def parts(self, tables: FloatArray) -> Iterator[FloatArray]:
        """Yield the entries of each level as a writable view (entries, features)."""
        for start, stop in self.spans:
            yield tables[start:stop].reshape(-1, self.entry_size)

    def encode(
        self, tables: FloatArray, inputs: FloatArray, rows: FloatArray, share: Share
    ) -> None:
        _encode_kernel(tables, self._table, self.entry_size, inputs, rows, *share)

    def input_gradient(
        self, tables: FloatArray, inputs: FloatArray, grad_y: FloatArray
    ) -> FloatArray:
        """Return the gradient by the inputs; zero along an axis at an edge of a reflection."""
        gradient = np.zeros((len(inputs), 2), dtype=np.float32)
        _input_gradient_kernel(tables, self._table, self.entry_size, inputs, grad_y, gradient)
        return gradient

    def add_gradient(
        self,
        level: int,
        inputs: FloatArray,
        grad_y: FloatArray,
        gradient: FloatArray,
        touched: Touched,
    ) -> None:
        starts, count, features = touched.starts[level], touched.counts[level], self.entry_size
        touched.counts[level] = _add_gradient_kernel(
            self._table, level, features, inputs, grad_y, gradient, starts, count
        )


@inner
def _reflect(u):
    """Return ``u`` reflected into 0..1."""
    u = u - np.float32(2.0) * np.floor(u * np.float32(0.5))
    return min(u, np.float32(2.0) - u)


@inner
def _cell(u, cells):
    """Return the index of the cell of ``u`` in 0..1, and the position in it, 0..1."""
    position = u * np.float32(cells)
    # NaN may convert to any number, and the index must stay in the table.
    index = min(max(np.int64(position), 0), cells - 1)
    return index, position - np.float32(index)


@inner
def _corners(level, x, y):
    """Return the entries of a cell's corners: left and right above, left and right below."""
    if level[_ROW] > 0:
        above = y * level[_ROW] + x
        return above, above + 1, above + level[_ROW], above + level[_ROW] + 1
    mask = level[_ENTRIES] - 1
    above, below = y * _PRIME, (y + 1) * _PRIME
    return (
        (x ^ above) & mask,
        ((x + 1) ^ above) & mask,
        (x ^ below) & mask,
        ((x + 1) ^ below) & mask,
    )


@inner
def _encode_level(tables, level, features, inputs, rows, column, first, stop):
    start = level[_START]
    for i in range(first, stop):
        x, fx = _cell(_reflect(inputs[i, 0]), level[_CELLS_X])
        y, fy = _cell(_reflect(inputs[i, 1]), level[_CELLS_Y])
        e00, e10, e01, e11 = _corners(level, x, y)
        gx, gy = np.float32(1.0) - fx, np.float32(1.0) - fy
        w00, w10, w01, w11 = gx * gy, fx * gy, gx * fy, fx * fy
        e00, e10 = start + e00 * features, start + e10 * features
        e01, e11 = start + e01 * features, start + e11 * features
        for f in range(features):
            rows[i, column + f] = (
                w00 * tables[e00 + f]
                + w10 * tables[e10 + f]
                + w01 * tables[e01 + f]
                + w11 * tables[e11 + f]
            )


@kernel
def _encode_kernel(tables, table, features, inputs, rows, part, thread, threads):
    for first in range(thread * part, inputs.shape[0], threads * part):
        stop = min(first + part, inputs.shape[0])
        for level in range(table.shape[0]):
            column = level * features
            if features == 2:  # usual, and fast when the compiler knows it
                _encode_level(tables, table[level], 2, inputs, rows, column, first, stop)
            else:
                _encode_level(tables, table[level], features, inputs, rows, column, first, stop)


@inner
def _add_entry(gradient, offset, features, grad_y, i, column, weight):
    """Add to the gradient by an entry; return whether it was zero before."""
    untouched = True
    for f in range(features):
        untouched = untouched and gradient[offset + f] == np.float32(0.0)
        gradient[offset + f] += weight * grad_y[i, column + f]
    return untouched


@inner
def _add_level(table, features, inputs, grad_y, column, gradient, touched, count):
    start = table[_START]
    for i in range(inputs.shape[0]):
        x, fx = _cell(_reflect(inputs[i, 0]), table[_CELLS_X])
        y, fy = _cell(_reflect(inputs[i, 1]), table[_CELLS_Y])
        e00, e10, e01, e11 = _corners(table, x, y)
        gx, gy = np.float32(1.0) - fx, np.float32(1.0) - fy
        for entry, weight in (
            (e00, gx * gy),
            (e10, fx * gy),
            (e01, gx * fy),
            (e11, fx * fy),
        ):
            offset = start + entry * features
            first = _add_entry(gradient, offset, features, grad_y, i, column, weight)
            if first and count < touched.shape[0]:
                touched[count] = offset
                count += 1
    return count


@kernel
def _add_gradient_kernel(table, level, features, inputs, grad_y, gradient, touched, count):
    column = level * features
    if features == 2:
        return _add_level(table[level], 2, inputs, grad_y, column, gradient, touched, count)
    return _add_level(table[level], features, inputs, grad_y, column, gradient, touched, count)


@kernel
def _input_gradient_kernel(tables, table, features, inputs, grad_y, gradient):
    for i in range(inputs.shape[0]):
        for level in range(table.shape[0]):
            start = table[level, _START]
            x, fx = _cell(_reflect(inputs[i, 0]), table[level, _CELLS_X])
            y, fy = _cell(_reflect(inputs[i, 1]), table[level, _CELLS_Y])
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
            gradient[i, 0] += grad_u * np.float32(table[level, _CELLS_X])
            gradient[i, 1] += grad_v * np.float32(table[level, _CELLS_Y])
        for axis in range(2):
            u = inputs[i, axis] * np.float32(0.5)
            if u - np.floor(u) > np.float32(0.5):  # reflected
                gradient[i, axis] = -gradient[i, axis]
