"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner.

Source: Vyas, Morwani, Zhao, Shapira, Brandfonbrener, Janson and Kakade, "SOAP: improving and
stabilizing Shampoo using Adam", ICLR 2025, algorithm 3. The gradient G of a layer's weights has two
factors, running sums of G G^T and of G^T G. In the basis of their eigenvectors the numbers of the
gradient depend on one another least, and Adam, which gives each number a step of its own, fits
best.

The bases begin as the identity. Every so often they are renewed by one power iteration, which keeps
the order of the eigenvectors; the moments are kept in the basis, and turn with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from fit_image.nn.kernels.gemm import gemm
from fit_image.nn.optimizers.adam import Adam
from fit_image.nn.optimizers.base import Preconditioned
from fit_image.nn.optimizers.spans import (
    BETA1,
    BETA2,
    CORRECTION,
    EPSILON,
    RENEWAL,
    REST1,
    REST2,
    ROOT,
    SCALE,
)
from fit_image.nn.runtime.arrays import (
    FAN_IN,
    FAN_OUT,
    LANES,
    START,
    FloatArray,
    IntArray,
    Matrix,
    aligned_zeros,
    padded_size,
    vector,
)
from fit_image.nn.runtime.jit import inner, noinline

# Steps from one renewal of the bases to the next: with 10 and with 40, networks learn as well.
_RENEWAL = 20

# Of the factors, a step keeps this share.
_KEPT = np.float32(0.95)

# Share of the mean eigenvalue that is added to every one. It changes no eigenvector, and where the
# gradient has fewer dimensions than the matrix, the others keep theirs.
_RIDGE = np.float32(1e-6)

# Columns of the table of matrices: where one begins in the vectors, its rows and columns, and both
# padded; where its factors begin, and its memory to work in.
_START, _ROWS, _COLUMNS, _LENGTH, _STRIDE, _FACTORS, _WORK = range(7)


class SOAP(Adam):
    """Adam in the basis of the gradient's eigenvectors; see this module.

    Parameters
    ----------
    layers : int64 (layers, columns), optional
        The layers whose weights have a basis; see `fit_image.nn.runtime.arrays.START`. What lies
        outside them takes the step of Adam.
    """

    beta2 = 0.99

    def __init__(self, size: int, layers: IntArray | None = None) -> None:
        super().__init__(size)
        if layers is not None:
            table, numbers, work = _layout(layers[:, [START, FAN_IN, FAN_OUT]].tolist())
            # In rows, so that no one takes it for a vector of as many numbers as the network.
            self.state["factors"] = aligned_zeros(numbers // LANES, LANES)
            factors = self.state["factors"].reshape(-1)
            for _, rows, columns, length, stride, start, _ in table.tolist():
                for side, row in ((rows, length), (columns, stride)):
                    basis = factors[start + row * row :][: side * row].reshape(side, row)
                    np.fill_diagonal(basis, 1.0)
                    start += 2 * row * row
            self.preconditioned = Preconditioned(table, factors, aligned_zeros(work))

    @classmethod
    def of_layers(cls, size: int, layers: IntArray) -> Self:
        return cls(size, layers)

    @classmethod
    def extra_numbers(cls, shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
        return _layout([(0, *shape) for shape in shapes])[1:]

    def constants(self, step: int) -> FloatArray:
        constants = super().constants(step)
        constants[RENEWAL] = step % _RENEWAL == 0
        return constants


def _layout(layers: Sequence[tuple[int, int, int]]) -> tuple[IntArray, int, int]:
    """Return the table of matrices, and the numbers of their factors and of the working memory.

    Layers are where they begin, fan-in and fan-out.
    """
    table, factors, work = [], 0, 0
    for start, fan_in, columns in layers:
        rows, stride = fan_in + 1, padded_size(columns)
        length = padded_size(rows)
        table.append((start, rows, columns, length, stride, factors, work))
        # Of each side the sum and the basis, both padded squares.
        factors += 2 * (length**2 + stride**2)
        work += 2 * max(length, stride) ** 2
    return np.array(table, dtype=np.int64), factors, work


@inner
def step_matrices(vectors, preconditioned, rates, constants, panel, worker):
    """Take the step of a thread's matrices: every ``threads``-th, from ``thread`` on.

    ``vectors`` are those of `fit_image.nn.optimizers.spans.step_span`, ``rates`` the learning rates
    of the matrices and the factor of all, and ``panel`` is memory for products.
    """
    table, factors, work = preconditioned
    each, factor = rates
    _, thread, threads = worker
    for index in range(thread, table.shape[0], threads):
        _step_matrix(vectors, table[index], (factors, work), each[index] * factor, constants, panel)


@inner
def _step_matrix(vectors, matrix, memory, rate, constants, panel):
    parameters, gradient, first_moment, second_moment = vectors
    factors, work = memory
    start, rows, columns, row = matrix[_START], matrix[_ROWS], matrix[_COLUMNS], matrix[_STRIDE]
    length, size = matrix[_LENGTH], rows * row
    widest = max(length, row)
    left = (factors, matrix[_FACTORS], rows, length)
    right = (factors, matrix[_FACTORS] + 2 * length * length, columns, row)
    half = Matrix(work, matrix[_WORK], row, 1)
    whole = Matrix(work, matrix[_WORK] + widest * widest, row, 1)
    lying, standing = Matrix(gradient, start, row, 1), Matrix(gradient, start, 1, row)
    moment = Matrix(first_moment, start, row, 1)
    g, m = vector(gradient, start, size), vector(first_moment, start, size)
    for i in range(size):
        g[i] *= constants[SCALE]
    _add_products(left, rows, columns, lying, standing, panel)
    _add_products(right, row, rows, standing, lying, panel)
    if constants[RENEWAL] > 0:
        _turn_back((left, right), moment, half, whole, panel)
        _renew(left, half, panel)
        _renew(right, half, panel)
        _turn((left, right), whole, half, moment, panel)
    _turn((left, right), lying, half, whole, panel)
    v, step = vector(second_moment, start, size), vector(work, whole.start, size)
    beta1, rest1, beta2 = constants[BETA1], constants[REST1], constants[BETA2]
    rest2, root, eps = constants[REST2], constants[ROOT], constants[EPSILON]
    for i in range(size):
        g_i = step[i]
        m_i = beta1 * m[i] + rest1 * g_i
        v_i = beta2 * v[i] + rest2 * (g_i * g_i)
        m[i] = m_i
        v[i] = v_i
        step[i] = m_i / (np.sqrt(v_i) * root + eps)
    _turn_back((left, right), whole, half, whole, panel)
    p, rate = vector(parameters, start, size), rate * constants[CORRECTION]
    for i in range(size):
        p[i] -= rate * step[i]


@inner
def _add_products(side, columns, depth, a, b, panel):
    """Update the running sum of A B, where B is the transpose of A."""
    factors, start, rows, row = side
    numbers = vector(factors, start, rows * row)
    for i in range(numbers.size):
        numbers[i] *= _KEPT
    _multiply(rows, columns, depth, a, b, Matrix(factors, start, row, 1), panel, True)


@inner
def _turn(sides, source, half, target, panel):
    """Turn a matrix into the basis: an eigenvector is a row of each side's."""
    (factors, left, rows, length), (_, right, columns, row) = sides
    left, right = left + length * length, right + row * row
    _multiply(rows, row, rows, Matrix(factors, left, length, 1), source, half, panel, False)
    _multiply(rows, row, columns, half, Matrix(factors, right, 1, row), target, panel, False)


@inner
def _turn_back(sides, source, half, target, panel):
    """Turn a matrix out of the basis; it may be its own target."""
    (factors, left, rows, length), (_, right, columns, row) = sides
    left, right = left + length * length, right + row * row
    _multiply(rows, row, rows, Matrix(factors, left, 1, length), source, half, panel, False)
    _multiply(rows, row, columns, half, Matrix(factors, right, row, 1), target, panel, False)


@inner
def _renew(side, memory, panel):
    """Replace a basis: multiplied by the sum, and made orthonormal from the first row on."""
    factors, start, count, row = side
    trace = np.float32(0.0)
    for i in range(count):
        trace += factors[start + i * (row + 1)]
    if not trace > 0:  # no gradient yet
        return
    ridge, basis = _RIDGE * trace / np.float32(count), start + row * row
    old, products = Matrix(factors, basis, row, 1), Matrix(memory.data, memory.start, row, 1)
    _multiply(count, row, count, old, Matrix(factors, start, row, 1), products, panel, False)
    for i in range(count):
        own = vector(factors, basis + i * row, row)
        new = vector(products.data, products.start + i * row, row)
        for k in range(row):
            new[k] += ridge * own[k]
        # Twice is enough, however close to one another the vectors were: Giraud, Langou,
        # Rozloznik, van den Eshof, "Rounding error analysis of the classical Gram-Schmidt
        # orthogonalization process", 2005.
        for turn in range(2 * i):
            earlier = vector(factors, basis + (turn % i) * row, row)
            along = _dot(earlier, new)
            for k in range(row):
                new[k] -= along * earlier[k]
        norm = np.sqrt(_dot(new, new))
        for k in range(row):
            own[k] = new[k] / norm


@inner
def _multiply(rows, columns, depth, a, b, c, panel, add):
    """Call `gemm`, of which the compiler makes one copy here, and not seven."""
    noinline()
    gemm(rows, columns, depth, a, b, c, panel, add)


@inner
def _dot(a, b):
    total = np.float32(0.0)
    for k in range(a.size):
        total += a[k] * b[k]
    return total
