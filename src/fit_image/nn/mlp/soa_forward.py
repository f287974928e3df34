"""Points carried forward through a narrow network, tile by tile; see `fit_image.nn.mlp.soa`.

Inputs that are the same at every point become a part of the first biases: they are multiplied once
for a sample.
"""

from __future__ import annotations

from fit_image.nn.activations import RELU, SIGMOID, TANH, activate, constants_of
from fit_image.nn.mlp.soa_tiles import (
    BIASES,
    IDENTITY,
    RECTIFIED,
    ROWS,
    ZEROS,
    Operand,
    Tile,
    add_rows,
    copy_rows,
    multiply,
    tanh_rows,
)
from fit_image.nn.runtime.arrays import ACTIVATION, FAN_IN, FAN_OUT, SKIP, START, STRIDE, Matrix
from fit_image.nn.runtime.barrier import next_task
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.simd import WIDTH


@inner
def load_biases(parameters, memory, tiles):
    """Copy the biases of all layers to the memory."""
    for layer in range(tiles.table.shape[0]):
        first = tiles.table[layer, START] + tiles.table[layer, FAN_IN] * tiles.table[layer, STRIDE]
        for unit in range(tiles.table[layer, FAN_OUT]):
            memory[tiles.biases[layer] + unit] = parameters[first + unit]


@inner
def load_conditioned_biases(parameters, memory, tiles, latents):
    """Load the first biases of a sample, which its latent numbers add to."""
    for unit in range(tiles.table[0, FAN_OUT]):
        start, stride = tiles.table[0, START] + unit, tiles.table[0, STRIDE]
        bias = parameters[start + tiles.table[0, FAN_IN] * stride]
        for k in range(latents.size):
            bias += parameters[start + k * stride] * latents[k]
        memory[tiles.biases[0] + unit] = bias


@inner
def load_points(memory, tiles, points, first):
    """Copy the inputs of points to rows, from the first on; return the number of vectors.

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
def forward_tile(parameters, memory, tiles, vectors, training):
    """Forward pass of a tile, from inputs to outputs."""
    tile = Tile(memory, tiles.row, vectors)
    for layer in range(tiles.table.shape[0]):
        units, sums = tiles.table[layer, FAN_OUT], tiles.sums[layer]
        stride = tiles.table[layer, STRIDE]
        values = tiles.values[layer + 1]
        code, constants = tiles.table[layer, ACTIVATION], constants_of(tiles.constants, layer)
        skip = tiles.table[layer, SKIP]
        rectified = code == RELU and skip == 0
        laid = tiles.latents if layer == 0 else 0  # inputs in the biases already
        target = values if rectified else sums
        multiply(
            units,
            tiles.table[layer, FAN_IN] - laid,
            Matrix(parameters, tiles.table[layer, START] + laid * stride, 1, stride),
            tile,
            tiles.values[layer],
            target,
            Operand(BIASES, tiles.biases[layer]),
            Operand(RECTIFIED if rectified else IDENTITY, 0),
        )
        if rectified:
            continue
        block = tiles.values[layer + 1 - skip]
        # Where the slope follows from the value, that takes less than from the sum.
        if code == TANH:
            added = Operand(ROWS if skip > 0 else ZEROS, block)
            tanh_rows(units, tile, sums, values, training, added)
            continue
        below, above = Matrix(memory, sums, tiles.row, 1), Matrix(memory, values, tiles.row, 1)
        activate(below, above, units, vectors * WIDTH, code, constants)
        if training and code == SIGMOID:
            copy_rows(units, tile, values, sums)
        if skip > 0:
            add_rows(units, tile, block, values)


@kernel
def forward_kernel(parameters, tiles, latents, points, outputs, memory, worker):
    """Compute the outputs of all points, for each of the samples' latent numbers.

    Parameters
    ----------
    parameters : float32 vector
    tiles : Tiles
    latents : float32 (samples, latents)
        The first inputs of the network.
    points : float32 (points, the other inputs)
    outputs : float32 (samples, points, outputs)
    memory : float32 vector
        From `fit_image.nn.mlp.soa.tile_memory`; the thread's own.
    worker : Worker
    """
    counts, _, threads = worker
    count = points.shape[0]
    per_sample = (count + tiles.row - 1) // tiles.row
    load_biases(parameters, memory, tiles)
    laid = -1
    index = next_task(counts, threads, 0)
    while index < latents.shape[0] * per_sample:
        sample, first = index // per_sample, index % per_sample * tiles.row
        if sample != laid:
            load_conditioned_biases(parameters, memory, tiles, latents[sample])
            laid = sample
        vectors = load_points(memory, tiles, points, first)
        forward_tile(parameters, memory, tiles, vectors, False)
        for c in range(outputs.shape[2]):
            last = tiles.values[tiles.table.shape[0]] + c * tiles.row
            for i in range(min(tiles.row, count - first)):
                outputs[sample, first + i, c] = memory[last + i]
        index = next_task(counts, threads, 0)
