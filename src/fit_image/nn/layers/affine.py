"""Weighted sums of rows of numbers: what dense layers and convolutions have in common.

The weights lie as a matrix with a row for every input, the biases last, and a column for every
unit, padded_width with zeros to whole cache lines: as the gemm wants them on the way forward.
"""

from __future__ import annotations

import math

import numpy as np

from fit_image.nn.activations import activate, differentiate
from fit_image.nn.initializers import Normal
from fit_image.nn.kernels.gemm import gemm
from fit_image.nn.runtime.arrays import LANES, FloatArray, Matrix, copy, vector
from fit_image.nn.runtime.jit import inner


def padded_width(count: int) -> int:
    """Return a count rounded up to whole cache lines."""
    return -(-count // LANES) * LANES


def matrix(parameters: FloatArray, fan_in: int, width: int) -> FloatArray:
    """Return the parameters as rows, the biases last: a view (fan_in + 1, width)."""
    return parameters[: (fan_in + 1) * width].reshape(fan_in + 1, width)


def draw_normal(
    rows: FloatArray,
    units: int,
    deviation: float,
    rng: np.random.Generator,
    bound: float = math.inf,
) -> None:
    """Draw weights from a normal, again where they are beyond ``bound`` deviations; no biases."""
    rows[:-1, :units] = Normal(deviation, bound).draw((len(rows) - 1, units), rng)


@inner
def add_up(
    weights, biases, row, column, fan_in, inputs, start, input_row, rows, first, stop, sums,
    sums_start, width, panel,
):  # fmt: skip
    """Write the weighted sums of some rows of inputs, for units ``first`` to ``stop``.

    ``biases`` is where these lie; ``row`` and ``column`` are the distances in the weights from
    one input, and from one unit, to the next: one of them is 1.
    """
    own = vector(weights, biases + first, stop - first)
    for i in range(rows):
        copy(own, vector(sums, sums_start + i * width + first, stop - first))
    gemm(
        rows,
        stop - first,
        fan_in,
        Matrix(inputs, start, input_row, 1),
        Matrix(weights, first * column, row, column),
        Matrix(sums, sums_start + first, width, 1),
        panel,
        True,
    )


@inner
def apply(sums, sums_start, width, outputs, start, units, rows, first, stop, code, constants):
    """Write the values of some rows of sums, for units ``first`` to ``stop``."""
    if stop - first == width == units:
        activate(
            Matrix(sums, sums_start, 0, 1),
            Matrix(outputs, start, 0, 1),
            1,
            rows * units,
            code,
            constants,
        )
    else:
        count = min(stop, units) - first
        activate(
            Matrix(sums, sums_start + first, width, 1),
            Matrix(outputs, start + first, units, 1),
            rows,
            count,
            code,
            constants,
        )


@inner
def to_deltas(sums, sums_start, width, upstream, start, units, rows, code, constants):
    """Turn some rows of sums into the derivatives of the loss by them."""
    differentiate(Matrix(sums, sums_start, width, 1), rows, units, code, constants)
    for i in range(rows):
        deltas = vector(sums, sums_start + i * width, units)
        gradient = vector(upstream, start + i * units, units)
        for j in range(units):
            deltas[j] *= gradient[j]
        for j in range(units, width):
            sums[sums_start + i * width + j] = np.float32(0.0)


@inner
def add_bias_gradient(deltas, start, width, rows, first, stop, gradient, biases):
    """Add the derivatives by the sums of some rows to those by biases ``first`` to ``stop``."""
    target = vector(gradient, biases + first, stop - first)
    for i in range(rows):
        source = vector(deltas, start + i * width + first, stop - first)
        for j in range(source.size):
            target[j] += source[j]
