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
from fit_image.core.lanes import WIDTH, at_least, load, multiply_add, splat, spread, store, total
from fit_image.core.layer import Layer

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
        vectors,
        taken,
    )


def _slope_shows(layer: Layer) -> bool:
    """Return whether a layer's values alone tell the slope of its activation."""
    return layer.activation == "relu" and not layer.skip


def tile_memory(tiles: Tiles) -> FloatArray:
    """Return the memory that a thread needs for a tile."""
    return aligned_zeros(tiles.numbers)


@inner
def _product(rows, depth, vectors, a, a_start, a_row, a_column, memory, b, c, least):
    """C = A B, where rows of B and C are those of a tile; no number becomes less than ``least``."""
    floor = splat(least)
    length = vectors * WIDTH
    for i in range(0, rows, 3):
        # Where there are fewer rows or vectors than are taken at a time, the last is taken again.
        last = rows - 1 - i
        row1, row2 = min(1, last), min(2, last)
        a0 = a_start + i * a_row
        a1, a2 = a0 + row1 * a_row, a0 + row2 * a_row
        for v in range(0, vectors, 4):
            last = vectors - 1 - v
            v1, v2, v3 = min(1, last) * WIDTH, min(2, last) * WIDTH, min(3, last) * WIDTH
            s00 = s01 = s02 = s03 = splat(np.float32(0.0))
            s10 = s11 = s12 = s13 = splat(np.float32(0.0))
            s20 = s21 = s22 = s23 = splat(np.float32(0.0))
            for k in range(depth):
                x = b + k * length + v * WIDTH
                x0, x1 = load(memory, x), load(memory, x + v1)
                x2, x3 = load(memory, x + v2), load(memory, x + v3)
                w = spread(a, a0 + k * a_column)
                s00, s01 = multiply_add(w, x0, s00), multiply_add(w, x1, s01)
                s02, s03 = multiply_add(w, x2, s02), multiply_add(w, x3, s03)
                w = spread(a, a1 + k * a_column)
                s10, s11 = multiply_add(w, x0, s10), multiply_add(w, x1, s11)
                s12, s13 = multiply_add(w, x2, s12), multiply_add(w, x3, s13)
                w = spread(a, a2 + k * a_column)
                s20, s21 = multiply_add(w, x0, s20), multiply_add(w, x1, s21)
                s22, s23 = multiply_add(w, x2, s22), multiply_add(w, x3, s23)
            y = c + i * length + v * WIDTH
            store(memory, y, at_least(s00, floor)), store(memory, y + v1, at_least(s01, floor))
            store(memory, y + v2, at_least(s02, floor)), store(memory, y + v3, at_least(s03, floor))
            y1, y2 = y + row1 * length, y + row2 * length
            store(memory, y1, at_least(s10, floor)), store(memory, y1 + v1, at_least(s11, floor))
            (
                store(memory, y1 + v2, at_least(s12, floor)),
                store(memory, y1 + v3, at_least(s13, floor)),
            )
            store(memory, y2, at_least(s20, floor)), store(memory, y2 + v1, at_least(s21, floor))
            (
                store(memory, y2 + v2, at_least(s22, floor)),
                store(memory, y2 + v3, at_least(s23, floor)),
            )


@inner
def _add_outer(rows, columns, vectors, memory, d, x, sums, start, row):
    """Add D X^T to ``sums``, in which every number is a vector, to be added up at the end."""
    length = vectors * WIDTH
    for i in range(0, rows, 2):
        d0 = d + i * length
        row1 = min(1, rows - 1 - i)
        d1 = d0 + row1 * length
        for k in range(0, columns, 4):
            last = columns - 1 - k
            k1, k2, k3 = min(1, last), min(2, last), min(3, last)
            x0 = x + k * length
            x1, x2, x3 = x0 + k1 * length, x0 + k2 * length, x0 + k3 * length
            g0 = start + i * row + k * WIDTH
            g1 = g0 + row1 * row
            k1, k2, k3 = k1 * WIDTH, k2 * WIDTH, k3 * WIDTH
            s00, s01 = load(sums, g0), load(sums, g0 + k1)
            s02, s03 = load(sums, g0 + k2), load(sums, g0 + k3)
            s10, s11 = load(sums, g1), load(sums, g1 + k1)
            s12, s13 = load(sums, g1 + k2), load(sums, g1 + k3)
            for v in range(0, length, WIDTH):
                u0, u1 = load(memory, d0 + v), load(memory, d1 + v)
                w = load(memory, x0 + v)
                s00, s10 = multiply_add(u0, w, s00), multiply_add(u1, w, s10)
                w = load(memory, x1 + v)
                s01, s11 = multiply_add(u0, w, s01), multiply_add(u1, w, s11)
                w = load(memory, x2 + v)
                s02, s12 = multiply_add(u0, w, s02), multiply_add(u1, w, s12)
                w = load(memory, x3 + v)
                s03, s13 = multiply_add(u0, w, s03), multiply_add(u1, w, s13)
            store(sums, g0, s00), store(sums, g0 + k1, s01)
            store(sums, g0 + k2, s02), store(sums, g0 + k3, s03)
            store(sums, g1, s10), store(sums, g1 + k1, s11)
            store(sums, g1 + k2, s12), store(sums, g1 + k3, s13)


@inner
def _add_row(memory, source, target, length):
    """Add ``length`` numbers to others in the same memory."""
    for i in range(0, length, WIDTH):
        one = splat(np.float32(1.0))
        added = multiply_add(load(memory, source + i), one, load(memory, target + i))
        store(memory, target + i, added)


@inner
def _multiply_row(memory, source, target, length):
    """Multiply ``length`` numbers by others in the same memory."""
    for i in range(0, length, WIDTH):
        zero = splat(np.float32(0.0))
        product = multiply_add(load(memory, source + i), load(memory, target + i), zero)
        store(memory, target + i, product)


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
def _copy_row(memory, source, target, length):
    for i in range(0, length, WIDTH):
        store(memory, target + i, load(memory, source + i))


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
        least = np.float32(0.0) if rectified else np.float32(-np.inf)
        _product(
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
            least,
        )
        if rectified:
            continue
        activate(memory, sums, row, memory, values, row, 1, units * row, code, constants)
        if to_return and code in (TANH, SIGMOID):
            # Their slope follows from the value, which takes less than from the sum.
            _copy_row(memory, values, sums, units * row)
        if skips:
            block = layer + 1 - tiles.table[layer, SKIP]
            _add_row(memory, tiles.values[block], values, units * row)


@inner
def _go_back(parameters, memory, tiles, sums, to_inputs):
    """Carry the gradient by the output, which lies upstream, to the parameters.

    With ``to_inputs`` also to the values before the first layer; then it lies upstream.
    """
    row, upstream, held = tiles.vectors * WIDTH, tiles.upstream, tiles.held
    block = tiles.table.shape[0]  # first layer of the residual block under way
    for layer in range(tiles.table.shape[0] - 1, -1, -1):
        units, fan_in = tiles.table[layer, FAN_OUT], tiles.table[layer, FAN_IN]
        start, stride = tiles.table[layer, START], tiles.table[layer, STRIDE]
        values, skips = tiles.values[layer + 1], tiles.table[layer, SKIP] > 0
        if skips:
            block = layer + 1 - tiles.table[layer, SKIP]
            _copy_row(memory, upstream, held, units * row)
        code, constants = tiles.table[layer, ACTIVATION], constants_of(tiles.constants, layer)
        deltas = tiles.sums[layer]
        if code in (TANH, SIGMOID) or (code == RELU and not skips):
            _deltas_of_values(memory, values, upstream, deltas, units * row, code)
        else:
            differentiate(memory, deltas, row, 1, units * row, code, constants)
            _multiply_row(memory, upstream, deltas, units * row)
        _add_outer(
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
            _product(
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
                np.float32(-np.inf),
            )
            if layer == block:
                _add_row(memory, held, upstream, fan_in * row)


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
    parameters, memory, tiles, latents, points, by_outputs, by_latents, sums, gradient, counts,
    thread, threads,
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
        They are added to it, all parts in order; of size 0, if that is not wanted.
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
                _go_back(parameters, memory, tiles, sums[part], True)
                for k in range(latents.shape[1]):
                    start = tiles.upstream + k * row
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
            gradient.size * thread // threads,
            gradient.size * (thread + 1) // threads,
        )


@inner
def _add_up(sums, gradient, first, stop):
    """Add the vectors of all parts to numbers ``first`` to ``stop`` of the gradient."""
    one = splat(np.float32(1.0))
    for index in range(first, stop):
        vectors = load(sums[0], index * WIDTH)
        for part in range(1, sums.shape[0]):
            vectors = multiply_add(load(sums[part], index * WIDTH), one, vectors)
        gradient[index] += total(vectors)
