"""Networks of a few units a layer, through which many points go at once.

Where layers are narrow, a vector of one sample's values is mostly padding. Here a vector is one
unit's value for as many points as it has numbers: a tile of points lies in memory with a row for
every unit, and no row is padded. What goes forward is computed again on the way back, tile by tile,
because a hundred layers of a whole batch would not fit in the cache, and reading them from memory
takes longer than computing them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fit_image.core.activations import (
    RELU,
    SIGMOID,
    TANH,
    activate,
    constants_of,
    differentiate,
)
from fit_image.core.barrier import meet
from fit_image.core.dense import (
    ACTIVATION,
    FAN_IN,
    FAN_OUT,
    SKIP,
    START,
    STRIDE,
    FloatArray,
    IntArray,
    aligned_zeros,
    vector,
)
from fit_image.core.jit import inner, kernel, stay_apart
from fit_image.core.lanes import WIDTH, load, multiply_add, splat, store, total
from fit_image.core.layer import Layer
from fit_image.core.tiles import add_outer, add_row, copy_row, multiply, multiply_row

if TYPE_CHECKING:
    from fit_image.core.network import Network

_MOST_UNITS = 12
_MOST_INPUTS = 64
_MOST_VECTORS = 12

MOST_POINTS = _MOST_VECTORS * WIDTH
"""Of a tile."""


class Tiles(NamedTuple):
    """What kernels must know of a network, and of the memory for a tile of points."""

    table: IntArray  # (layers, 6): see `fit_image.core.dense.START`
    constants: FloatArray  # (layers, 3): see `fit_image.core.activations.SLOPE`
    sums: IntArray  # (layers,): offsets of the weighted sums, a row a unit
    values: IntArray  # (layers + 1,): offsets of the values before each layer and at the end
    upstream: int  # offset of the gradient by the values before a layer
    spare: int  # another one for it, in turns
    held: int  # offset of the gradient by the output of a residual block
    vectors: int  # in a row
    numbers: int  # in the memory


def is_narrow(layers: Sequence[Layer]) -> bool:
    """Return whether layers are so narrow that this is the faster way."""
    return layers[0].fan_in <= _MOST_INPUTS and all(
        layer.fan_out <= _MOST_UNITS for layer in layers
    )


def tiles_of(network: Network, points: int, *, there_and_back: bool = False) -> Tiles:
    """Return how points are cut into tiles: as few as go, and all of equal length.

    Parameters
    ----------
    network : Network
    points : int
        As many as there are at once.
    there_and_back : bool
        Whether there is a way back, for which all values are kept. Without, layers share memory.
    """
    vectors = -(-points // WIDTH)
    vectors = -(-vectors // max(-(-vectors // _MOST_VECTORS), 1))
    row, taken = vectors * WIDTH, 0

    def take(rows: int) -> int:
        nonlocal taken
        taken += rows * row
        return taken - rows * row

    layers = network.layers
    heights = [*(layer.fan_in + 1 for layer in layers), layers[-1].fan_out]
    most, widest = max(heights), max(layer.fan_out for layer in layers)
    shared = take(widest)
    sums = [
        take(layer.fan_out) if there_and_back and not _slope_shows(layer) else shared
        for layer in layers
    ]
    if there_and_back:
        values = [take(height) for height in heights]
    else:
        # The input of a residual block stays until it is added to the output.
        turns, kept = [take(most), take(most)], [take(most), take(most)]
        begins = [end + 1 - layer.skip for end, layer in enumerate(layers) if layer.skip]
        values = [turns[index % 2] for index in range(len(heights))]
        for number, index in enumerate(begins):
            values[index] = kept[number % 2]
    return Tiles(
        network.table,
        network.constants,
        np.array(sums),
        np.array(values),
        take(most),
        take(most),
        take(most),
        vectors,
        taken,
    )


def _slope_shows(layer: Layer) -> bool:
    """Return whether a layer's values alone tell the slope of its activation."""
    return layer.activation == "relu" and not layer.skip


def tile_memory(tiles: Tiles) -> FloatArray:
    """Return the memory that a thread needs for a tile."""
    return aligned_zeros(tiles.numbers)


# Calls nothing, for the reason that `fit_image.core.activations.activate` has.
@inner
def _deltas_of_values(memory, values, upstream, deltas, length, code):
    """Write the derivatives of the loss by weighted sums whose values tell the slope.

    Those of tanh and sigmoid are in the place of the derivatives already.
    """
    stay_apart()
    y = vector(memory, values, length)
    gradient = vector(memory, upstream, length)
    d = vector(memory, deltas, length)
    if code == RELU:
        for i in range(length):
            d[i] = gradient[i] if y[i] > np.float32(0.0) else np.float32(0.0)
    elif code == TANH:
        for i in range(length):
            d[i] = (np.float32(1.0) - d[i] * d[i]) * gradient[i]
    else:  # sigmoid
        for i in range(length):
            d[i] = (d[i] - d[i] * d[i]) * gradient[i]


@inner
def _go_forward(parameters, memory, tiles, to_return):
    """Carry a tile from the values before the first layer to the output."""
    row = tiles.vectors * WIDTH
    for layer in range(tiles.table.shape[0]):
        units, sums = tiles.table[layer, FAN_OUT], tiles.sums[layer]
        values = tiles.values[layer + 1]
        one = tiles.values[layer] + tiles.table[layer, FAN_IN] * row
        for i in range(0, row, WIDTH):
            store(memory, one + i, splat(np.float32(1.0)))
        code, constants = tiles.table[layer, ACTIVATION], constants_of(tiles.constants, layer)
        skips = tiles.table[layer, SKIP] > 0
        rectified = code == RELU and not skips
        # Choices within the call would have the references to its arrays counted.
        target = values if rectified else sums
        multiply(
            units,
            tiles.table[layer, FAN_IN] + 1,
            tiles.vectors,
            parameters,
            tiles.table[layer, START],
            tiles.table[layer, STRIDE],
            1,
            memory,
            tiles.values[layer],
            target,
            rectified,
            -1,
        )
        if rectified:
            continue
        activate(memory, sums, row, memory, values, row, 1, units * row, code, constants)
        if to_return and code in (TANH, SIGMOID):
            # Their slope follows from the value, which takes less than from the sum.
            copy_row(memory, values, sums, units * row)
        if skips:
            block = layer + 1 - tiles.table[layer, SKIP]
            add_row(memory, tiles.values[block], values, units * row)


@inner
def _go_back(parameters, memory, tiles, sums, to_inputs):
    """Carry the gradient by the output, which lies upstream, to the parameters.

    With ``to_inputs`` also to the values before the first layer. Returns where it lies then.
    """
    row, upstream = tiles.vectors * WIDTH, tiles.upstream
    block = tiles.table.shape[0]  # first layer of the residual block under way
    masked = False  # whether the product before has made deltas of the gradient already
    for layer in range(tiles.table.shape[0] - 1, -1, -1):
        units, fan_in = tiles.table[layer, FAN_OUT], tiles.table[layer, FAN_IN]
        start, stride = tiles.table[layer, START], tiles.table[layer, STRIDE]
        code, constants = tiles.table[layer, ACTIVATION], constants_of(tiles.constants, layer)
        if tiles.table[layer, SKIP] > 0:
            block = layer + 1 - tiles.table[layer, SKIP]
            copy_row(memory, upstream, tiles.held, units * row)
        deltas = upstream
        if not masked:
            deltas = tiles.sums[layer]
            shows = code == RELU and tiles.table[layer, SKIP] == 0  # see `_slope_shows`
            if shows or code in (TANH, SIGMOID):
                _deltas_of_values(
                    memory, tiles.values[layer + 1], upstream, deltas, units * row, code
                )
            else:
                differentiate(memory, deltas, row, 1, units * row, code, constants)
                multiply_row(memory, upstream, deltas, units * row)
        add_outer(
            units,
            fan_in + 1,
            tiles.vectors,
            memory,
            deltas,
            tiles.values[layer],
            sums,
            start * WIDTH,
            stride * WIDTH,
        )
        if layer > 0 or to_inputs:
            below = layer - 1
            masked = (
                below >= 0
                and layer != block
                and tiles.table[below, ACTIVATION] == RELU
                and tiles.table[below, SKIP] == 0
            )
            mask = tiles.values[layer] if masked else -1
            upstream = tiles.spare if deltas == tiles.upstream else tiles.upstream
            multiply(
                fan_in,
                units,
                tiles.vectors,
                parameters,
                start,
                1,
                stride,
                memory,
                deltas,
                upstream,
                False,
                mask,
            )
            if layer == block:
                add_row(memory, tiles.held, upstream, fan_in * row)
    return upstream


@inner
def _lay_inputs(memory, tiles, latents, points, first):
    """Lay the inputs of a tile in rows: the latent numbers, and what differs from point to point.

    Beyond the last point, the last one is repeated.
    """
    row, last = tiles.vectors * WIDTH, points.shape[0] - 1
    for k in range(latents.size):
        start = tiles.values[0] + k * row
        latent = splat(latents[k])
        for i in range(0, row, WIDTH):
            store(memory, start + i, latent)
    for k in range(points.shape[1]):
        start = tiles.values[0] + (latents.size + k) * row
        for i in range(row):
            memory[start + i] = points[min(first + i, last), k]


@kernel
def forward_kernel(parameters, memory, tiles, latents, points, outputs, thread, threads):
    """Compute the outputs of all points, for each of the samples' latent numbers.

    Parameters
    ----------
    parameters : float32 vector
    memory : float32 vector
        From `tile_memory`; the thread's own.
    tiles : Tiles
    latents : float32 (samples, latents)
        The first inputs of the network.
    points : float32 (points, the other inputs)
    outputs : float32 (samples, points, outputs)
    thread, threads : int
    """
    row, count = tiles.vectors * WIDTH, points.shape[0]
    per_sample = (count + row - 1) // row
    for index in range(thread, latents.shape[0] * per_sample, threads):
        sample, first = index // per_sample, index % per_sample * row
        _lay_inputs(memory, tiles, latents[sample], points, first)
        _go_forward(parameters, memory, tiles, False)
        for c in range(outputs.shape[2]):
            last = tiles.values[tiles.table.shape[0]] + c * row
            for i in range(min(row, count - first)):
                outputs[sample, first + i, c] = memory[last + i]


@kernel
def backward_kernel(
    parameters, memory, tiles, latents, points, by_outputs, by_latents, sums, gradient, factor,
    counts, thread, threads,
):  # fmt: skip
    """Carry the gradient by the outputs to parameters and latent numbers.

    Parameters
    ----------
    parameters, memory, tiles, latents, points, thread, threads
        As in `forward_kernel`.
    by_outputs : float32 (samples, points, outputs)
    by_latents : float32, shaped like ``latents``
        Filled.
    sums : float32 (parts, WIDTH * size of the parameters)
        Filled with the gradient by parameters, for each of the parts into which the samples are
        cut, in vectors still to be added up.
    gradient : float32 vector
        They are added to it, all parts in order; of size 0, if that is not wanted. It may be the
        parameters.
    factor : float32
        What they are multiplied by first.
    counts : int64 vector
        See `fit_image.core.barrier.meet`.
    """
    row, count, samples = tiles.vectors * WIDTH, points.shape[0], latents.shape[0]
    parts = sums.shape[0]
    for part in range(thread, parts, threads):
        for i in range(0, sums.shape[1], WIDTH):
            store(sums[part], i, splat(np.float32(0.0)))
        for sample in range(samples * part // parts, samples * (part + 1) // parts):
            for k in range(latents.shape[1]):
                by_latents[sample, k] = np.float32(0.0)
            for first in range(0, count, row):
                _lay_inputs(memory, tiles, latents[sample], points, first)
                _go_forward(parameters, memory, tiles, True)
                for c in range(by_outputs.shape[2]):
                    start = tiles.upstream + c * row
                    for i in range(row):
                        inside = first + i < count
                        memory[start + i] = (
                            by_outputs[sample, first + i, c] if inside else np.float32(0.0)
                        )
                upstream = _go_back(parameters, memory, tiles, sums[part], True)
                for k in range(latents.shape[1]):
                    start = upstream + k * row
                    below = splat(np.float32(0.0))
                    one = splat(np.float32(1.0))
                    for i in range(0, row, WIDTH):
                        below = multiply_add(load(memory, start + i), one, below)
                    by_latents[sample, k] += total(below)
    meet(counts, thread, threads)
    if gradient.size > 0:
        # A share of the numbers for every thread.
        _add_up(
            sums,
            gradient,
            factor,
            gradient.size * thread // threads,
            gradient.size * (thread + 1) // threads,
        )


@inner
def _add_up(sums, gradient, factor, first, stop):
    """Add the vectors of all parts, times a factor, to numbers ``first`` to ``stop``."""
    one = splat(np.float32(1.0))
    for index in range(first, stop):
        vectors = load(sums[0], index * WIDTH)
        for part in range(1, sums.shape[0]):
            vectors = multiply_add(load(sums[part], index * WIDTH), one, vectors)
        gradient[index] += factor * total(vectors)
