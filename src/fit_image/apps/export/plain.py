"""Networks as plain numbers and their formula, which formats are written from and checked by."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.apps.export.activations import ACTIVATIONS, IN_NUMPY, Constants
from fit_image.errors import InputError
from fit_image.nn.encodings.base import Encoding
from fit_image.nn.encodings.hash_grid import HashGrid
from fit_image.nn.encodings.hash_grid_kernels import CELLS_X, CELLS_Y, ENTRIES, ROW
from fit_image.nn.encodings.registry import ENCODINGS
from fit_image.nn.encodings.waves import Waves
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.runtime.arrays import FloatArray

Exact = npt.NDArray[np.float64]

_PART = 1024
"""Samples that are evaluated at once."""

HASH_PRIME = 2_654_435_761
"""Of a hash grid: the entry of a vertex is x XOR (y * prime), modulo the entries."""


@dataclass(frozen=True, eq=False)
class PlainInputs:
    """No encoding."""

    inputs: int

    def encode(self, inputs: Exact) -> Exact:
        """Return encoded inputs (samples, outputs)."""
        return inputs


@dataclass(frozen=True, eq=False)
class PlainWaves:
    """cos(2 pi F v), then sin(2 pi F v); ``frequencies`` are float32 (waves, inputs)."""

    frequencies: FloatArray

    def encode(self, inputs: Exact) -> Exact:
        """Return encoded inputs (samples, outputs)."""
        turns = inputs @ self.frequencies.T.astype(np.float64)
        angles = 2.0 * np.pi * (turns - np.rint(turns))
        return np.concatenate((np.cos(angles), np.sin(angles)), axis=1)


class Level(NamedTuple):
    """A level of a hash grid: its cells, and where its entries begin.

    ``row`` is the number of vertices in a row; 0 where these share entries by a hash. Along an axis
    without cells there is one vertex.
    """

    cells_x: int
    cells_y: int
    row: int
    first: int
    entries: int


@dataclass(frozen=True, eq=False)
class PlainGrid:
    """A hash grid; ``table`` is float32 (entries of all levels, features)."""

    levels: tuple[Level, ...]
    table: FloatArray

    def encode(self, inputs: Exact) -> Exact:
        """Return encoded inputs (samples, outputs)."""
        reflected = inputs - 2.0 * np.floor(inputs / 2.0)
        reflected = np.minimum(reflected, 2.0 - reflected)
        return np.concatenate([self._level(level, reflected) for level in self.levels], axis=1)

    def _level(self, level: Level, inside: Exact) -> Exact:
        cells = np.array([level.cells_x, level.cells_y])
        index = np.minimum((inside * cells).astype(np.int64), np.maximum(cells - 1, 0))
        ahead = inside * cells - index
        value = np.zeros((len(inside), self.table.shape[1]))
        for right, below in itertools.product((0, 1), repeat=2):
            x, y = np.minimum(index + np.array((right, below)), cells).T
            inside_level = (
                y * level.row + x if level.row else (x ^ (y * HASH_PRIME)) % level.entries
            )
            entry = level.first + inside_level
            weight = np.abs(1.0 - np.array((right, below)) - ahead).prod(axis=1, keepdims=True)
            value += weight * self.table[entry]
        return value


PlainEncoding = PlainInputs | PlainWaves | PlainGrid


def _plain_waves(encoding: Encoding, tables: FloatArray) -> PlainEncoding:
    assert isinstance(encoding, Waves)
    return PlainWaves(encoding.frequencies)


def _plain_grid(encoding: Encoding, tables: FloatArray) -> PlainEncoding:
    assert isinstance(encoding, HashGrid)
    counts = encoding.table[:, ENTRIES].tolist()
    firsts = np.cumsum([0, *counts[:-1]])
    shape = encoding.table[:, [CELLS_X, CELLS_Y, ROW]]
    levels = [Level(*each) for each in np.column_stack((shape, firsts, counts)).tolist()]
    return PlainGrid(tuple(levels), np.concatenate([*encoding.parts(tables)]))


PLAIN_ENCODINGS: dict[str, Callable[[Encoding, FloatArray], PlainEncoding]] = {
    "none": lambda encoding, tables: PlainInputs(encoding.inputs),
    "positional": _plain_waves,
    "fourier": _plain_waves,
    "grid": _plain_grid,
}
"""Of `fit_image.nn.encodings.registry.ENCODINGS`, and their tables: a form that formats know."""


@dataclass(frozen=True, eq=False)
class PlainLayer:
    """A dense layer.

    Attributes
    ----------
    weights : float32 (units, inputs)
    biases : float32 (units,)
    activation : str
        A key of `fit_image.apps.export.activations.ACTIVATIONS`.
    constants : Constants
    skip : int
        Layers of the residual block that ends here; 0 where none ends.
    """

    weights: FloatArray
    biases: FloatArray
    activation: str
    constants: Constants
    skip: int = 0


Activate = Callable[[int, Exact], Exact]


@dataclass(frozen=True, eq=False)
class PlainNetwork:
    """An encoding, and layers."""

    encoding: PlainEncoding
    layers: tuple[PlainLayer, ...]

    @classmethod
    def of(cls, network: MLP) -> PlainNetwork:
        """Take the numbers of a network; `InputError` if no format knows a part of it."""
        (name,) = (name for name, kind in ENCODINGS.items() if type(network.encoding) is kind)
        if name not in PLAIN_ENCODINGS:
            raise InputError(f"no format of export has the encoding {name}")
        layers = []
        for spec, (weights, biases) in zip(network.specs, network.weights(), strict=True):
            if spec.activation not in ACTIVATIONS:
                raise InputError(f"no format of export has the activation {spec.activation}")
            constants = Constants(spec.slope, spec.omega, spec.scale)
            numbers = weights.copy(), biases.copy()
            layers.append(PlainLayer(*numbers, spec.activation, constants, spec.skip))
        encoding = PLAIN_ENCODINGS[name](network.encoding, network.tables())
        return cls(encoding, tuple(layers))

    def at_latents(self, values: FloatArray, first: int) -> PlainNetwork:
        """Return the network of the other inputs; ``values`` are those from ``first`` on."""
        whole, stop = self.layers[0], first + len(values)
        fixed = whole.weights[:, first:stop].astype(np.float64) @ values
        weights = np.delete(whole.weights, slice(first, stop), axis=1)
        biases = (whole.biases + fixed).astype(np.float32)
        start = replace(whole, weights=weights, biases=biases)
        return PlainNetwork(PlainInputs(weights.shape[1]), (start, *self.layers[1:]))

    @property
    def numbers(self) -> int:
        """Count of all numbers that were learned."""
        tables = self.encoding.table.size if isinstance(self.encoding, PlainGrid) else 0
        return tables + sum(each.weights.size + each.biases.size for each in self.layers)

    def evaluate(self, inputs: npt.NDArray[Any], activate: Activate | None = None) -> Exact:
        """Return the outputs (samples, outputs) in double precision.

        Parameters
        ----------
        inputs : float32 (samples, inputs)
        activate : callable, optional
            In the place of the layers' activations: of the index of a layer, and its sums.
        """
        parts = (inputs[i : i + _PART] for i in range(0, len(inputs), _PART))
        return np.concatenate([self._evaluate(part, activate) for part in parts])

    def _evaluate(self, inputs: npt.NDArray[Any], activate: Activate | None) -> Exact:
        values = [self.encoding.encode(inputs.astype(np.float64))]
        for index, layer in enumerate(self.layers):
            sums = values[-1] @ layer.weights.T.astype(np.float64) + layer.biases
            if activate:
                value = activate(index, sums)
            else:
                value = ACTIVATIONS[layer.activation](IN_NUMPY, sums, layer.constants)
            values.append(value + values[index + 1 - layer.skip] if layer.skip else value)
        return values[-1]


def shape_text(layers: Sequence[PlainLayer]) -> str:
    """Describe hidden layers, such as ``4x300`` or ``300,2x100``."""
    runs = itertools.groupby(len(layer.biases) for layer in layers[:-1])
    counts = [(len([*run]), width) for width, run in runs]
    return ",".join(f"{count}x{width}" if count > 1 else str(width) for count, width in counts)
