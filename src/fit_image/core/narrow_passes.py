"""Points carried through a narrow network and back, tile by tile; see `fit_image.core.narrow`.

What goes forward is computed again on the way back, because a hundred layers of a whole batch would
not fit in the cache, and reading them from memory takes longer than computing them.

Inputs that are the same at every point become a part of the first biases: they are multiplied once
for a sample, and the gradient by them follows from that by these biases.
"""

from __future__ import annotations

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
from fit_image.core.dense import ACTIVATION, FAN_IN, FAN_OUT, SKIP, START, STRIDE
from fit_image.core.jit import inner, kernel
from fit_image.core.lanes import WIDTH, load, multiply_add, splat, store, total
from fit_image.core.tiles import (
    add_outer,
    add_rows,
    add_sums,
    copy_rows,
    multiply,
    multiply_rows,
    slope_rows,
    tanh_rows,
)


@inner
def _lay_biases(parameters, memory, tiles):
    """Copy the biases of all layers to the memory."""
    for layer in range(tiles.table.shape[0]):
        bias = tiles.table[layer, START] + tiles.table[layer, FAN_IN]
        for unit in range(tiles.table[layer, FAN_OUT]):
            memory[tiles.biases[layer] + unit] = parameters[bias]
            bias += tiles.table[layer, STRIDE]


@inner
def _add_latents(parameters, memory, tiles, latents):
    """Make the first biases those of a sample with these latent numbers."""
    for unit in range(tiles.table[0, FAN_OUT]):
        start = tiles.table[0, START] + unit * tiles.table[0, STRIDE]
        bias = parameters[start + tiles.table[0, FAN_IN]]
        for k in range(latents.size):
            bias += parameters[start + k] * latents[k]
        memory[tiles.biases[0] + unit] = bias


@inner
def _lay_points(memory, tiles, points, first):
    """Lay the inputs of points in rows, from the first on; return how many vectors they fill.

    Beyond the last point, the last one is repeated.
    """
    inside = min(tiles.row, points.shape[0] - first)
    vectors = (inside + WIDTH - 1) // WIDTH
    for k in range(points.shape[1]):
        start = tiles.values[0] + k * tiles.row
        for i in range(inside):
            memory[start + i] = points[first + i, k]
        for i in range(inside, vectors * WIDTH):
            memory[start + i] = points[first + inside - 1, k]
    return vectors


@inner
def _go_forward(parameters, memory, tiles, vectors, to_return):
    """Carry a tile from the values before the first layer to the output."""
    row = tiles.row
    for layer in range(tiles.table.shape[0]):
        units, sums = tiles.table[layer, FAN_OUT], tiles.sums[layer]
        values = tiles.values[layer + 1]
        code, constants = tiles.table[layer, ACTIVATION], constants_of(tiles.constants, layer)
        skip = tiles.table[layer, SKIP]
        rectified = code == RELU and skip == 0
        laid = tiles.latents if layer == 0 else 0  # inputs in the biases already
        # Choices within the call would have the references to its arrays counted.
        target = values if rectified else sums
        multiply(
            units,
            tiles.table[layer, FAN_IN] - laid,
            vectors,
            row,
            parameters,
            tiles.table[layer, START] + laid,
            tiles.table[layer, STRIDE],
            1,
            memory,
            tiles.values[layer],
            target,
            tiles.biases[layer],
            -1,
            rectified,
            -1,
        )
        if rectified:
            continue
        block = tiles.values[layer + 1 - skip] if skip > 0 else -1
        # Where the slope follows from the value, that takes less than from the sum.
        if code == TANH:
            kept = sums if to_return else -1
            tanh_rows(units, vectors, row, memory, sums, values, kept, block)
            continue
        count = vectors * WIDTH
        activate(memory, sums, row, memory, values, row, units, count, code, constants)
        if to_return and code == SIGMOID:
            copy_rows(units, vectors, row, memory, values, sums)
        if skip > 0:
            add_rows(units, vectors, row, memory, block, values)


@inner
def _go_back(parameters, memory, tiles, vectors, sums):
    """Carry the gradient by the output, which lies upstream, to the parameters.

    That by the first biases goes to its place in the memory, and from there to the parameters once
    all points of the sample have added to it.
    """
    row, upstream, held = tiles.row, tiles.upstream, -1
    block = tiles.table.shape[0]  # first layer of the residual block under way
    masked = False  # whether the product before has made deltas of the gradient already
    for layer in range(tiles.table.shape[0] - 1, -1, -1):
        units, fan_in = tiles.table[layer, FAN_OUT], tiles.table[layer, FAN_IN]
        start, stride = tiles.table[layer, START], tiles.table[layer, STRIDE]
        code, constants = tiles.table[layer, ACTIVATION], constants_of(tiles.constants, layer)
        if tiles.table[layer, SKIP] > 0:
            block = layer + 1 - tiles.table[layer, SKIP]
            held = upstream
        deltas = upstream
        if not masked:
            deltas = tiles.sums[layer]
            shows = code == RELU and tiles.table[layer, SKIP] == 0
            if shows or code in (TANH, SIGMOID):
                values = tiles.values[layer + 1]
                slope_rows(units, vectors, row, memory, values, upstream, deltas, code)
            else:
                count = vectors * WIDTH
                differentiate(memory, deltas, row, units, count, code, constants)
                multiply_rows(units, vectors, row, memory, upstream, deltas)
        if layer > 0:
            below = layer - 1
            masked = (
                layer != block
                and tiles.table[below, ACTIVATION] == RELU
                and tiles.table[below, SKIP] == 0
            )
            mask = tiles.values[layer] if masked else -1
            upstream = tiles.upstream
            while upstream in (deltas, held):
                upstream += tiles.spare
            multiply(
                fan_in,
                units,
                vectors,
                row,
                parameters,
                start,
                1,
                stride,
                memory,
                deltas,
                upstream,
                -1,
                held if layer == block else -1,
                False,
                mask,
            )
            if layer == block:
                held = -1
        # Behind the product, on which the next layer waits, and this does not.
        laid = tiles.latents if layer == 0 else 0
        gradient_row = (fan_in + 1) * WIDTH
        add_outer(
            units,
            fan_in - laid,
            vectors,
            row,
            memory,
            deltas,
            tiles.values[layer],
            sums,
            tiles.gradient[layer] + laid * WIDTH,
            gradient_row,
        )
        if layer == 0:
            add_sums(units, vectors, row, memory, deltas, memory, tiles.by_biases, WIDTH)
        else:
            by_biases = tiles.gradient[layer] + fan_in * WIDTH
            add_sums(units, vectors, row, memory, deltas, sums, by_biases, gradient_row)


@inner
def _return_latents(parameters, memory, tiles, latents, sums, by_latents):
    """Carry the gradient by a sample's first biases to the parameters and to its latent numbers."""
    one = splat(np.float32(1.0))
    by_latents[:] = np.float32(0.0)
    fan_in = tiles.table[0, FAN_IN]
    for unit in range(tiles.table[0, FAN_OUT]):
        by_bias = load(memory, tiles.by_biases + unit * WIDTH)
        sum_of = total(by_bias)
        start = tiles.table[0, START] + unit * tiles.table[0, STRIDE]
        row = tiles.gradient[0] + unit * (fan_in + 1) * WIDTH
        for k in range(latents.size):
            place = row + k * WIDTH
            store(sums, place, multiply_add(splat(latents[k]), by_bias, load(sums, place)))
            by_latents[k] += parameters[start + k] * sum_of
        place = row + fan_in * WIDTH
        store(sums, place, multiply_add(by_bias, one, load(sums, place)))


@kernel
def forward_kernel(parameters, memory, tiles, latents, points, outputs, thread, threads):
    """Compute the outputs of all points, for each of the samples' latent numbers.

    Parameters
    ----------
    parameters : float32 vector
    memory : float32 vector
        From `fit_image.core.narrow.tile_memory`; the thread's own.
    tiles : Tiles
    latents : float32 (samples, latents)
        The first inputs of the network.
    points : float32 (points, the other inputs)
    outputs : float32 (samples, points, outputs)
    thread, threads : int
    """
    count = points.shape[0]
    per_sample = (count + tiles.row - 1) // tiles.row
    _lay_biases(parameters, memory, tiles)
    laid = -1
    for index in range(thread, latents.shape[0] * per_sample, threads):
        sample, first = index // per_sample, index % per_sample * tiles.row
        if sample != laid:
            _add_latents(parameters, memory, tiles, latents[sample])
            laid = sample
        vectors = _lay_points(memory, tiles, points, first)
        _go_forward(parameters, memory, tiles, vectors, False)
        for c in range(outputs.shape[2]):
            last = tiles.values[tiles.table.shape[0]] + c * tiles.row
            for i in range(min(tiles.row, count - first)):
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
    sums : float32 (parts, WIDTH * number of parameters)
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
    count, samples, parts = points.shape[0], latents.shape[0], sums.shape[0]
    nothing = splat(np.float32(0.0))
    _lay_biases(parameters, memory, tiles)
    for part in range(thread, parts, threads):
        for i in range(0, sums.shape[1], WIDTH):
            store(sums[part], i, nothing)
        for sample in range(samples * part // parts, samples * (part + 1) // parts):
            _add_latents(parameters, memory, tiles, latents[sample])
            for unit in range(tiles.table[0, FAN_OUT]):
                store(memory, tiles.by_biases + unit * WIDTH, nothing)
            for first in range(0, count, tiles.row):
                vectors = _lay_points(memory, tiles, points, first)
                _go_forward(parameters, memory, tiles, vectors, True)
                inside = min(tiles.row, count - first)
                for c in range(by_outputs.shape[2]):
                    start = tiles.upstream + c * tiles.row
                    for i in range(inside):
                        memory[start + i] = by_outputs[sample, first + i, c]
                    for i in range(inside, vectors * WIDTH):
                        memory[start + i] = np.float32(0.0)
                _go_back(parameters, memory, tiles, vectors, sums[part])
            _return_latents(
                parameters, memory, tiles, latents[sample], sums[part], by_latents[sample]
            )
    meet(counts, thread, threads)
    if gradient.size > 0:
        _add_up(tiles, sums, gradient, factor, thread, threads)


@inner
def _add_up(tiles, sums, gradient, factor, thread, threads):
    """Add the vectors of all parts, times a factor, to the thread's share of the gradient."""
    one = splat(np.float32(1.0))
    for layer in range(tiles.table.shape[0]):
        numbers = tiles.table[layer, FAN_IN] + 1
        for unit in range(thread, tiles.table[layer, FAN_OUT], threads):
            start = tiles.table[layer, START] + unit * tiles.table[layer, STRIDE]
            row = tiles.gradient[layer] + unit * numbers * WIDTH
            for k in range(numbers):
                vectors = load(sums[0], row + k * WIDTH)
                for part in range(1, sums.shape[0]):
                    vectors = multiply_add(load(sums[part], row + k * WIDTH), one, vectors)
                gradient[start + k] += factor * total(vectors)
