"""Weighted sums of rows of numbers: what dense layers and convolutions have in common.

The weights lie as a matrix with a row for every input, the biases last, and a column for every
unit, padded with zeros to whole cache lines: as the product wants them on the way forward.
"""

from __future__ import annotations

import math

import numpy as np

from fit_image.core.activations import activate, differentiate
from fit_image.core.dense import LANES, FloatArray, copy, vector
from fit_image.core.jit import inner, kernel
from fit_image.core.lanes import WIDTH, transpose_block
from fit_image.core.product import product


def padded(count: int) -> int:
    """Return a count rounded up to whole cache lines."""
    return -(-count // LANES) * LANES


def matrix(parameters: FloatArray, fan_in: int) -> FloatArray:
    """Return the parameters as rows, the biases last: a view (fan_in + 1, padded units)."""
    return parameters.reshape(fan_in + 1, -1)


def draw_normal(
    rows: FloatArray,
    units: int,
    deviation: float,
    rng: np.random.Generator,
    bound: float = math.inf,
) -> None:
    """Draw weights from a normal, again where they are beyond ``bound`` deviations; no biases."""
    drawn = rng.standard_normal((len(rows) - 1, units), dtype=np.float32)
    beyond = np.abs(drawn) > bound
    while beyond.any():
        drawn[beyond] = rng.standard_normal(int(beyond.sum()), dtype=np.float32)
        beyond = np.abs(drawn) > bound
    rows[:-1, :units] = drawn * np.float32(deviation)


@inner
def add_up(weights, fan_in, width, inputs, start, row, rows, sums, sums_start, panel):
    """Write the weighted sums of some rows of inputs."""
    biases = vector(weights, fan_in * width, width)
    for i in range(rows):
        copy(biases, vector(sums, sums_start + i * width, width))
    product(
        rows, width, fan_in, inputs, start, row, 1, weights, 0, width, sums, sums_start, width,
        panel, True,
    )  # fmt: skip


@inner
def apply(sums, sums_start, width, outputs, start, units, rows, code, constants):
    """Write the values of some rows of sums."""
    if units == width:
        activate(sums, sums_start, 0, outputs, start, 0, 1, rows * units, code, constants)
    else:
        activate(sums, sums_start, width, outputs, start, units, rows, units, code, constants)


@inner
def to_deltas(sums, sums_start, width, upstream, start, units, rows, code, constants):
    """Turn some rows of sums into the derivatives of the loss by them."""
    differentiate(sums, sums_start, width, rows, units, code, constants)
    for i in range(rows):
        deltas = vector(sums, sums_start + i * width, units)
        gradient = vector(upstream, start + i * units, units)
        for j in range(units):
            deltas[j] *= gradient[j]
        for j in range(units, width):
            sums[sums_start + i * width + j] = np.float32(0.0)


@inner
def add_bias_gradient(deltas, start, width, rows, gradient, biases):
    """Add the derivatives by the sums of some rows to those by the biases."""
    target = vector(gradient, biases, width)
    for i in range(rows):
        source = vector(deltas, start + i * width, width)
        for j in range(width):
            target[j] += source[j]


@kernel
def transpose_kernel(weights, fan_in, width, transposed):
    """Copy the weights without biases to rows of units, of ``fan_in`` numbers and padding."""
    row = transposed.size // width
    whole = fan_in // WIDTH * WIDTH
    for unit in range(0, width, WIDTH):
        for k in range(0, whole, WIDTH):
            transpose_block(weights, k * width + unit, width, transposed, unit * row + k, row)
        for k in range(whole, fan_in):
            for j in range(unit, unit + WIDTH):
                transposed[j * row + k] = weights[k * width + j]
