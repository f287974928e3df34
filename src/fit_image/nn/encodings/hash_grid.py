"""The multiresolution hash grid: learned features at the vertices of coarse and fine grids.

Source: Mueller, Evans, Schied and Keller, "Instant neural graphics primitives with a
multiresolution hash encoding", SIGGRAPH 2022. A level is a grid over the unit square; every vertex
has a few features, and the encoding of a point is the bilinear interpolation of those at its cell's
four corners. A grid whose vertices all fit into the level's table has one entry for each; in a
finer one they share entries, by a hash.

Two more levels may be grids along one axis alone, of columns and of rows, with an entry for each
vertex, as the vectors of a decomposed tensor (Chen, Xu, Geiger, Yu and Su, "TensoRF: tensorial
radiance fields", ECCV 2022): for few numbers, they tell the layers where a point is among those
that share entries.

Outside the unit square the grid is reflected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import numpy as np

from fit_image.nn.encodings.base import Arrays, Encoding, Share, checked_array
from fit_image.nn.encodings.hash_grid_kernels import (
    ENTRIES,
    REGION_BITS,
    REGIONS,
    START,
    Corners,
    add_gradient_kernel,
    encode_kernel,
    input_gradient_kernel,
)
from fit_image.nn.optimizers.touched import Touched
from fit_image.nn.runtime.arrays import LANES, FloatArray, padded_size

# Deviation of the source's initial numbers: small enough to begin with a constant output.
_INITIAL = 1e-4

# Regions begin at cache lines, whatever the size of an entry.
_LEAST_BITS = LANES.bit_length() - 1

# What a sample costs in a level, in the time that adding to an entry takes: adding to four of them,
# and the step of those; or that of all entries, so many at once, where they are fewer.
_ADDED, _STEPPED, _AT_ONCE = 4, 8, 4


class HashGrid(Encoding):
    """Features of vectors (x, y) in 0..1.

    Parameters
    ----------
    features : int
        Numbers in an entry.
    entries : int
        Largest number of entries of a level of both axes; a power of 2.
    coarsest, finest : int
        Cells along the longer side; those of the levels between grow by a constant factor.
    sides : (int, int)
        Extents of x and y, whose ratio makes the cells square.
    axes : int
        Cells along the longer side of the grids along one axis; 0: there are none.
    """

    def __init__(
        self,
        levels: int,
        features: int,
        entries: int,
        coarsest: int,
        finest: int,
        sides: tuple[int, int],
        axes: int = 0,
    ) -> None:
        shape = (levels, features, entries, coarsest, finest, *sides)
        self._shape = (*shape, axes) if axes else shape
        growth = (finest / coarsest) ** (1.0 / max(levels - 1, 1))
        # Rounded before it is cut, because a power of the root may fall just short of a number.
        longer = [int(round(coarsest * growth**level, 6)) for level in range(levels)]
        grids = [_cells(cells, sides) for cells in longer]
        if axes:
            across, down = _cells(axes, sides)
            grids += [(across, 0), (0, down)]
        table, start = [], 0
        for across, down in grids:
            vertices = (across + 1) * (down + 1)
            dense = vertices <= entries or not (across and down)
            count = vertices if dense else entries
            bits = max(((count - 1) // REGIONS).bit_length(), _LEAST_BITS)
            table.append((start, count, across, down, across + 1 if dense else 0, bits))
            start += padded_size(count * features)
        described = np.array(table, dtype=np.int64)
        starts, counts = described[:, START, np.newaxis], described[:, ENTRIES, np.newaxis]
        edges = np.arange(REGIONS + 1) << described[:, REGION_BITS, np.newaxis]
        edges = starts + np.minimum(edges, counts) * features
        spans, units = edges[:, [0, -1]], np.stack((edges[:, :-1], edges[:, 1:]), axis=-1)
        super().__init__(2, len(grids) * features, spans, units.reshape(-1, 2), features)
        self.table = described

    def to_arrays(self) -> Arrays:
        return {"grid": np.array(self._shape, dtype=np.int64)}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: int) -> Self:
        shape = checked_array(arrays, "grid", np.int64, (None,)).tolist()
        levels, features, entries, coarsest, finest, width, height, *axes = shape
        if (
            inputs != 2
            or len(axes) > 1
            or not all(0 < number < 1 << 31 for number in shape)
            or levels > 64
            or entries & entries - 1
        ):
            raise ValueError("invalid shape of a hash grid")
        return cls(levels, features, entries, coarsest, finest, (width, height), *axes)

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
        grid = tables, self.table, self.entry_size
        encode_kernel(*grid, inputs, rows, tuple(share), Corners.empty())

    def input_gradient(
        self, tables: FloatArray, inputs: FloatArray, grad_y: FloatArray
    ) -> FloatArray:
        """Return the gradient by the inputs; zero along an axis at an edge of a reflection."""
        gradient = np.zeros((len(inputs), 2), dtype=np.float32)
        input_gradient_kernel(tables, self.table, self.entry_size, inputs, grad_y, gradient)
        return gradient

    def unit_work(self, samples: int) -> FloatArray:
        spans, units = (pairs[:, 1] - pairs[:, 0] for pairs in (self.spans, self.units))
        entries = np.minimum(_STEPPED * samples, spans // self.entry_size // _AT_ONCE)
        work = (_ADDED * samples + entries) / spans
        each: FloatArray = (np.repeat(work, REGIONS) * units).astype(np.float32)
        return each

    def add_gradient(
        self,
        units: range,
        inputs: FloatArray,
        grad_y: FloatArray,
        gradient: FloatArray,
        touched: Touched,
    ) -> None:
        grid, edges = (self.table, self.entry_size), (units.start, units.stop)
        samples, notes = (inputs, grad_y), touched.notes
        add_gradient_kernel(*grid, samples, gradient, notes, edges, Corners.empty())


def _cells(longer: int, sides: tuple[int, int]) -> tuple[int, int]:
    """Return the square cells across and down, of which there are so many along the longer side."""
    across, down = (max(round(longer * side / max(sides)), 1) for side in sides)
    return across, down
