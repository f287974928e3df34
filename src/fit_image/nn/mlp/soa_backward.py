"""Backward pass of a narrow network, tile by tile; see `fit_image.nn.mlp.soa`.

The forward pass is computed again, because a hundred layers of a whole batch would not fit in the
cache, and reading them from memory takes longer than computing them.

The gradient by inputs that are the same at every point follows from that by the first biases.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import RELU, SIGMOID, TANH, constants_of, differentiate
from fit_image.nn.mlp.soa_forward import (
    forward_tile,
    load_biases,
    load_conditioned_biases,
    load_points,
)
from fit_image.nn.mlp.soa_tiles import (
    IDENTITY,
    MASKED,
    ROWS,
    ZEROS,
    Operand,
    Tile,
    add_outer,
    multiply,
    multiply_rows,
    slope_rows,
)
from fit_image.nn.runtime.arrays import (
    ACTIVATION,
    FAN_IN,
    FAN_OUT,
    SKIP,
    START,
    STRIDE,
    FloatArray,
    Matrix,
)
from fit_image.nn.runtime.barrier import barrier, next_task
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.simd import WIDTH, broadcast, fma, hsum, load, store


class Inputs(NamedTuple):
    """Latent numbers of the samples (samples, latents), and points (points, other inputs)."""

    latents: FloatArray
    points: FloatArray


class Gradients(NamedTuple):
    """Gradients by the outputs, and where those by latent numbers and parameters go."""

    outputs: FloatArray  # (samples, points, outputs)
    latents: FloatArray  # (samples, latents); filled
    # (parts, WIDTH * number of parameters); filled with the gradient by the parameters for each of
    # the parts into which the samples are cut, in vectors still to be added up
    parts: FloatArray
    # They are added to it, all parts in order; of size 0, if that is not wanted. It may be the
    # parameters themselves.
    parameters: FloatArray
    factor: np.float32  # what they are multiplied by first


@inner
def _backward_tile(parameters, memory, tiles, vectors, sums):
    """Backward pass of a tile, from the gradient by the outputs, at ``tiles.grad``."""
    tile = Tile(memory, tiles.row, vectors)
    grad, grad_skip = tiles.grad, -1  # offset of the gradient by the output of a residual block
    block = tiles.table.shape[0]  # first layer of the residual block under way
    masked = False  # whether the product before has made deltas of the gradient already
    for layer in range(tiles.table.shape[0] - 1, -1, -1):
        units, fan_in = tiles.table[layer, FAN_OUT], tiles.table[layer, FAN_IN]
        start, stride = tiles.table[layer, START], tiles.table[layer, STRIDE]
        code, constants = tiles.table[layer, ACTIVATION], constants_of(tiles.constants, layer)
        if tiles.table[layer, SKIP] > 0:
            block = layer + 1 - tiles.table[layer, SKIP]
            grad_skip = grad
        deltas = grad
        if not masked:
            deltas = tiles.sums[layer]
            shows = code == RELU and tiles.table[layer, SKIP] == 0
            if shows or code in (TANH, SIGMOID):
                values = tiles.values[layer + 1]
                slope_rows(units, tile, values, grad, deltas, code)
            else:
                sums_of_layer = Matrix(memory, deltas, tiles.row, 1)
                differentiate(sums_of_layer, units, vectors * WIDTH, code, constants)
                multiply_rows(units, tile, grad, deltas)
        if layer > 0:
            below = layer - 1
            masked = (
                layer != block
                and tiles.table[below, ACTIVATION] == RELU
                and tiles.table[below, SKIP] == 0
            )
            grad = tiles.grad
            while grad in (deltas, grad_skip):
                grad += tiles.grad_size
            multiply(
                fan_in,
                units,
                Matrix(parameters, start, stride, 1),
                tile,
                deltas,
                grad,
                Operand(ROWS if layer == block else ZEROS, grad_skip),
                Operand(MASKED if masked else IDENTITY, tiles.values[layer]),
            )
            if layer == block:
                grad_skip = -1
        # Behind the product, on which the next layer waits, and this does not.
        laid = tiles.latents if layer == 0 else 0
        add_outer(
            units,
            fan_in - laid,
            tile,
            deltas,
            tiles.values[layer],
            Matrix(sums, tiles.gradient[layer] + laid * WIDTH, (fan_in + 1) * WIDTH, WIDTH),
            tiles.gradient[layer] + fan_in * WIDTH,
        )


@inner
def _latent_gradient(parameters, memory, tiles, latents, sums, grad_latents):
    """Compute the gradient by a sample's latent numbers and their weights from its first biases.

    The sums over all points of the sample move to the memory, to make room for the next sample's.
    """
    grad_latents[:] = np.float32(0.0)
    one, fan_in = broadcast(np.float32(1.0)), tiles.table[0, FAN_IN]
    for unit in range(tiles.table[0, FAN_OUT]):
        start, stride = tiles.table[0, START] + unit, tiles.table[0, STRIDE]
        row = tiles.gradient[0] + unit * (fan_in + 1) * WIDTH
        grad_bias = load(sums, row + fan_in * WIDTH)
        sum_of = hsum(grad_bias)
        for k in range(latents.size):
            offset = row + k * WIDTH
            store(sums, offset, fma(broadcast(latents[k]), grad_bias, load(sums, offset)))
            grad_latents[k] += parameters[start + k * stride] * sum_of
        offset = tiles.grad_biases + unit * WIDTH
        store(memory, offset, fma(grad_bias, one, load(memory, offset)))
        store(sums, row + fan_in * WIDTH, broadcast(np.float32(0.0)))


@kernel
def backward_kernel(parameters, tiles, inputs, gradients, memory, worker):
    """Backward pass of all samples, to the gradient by parameters and latent numbers.

    ``inputs`` and ``gradients`` are of the types `Inputs` and `Gradients`, the others as in
    `fit_image.nn.mlp.soa_forward.forward_kernel`.
    """
    counts, thread, threads = worker
    latents, points = inputs
    grad_y, sums = gradients.outputs, gradients.parts
    count, samples, parts = points.shape[0], latents.shape[0], sums.shape[0]
    nothing = broadcast(np.float32(0.0))
    load_biases(parameters, memory, tiles)
    part = next_task(counts, threads, 0)
    while part < parts:
        for i in range(0, sums.shape[1], WIDTH):
            store(sums[part], i, nothing)
        for unit in range(tiles.table[0, FAN_OUT]):
            store(memory, tiles.grad_biases + unit * WIDTH, nothing)
        for sample in range(samples * part // parts, samples * (part + 1) // parts):
            load_conditioned_biases(parameters, memory, tiles, latents[sample])
            for first in range(0, count, tiles.row):
                vectors = load_points(memory, tiles, points, first)
                forward_tile(parameters, memory, tiles, vectors, True)
                inside = min(tiles.row, count - first)
                for c in range(grad_y.shape[2]):
                    start = tiles.grad + c * tiles.row
                    for i in range(inside):
                        memory[start + i] = grad_y[sample, first + i, c]
                    for i in range(inside, vectors * WIDTH):
                        memory[start + i] = np.float32(0.0)
                _backward_tile(parameters, memory, tiles, vectors, sums[part])
            grad_latents = gradients.latents[sample]
            _latent_gradient(parameters, memory, tiles, latents[sample], sums[part], grad_latents)
        for unit in range(tiles.table[0, FAN_OUT]):
            offset = tiles.gradient[0] + (unit + 1) * (tiles.table[0, FAN_IN] + 1) * WIDTH - WIDTH
            store(sums[part], offset, load(memory, tiles.grad_biases + unit * WIDTH))
        part = next_task(counts, threads, 0)
    barrier(counts, thread, threads)
    if gradients.parameters.size > 0:
        _sum_parts(tiles, sums, gradients.parameters, gradients.factor, thread, threads)


@inner
def _sum_parts(tiles, sums, gradient, factor, thread, threads):
    """Add the vectors of all parts, times a factor, to the thread's share of the gradient."""
    one = broadcast(np.float32(1.0))
    for layer in range(tiles.table.shape[0]):
        numbers = tiles.table[layer, FAN_IN] + 1
        for unit in range(thread, tiles.table[layer, FAN_OUT], threads):
            start, stride = tiles.table[layer, START] + unit, tiles.table[layer, STRIDE]
            row = tiles.gradient[layer] + unit * numbers * WIDTH
            for k in range(numbers):
                vectors = load(sums[0], row + k * WIDTH)
                for part in range(1, sums.shape[0]):
                    vectors = fma(load(sums[part], row + k * WIDTH), one, vectors)
                gradient[start + k * stride] += factor * hsum(vectors)
