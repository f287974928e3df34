"""Activation functions and their derivatives.

The kernels choose the activation once for a row of sums; each has a loop of its own, which the
compiler vectorises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fit_image.nn.expression_kernels import program_code, run_program
from fit_image.nn.expressions import Expression, Expressions
from fit_image.nn.kernels.vector_math import (
    cosine,
    exponential,
    hyperbolic_tangent,
    log_one_plus,
    sine,
)
from fit_image.nn.runtime.arrays import vector
from fit_image.nn.runtime.jit import inner, noinline

LEAKY_RELU, RELU, ELU, SOFTPLUS, TANH, SCALED_TANH = range(6)
SIGMOID, SINE, GAUSS, GABOR, FINER, IDENTITY = range(6, 12)


@dataclass(frozen=True)
class Activation:
    """An activation, and its layers' key of `initializers.INITIALIZERS`."""

    function: int | Expression
    init: str

    @property
    def code(self) -> int:
        """Its code in kernels; that of an expression is compiled when it is first asked for."""
        function = self.function
        return function if isinstance(function, int) else program_code(function)


_NAMED = {
    # s, or slope * s below zero; slope 0 is a ReLU.
    "leaky-relu": Activation(LEAKY_RELU, "classic"),
    "relu": Activation(RELU, "he"),
    # exp(s) - 1 below zero: Clevert et al., "Fast and accurate deep network learning by
    # exponential linear units", ICLR 2016.
    "elu": Activation(ELU, "he"),
    # log(1 + exp(s)): Dugas et al., "Incorporating second-order functional knowledge for better
    # option pricing", NIPS 2000.
    "softplus": Activation(SOFTPLUS, "he"),
    "tanh": Activation(TANH, "xavier"),
    # 1.7159 tanh(2/3 s), which keeps a variance of 1: LeCun et al., "Efficient backprop", 1998.
    "scaled-tanh": Activation(SCALED_TANH, "xavier"),
    "sigmoid": Activation(SIGMOID, "xavier"),
    # sin(omega s): Sitzmann et al., "Implicit neural representations with periodic activation
    # functions", NeurIPS 2020 (SIREN).
    "sine": Activation(SINE, "siren"),
    # exp(-(scale s)^2): Ramasinghe and Lucey, "Beyond periodicity: towards a unifying framework for
    # activations in coordinate-MLPs", ECCV 2022; in the form of Saragadam et al.
    "gauss": Activation(GAUSS, "siren"),
    # cos(omega s) exp(-(scale s)^2): the real form of Saragadam et al., "WIRE: wavelet implicit
    # neural representations", CVPR 2023.
    "gabor": Activation(GABOR, "siren"),
    # sin(omega (|s| + 1) s): Liu et al., "FINER: flexible spectral-bias tuning in implicit neural
    # representation by variable-periodic activation functions", CVPR 2024. Here with the
    # derivative of this very function.
    "finer": Activation(FINER, "siren"),
    "identity": Activation(IDENTITY, "xavier"),
}


def _expressed(expression: Expression) -> Activation:
    # Of what is steep by its omega, weights begin as those of sines do.
    init = "siren" if "omega" in expression.fields else "xavier"
    return Activation(expression, init)


ACTIVATIONS = Expressions(_expressed, _NAMED)
"""Activations by name, and those that are expressions by text."""

# Columns of the table of constants, a row a layer.
SLOPE, OMEGA, SCALE = range(3)

_ZERO, _ONE, _TWO = np.float32(0.0), np.float32(1.0), np.float32(2.0)
_HEIGHT, _STEEPNESS = np.float32(1.7159), np.float32(2.0 / 3.0)


@inner
def constants_of(table, layer):
    """Return a layer's row of the table of constants."""
    return table[layer, SLOPE], table[layer, OMEGA], table[layer, SCALE]


@inner
def _sigmoid(s):
    return _ONE / (_ONE + exponential(-s))


@inner
def _bell(s, scale):
    return exponential(-(scale * s) * (scale * s))


@inner
def activate(sums, values, rows, columns, code, constants):
    """Write f(s) of the activation with this code to ``values``, for all s in ``sums``.

    Both are of type `fit_image.nn.runtime.arrays.Matrix`, lie by rows, and may share memory.
    """
    above, below = (values.start, values.row), (sums.start, sums.row)
    if columns == sums.row == values.row:
        rows, columns = 1, rows * columns
    activate_rows(sums.data, below, values.data, above, (rows, columns), code, constants)


@inner
def differentiate(sums, rows, columns, code, constants):
    """Replace each s in ``sums`` by the derivative f'(s) of the activation with this code."""
    if columns == sums.row:
        rows, columns = 1, rows * columns
    differentiate_rows(sums.data, (sums.start, sums.row), (rows, columns), code, constants)


@inner
def activate_rows(source, sums, target, values, shape, code, constants):
    """`activate` for a few numbers, where making a `Matrix` would take as long.

    ``sums`` and ``values`` are (start, row) of matrices in ``source`` and ``target``; ``shape`` is
    (rows, columns).
    """
    noinline()
    (start, row_below), (end, row_above), (rows, columns) = sums, values, shape
    slope, omega, scale = constants
    for row in range(rows):
        s = vector(source, start + row * row_below, columns)
        y = vector(target, end + row * row_above, columns)
        if code == LEAKY_RELU:
            for i in range(columns):
                y[i] = slope * s[i] if s[i] < _ZERO else s[i]
        elif code == RELU:
            for i in range(columns):
                y[i] = _ZERO if s[i] < _ZERO else s[i]
        elif code == ELU:
            for i in range(columns):
                below = exponential(s[i]) - _ONE
                y[i] = below if s[i] < _ZERO else s[i]
        elif code == SOFTPLUS:
            for i in range(columns):
                above = _ZERO if s[i] < _ZERO else s[i]
                y[i] = above + log_one_plus(exponential(-abs(s[i])))
        elif code == TANH:
            for i in range(columns):
                y[i] = hyperbolic_tangent(s[i])
        elif code == SCALED_TANH:
            for i in range(columns):
                y[i] = _HEIGHT * hyperbolic_tangent(_STEEPNESS * s[i])
        elif code == SIGMOID:
            for i in range(columns):
                y[i] = _sigmoid(s[i])
        elif code == SINE:
            for i in range(columns):
                y[i] = sine(omega * s[i])
        elif code == GAUSS:
            for i in range(columns):
                y[i] = _bell(s[i], scale)
        elif code == GABOR:
            for i in range(columns):
                y[i] = cosine(omega * s[i]) * _bell(s[i], scale)
        elif code == FINER:
            for i in range(columns):
                y[i] = sine(omega * ((abs(s[i]) + _ONE) * s[i]))
        elif code == IDENTITY:
            for i in range(columns):
                y[i] = s[i]
        else:
            run_program(code, 0, s, y, columns, constants)


@inner
def differentiate_rows(memory, sums, shape, code, constants):
    """`differentiate` for a few numbers, with arguments as in `activate_rows`."""
    noinline()
    (start, distance), (rows, columns) = sums, shape
    slope, omega, scale = constants
    for row in range(rows):
        s = vector(memory, start + row * distance, columns)
        if code == LEAKY_RELU:
            for i in range(columns):
                s[i] = slope if s[i] < _ZERO else _ONE
        elif code == RELU:
            for i in range(columns):
                s[i] = _ZERO if s[i] < _ZERO else _ONE
        elif code == ELU:
            for i in range(columns):
                below = exponential(s[i])
                s[i] = below if s[i] < _ZERO else _ONE
        elif code == SOFTPLUS:
            for i in range(columns):
                s[i] = _sigmoid(s[i])
        elif code == TANH:
            for i in range(columns):
                tanh = hyperbolic_tangent(s[i])
                s[i] = _ONE - tanh * tanh
        elif code == SCALED_TANH:
            for i in range(columns):
                tanh = hyperbolic_tangent(_STEEPNESS * s[i])
                s[i] = (_HEIGHT * _STEEPNESS) * (_ONE - tanh * tanh)
        elif code == SIGMOID:
            for i in range(columns):
                sigmoid = _sigmoid(s[i])
                s[i] = sigmoid * (_ONE - sigmoid)
        elif code == SINE:
            for i in range(columns):
                s[i] = omega * cosine(omega * s[i])
        elif code == GAUSS:
            for i in range(columns):
                s[i] = -_TWO * (scale * scale) * (s[i] * _bell(s[i], scale))
        elif code == GABOR:
            for i in range(columns):
                angle = omega * s[i]
                change = omega * sine(angle) + _TWO * (scale * scale) * (s[i] * cosine(angle))
                s[i] = -change * _bell(s[i], scale)
        elif code == FINER:
            for i in range(columns):
                size = abs(s[i])
                change = omega * (_TWO * size + _ONE)
                s[i] = change * cosine(omega * ((size + _ONE) * s[i]))
        elif code == IDENTITY:
            for i in range(columns):
                s[i] = _ONE
        else:
            run_program(code, 1, s, s, columns, constants)
