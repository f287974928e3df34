"""Narrow networks in a structure of arrays (SoA): many points at once, a row for every unit.

Where layers are narrow, a vector of one sample's values is mostly padding. Here a vector is one
unit's value for as many points as it has lanes: a tile of points lies in memory with a row for
every unit, and no row is padded. This file lays out the rows; `fit_image.nn.mlp.soa_forward` and
`fit_image.nn.mlp.soa_backward` are the passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fit_image.nn.mlp.layer_spec import LayerSpec, constants_table, layer_table
from fit_image.nn.runtime.arrays import FloatArray, IntArray, aligned_zeros
from fit_image.nn.runtime.simd import WIDTH

MAX_UNITS = 12
"""Of a layer of a narrow network."""

_MAX_INPUTS = 64

MOST_POINTS = 12 * WIDTH
"""Of a tile: whole groups of the vectors that `soa_tiles.multiply` takes at a time."""


class Tiles(NamedTuple):
    """Layout of the memory for a tile of points, and the layers' table."""

    table: IntArray  # (layers, 6): see `fit_image.nn.runtime.arrays.START`
    constants: FloatArray  # (layers, 3): see `fit_image.nn.activations.SLOPE`
    biases: IntArray  # (layers,): offsets of the biases, a number a unit
    sums: IntArray  # (layers,): offsets of the weighted sums, a row a unit
    values: IntArray  # (layers + 1,): offsets of the values before each layer and at the end
    gradient: IntArray  # (layers,): offsets of the gradient by the parameters, a vector for each
    latents: int  # inputs of the first layer that are the same at every point, and have no rows
    grad_biases: int  # offset of the gradient by the first biases, a vector a unit, of past samples
    grad: int  # offset of the first of three buffers for gradients by the values before a layer
    grad_size: int  # distance to the next
    row: int  # numbers from row to row
    numbers: int  # in the memory


def is_narrow(layers: Sequence[LayerSpec]) -> bool:
    """Return whether layers are so narrow that this back end is faster."""
    return layers[0].fan_in <= _MAX_INPUTS and all(layer.fan_out <= MAX_UNITS for layer in layers)


def tiles_of(layers: Sequence[LayerSpec], latents: int = 0, *, training: bool = False) -> Tiles:
    """Return the layout of a tile.

    So many of the inputs, the first, are ``latents``: the same at every point. Unless a backward
    pass needs all values (``training``), layers share memory.
    """
    row, size = MOST_POINTS, 0

    def take(rows: int, length: int = row) -> int:
        nonlocal size
        size += -(-rows * length // WIDTH) * WIDTH
        return size - -(-rows * length // WIDTH) * WIDTH

    heights = [layers[0].fan_in - latents, *(layer.fan_out for layer in layers)]
    most, widest = max(heights), max(layer.fan_out for layer in layers)
    shared = take(widest)
    # The derivative of a ReLU follows from its values, unless a residual block adds to them.
    rectified = [layer.activation == "relu" and not layer.skip for layer in layers]
    sums = [
        take(layer.fan_out) if training and not follows else shared
        for layer, follows in zip(layers, rectified, strict=True)
    ]
    if training:
        values = [take(height) for height in heights]
    else:
        # The input of a residual block stays until it is added to the output.
        turns, kept = [take(most), take(most)], [take(most), take(most)]
        begins = [end + 1 - layer.skip for end, layer in enumerate(layers) if layer.skip]
        values = [turns[index % 2] for index in range(len(heights))]
        for number, index in enumerate(begins):
            values[index] = kept[number % 2]
    return Tiles(
        layer_table(layers),
        constants_table(layers),
        np.array([take(layer.fan_out, 1) for layer in layers]),
        np.array(sums),
        np.array(values),
        WIDTH * np.cumsum([0, *(layer.num_params for layer in layers[:-1])]),
        latents,
        take(layers[0].fan_out, WIDTH),
        take(3 * most),
        most * row,
        row,
        size,
    )


def tile_memory(tiles: Tiles, threads: int) -> list[FloatArray]:
    """Return the memory that each thread needs for a tile."""
    return [aligned_zeros(tiles.numbers) for _ in range(threads)]
