"""Weighted sums of rows: the part that dense layers and convolutions by im2col share.

The weights are a matrix with a row for every input, the biases last, and a column for every unit,
padded with zeros to whole cache lines: as the gemm takes them in the forward pass. Two layers may
share the matrix, one as it lies and the other transposed; so kernels are told the distance in it
from one input to the next, and from one unit to the next.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import activate, constants_of, differentiate
from fit_image.nn.initializers import Normal
from fit_image.nn.kernels.gemm import gemm
from fit_image.nn.runtime.arrays import FloatArray, Matrix, copy, padded_size, vector
from fit_image.nn.runtime.jit import inner


class AffineLayout(NamedTuple):
    """Sizes of a layer of weighted sums, and where its parameters lie."""

    fan_in: int
    units: int
    input_row: int  # length of a row of inputs with padding
    unit_row: int  # length of a row of units with padding
    across_inputs: int  # distance in the weights from one input to the next
    across_units: int  # from one unit to the next; one of the two distances is 1
    biases: int  # offset in the parameters


def rows(params: FloatArray, fan_in: int, units: int) -> FloatArray:
    """Return weights and biases (fan_in + 1, units), the biases last, as a view without padding."""
    width = padded_size(units)
    return params[: (fan_in + 1) * width].reshape(fan_in + 1, width)[:, :units]


def draw_normal(
    rows: FloatArray, std: float, rng: np.random.Generator, bound: float = math.inf
) -> None:
    """Draw weights from a normal, again where they exceed ``bound`` deviations; no biases."""
    weights = rows[:-1]
    weights[:] = Normal(std, bound).draw(weights.shape, rng)


@inner
def add_up(layout, params, x, sums, rows, first, stop, panel):
    """Write the weighted sums of some rows of inputs, for units ``first`` to ``stop``.

    ``x`` and ``sums`` are of type `Matrix` and begin with the first of these rows.
    """
    own, data = vector(params, layout.biases + first, stop - first), sums.data
    for i in range(rows):
        copy(own, vector(data, sums.start + i * sums.row + first, stop - first))
    row, column = layout.across_inputs, layout.across_units
    weights = Matrix(params, first * column, row, column)
    target = Matrix(sums.data, sums.start + first, sums.row, 1)
    gemm(rows, stop - first, layout.fan_in, x, weights, target, panel, True)


@inner
def apply(activation, sums, y, rows, first, stop):
    """Write the activations of some rows of sums, for units ``first`` to ``stop``."""
    code, constants = activation.code, constants_of(activation.constants, 0)
    part = Matrix(sums.data, sums.start + first, sums.row, 1)
    target = Matrix(y.data, y.start + first, y.row, 1)
    activate(part, target, rows, min(stop, y.row) - first, code, constants)


@inner
def to_deltas(activation, sums, grad_y, rows):
    """Turn some rows of sums into the gradient of the loss with respect to them."""
    units, width = grad_y.row, sums.row
    constants = constants_of(activation.constants, 0)
    differentiate(sums, rows, units, activation.code, constants)
    data, grad_data = sums.data, grad_y.data
    for i in range(rows):
        deltas = vector(data, sums.start + i * width, units)
        above = vector(grad_data, grad_y.start + i * units, units)
        for j in range(units):
            deltas[j] *= above[j]
        for j in range(units, width):
            data[sums.start + i * width + j] = np.float32(0.0)


@inner
def add_bias_grad(deltas, rows, first, stop, grads, biases):
    """Add the gradient with respect to some rows of sums to that of biases ``first`` to ``stop``.

    ``biases`` is the offset of the biases in ``grads``.
    """
    target, data = vector(grads, biases + first, stop - first), deltas.data
    for i in range(rows):
        source = vector(data, deltas.start + i * deltas.row + first, stop - first)
        for j in range(source.size):
            target[j] += source[j]
