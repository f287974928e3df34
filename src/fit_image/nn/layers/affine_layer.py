"""Stages in which every number that comes out is a weighted sum of all that go in.

Two stages may share a matrix of weights, the one as it lies and the other turned round; so kernels
are told how far it is in the matrix from one input to the next, and from one unit to the next.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import ACTIVATIONS, constants_of
from fit_image.nn.kernels.gemm import gemm, piece, pieces
from fit_image.nn.layers import affine
from fit_image.nn.layers.layer import Layer, Shape, Workers
from fit_image.nn.runtime.arrays import FloatArray, IntArray, Matrix, aligned_zeros, copy, vector
from fit_image.nn.runtime.barrier import barrier, next_task
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.simd import WIDTH

_BLOCK_ROWS = 192
"""Samples, at most, that a thread takes at a time."""


class Layout(NamedTuple):
    """Sizes that kernels must know."""

    fan_in: int
    units: int
    input_row: int  # numbers in a row of inputs with padding
    unit_row: int  # numbers in a row of units with padding
    across_inputs: int  # distance in the weights from one input to the next
    across_units: int  # from one unit to the next; one of the two distances is 1
    biases: int  # where they lie in the parameters


class Kept(NamedTuple):
    """What a batch leaves for its way back, and room for that."""

    sums: FloatArray  # (samples, padded units), flat
    rows: FloatArray  # (samples, padded inputs), flat; nothing where inputs need no padding


class AffineLayer(Layer):
    """Base of the stages with weighted sums.

    Parameters
    ----------
    inputs, outputs : tuple of int
    layout : Layout
    size, parameter_count : int
        See `fit_image.nn.layers.layer.Layer`.
    activation : str
        A key of `fit_image.nn.activations.ACTIVATIONS`.
    slope, omega, scale : float
        See `fit_image.nn.mlp.layer_spec.LayerSpec`.

    Attributes
    ----------
    layout : Layout
    """

    def __init__(
        self,
        inputs: Shape,
        outputs: Shape,
        layout: Layout,
        size: int,
        parameter_count: int,
        activation: str,
        slope: float,
        omega: float,
        scale: float,
    ) -> None:
        super().__init__(inputs, outputs, size, parameter_count)
        self.layout = layout
        self._code = ACTIVATIONS[activation].code
        self._constants = np.array([[slope, omega, scale]], dtype=np.float32)

    def keep(self, samples: int) -> Kept:
        """See `Layer.keep`."""
        layout = self.layout
        padding = layout.input_row - layout.fan_in
        return Kept(
            aligned_zeros(samples * layout.unit_row),
            aligned_zeros(samples * layout.input_row if padding else 0),
        )

    def forward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Kept,
        workers: Workers,
        rng: np.random.Generator | None,
    ) -> None:
        """See `Layer.forward`."""

        def work(counts: IntArray, thread: int, threads: int) -> None:
            _forward_kernel(
                self.layout,
                parameters,
                inputs.reshape(-1),
                kept.sums,
                outputs.reshape(-1),
                self._code,
                self._constants,
                workers.panels[thread],
                len(inputs),
                counts,
                threads,
            )

        workers.run(work)

    def backward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Kept,
        by_outputs: FloatArray,
        gradient: FloatArray | None,
        by_inputs: FloatArray | None,
        workers: Workers,
        factor: float = 1.0,
        add: bool = True,
    ) -> None:
        """See `Layer.backward`."""
        if not len(inputs):
            if gradient is not None and not add:
                gradient[:] = 0.0
            return
        nothing = np.empty(0, dtype=np.float32)

        def work(counts: IntArray, thread: int, threads: int) -> None:
            _backward_kernel(
                self.layout,
                parameters,
                inputs.reshape(-1),
                kept.sums,
                kept.rows,
                by_outputs.reshape(-1),
                nothing if gradient is None else gradient,
                nothing if by_inputs is None else by_inputs.reshape(-1),
                self._code,
                self._constants,
                workers.panels[thread],
                len(inputs),
                np.float32(factor),
                add,
                counts,
                thread,
                threads,
            )

        workers.run(work)


@kernel
def _forward_kernel(
    layout, weights, inputs, sums, outputs, code, constants, panel, samples, counts, threads
):
    fan_in, units, width = layout.fan_in, layout.units, layout.unit_row
    columns = width if layout.across_units == 1 else units
    cut = pieces(samples, columns, threads, False)
    number = next_task(counts, threads, 0)
    while number < cut[0] * cut[1]:
        top, bottom, first, stop = piece(samples, columns, cut, number)
        block = _even(bottom - top)
        for i in range(top, bottom, block):
            rows = min(block, bottom - i)
            affine.add_up(
                weights, layout.biases, layout.across_inputs, layout.across_units, fan_in, inputs,
                i * fan_in, fan_in, rows, first, stop, sums, i * width, width, panel,
            )  # fmt: skip
            affine.apply(
                sums, i * width, width, outputs, i * units, units, rows, first, stop, code,
                constants_of(constants, 0),
            )  # fmt: skip
        number = next_task(counts, threads, 0)


@inner
def _even(rows):
    """Return how many rows to take at a time, such that none is left with a few."""
    return -(-rows // max(-(-rows // _BLOCK_ROWS), 1)) if rows > 0 else 1


@kernel
def _backward_kernel(
    layout, weights, inputs, sums, rows, by_outputs, gradient, by_inputs, code, constants, panel,
    samples, factor, add, counts, thread, threads,
):  # fmt: skip
    units, width = layout.units, layout.unit_row
    first, stop = samples * thread // threads, samples * (thread + 1) // threads
    affine.to_deltas(
        sums, first * width, width, by_outputs, first * units, units, stop - first, code,
        constants_of(constants, 0),
    )  # fmt: skip
    barrier(counts, thread, threads)
    if by_inputs.size > 0:
        _to_inputs(layout, weights, sums, rows, by_inputs, panel, samples, counts, threads)
    # From now on nobody reads the weights, which may be what is changed below.
    barrier(counts, thread, threads)
    if gradient.size == 0:
        return
    if factor != np.float32(1.0):
        # Cheaper than in what is made of them.
        deltas = vector(sums, first * width, (stop - first) * width)
        for i in range(deltas.size):
            deltas[i] *= factor
        barrier(counts, thread, threads)
    edges = width * thread // threads, width * (thread + 1) // threads
    if not add:
        vector(gradient, layout.biases + edges[0], edges[1] - edges[0])[:] = np.float32(0.0)
    affine.add_bias_gradient(sums, 0, width, samples, *edges, gradient, layout.biases)
    if layout.across_units == 1:
        _outer(
            layout.fan_in, width, samples, inputs, layout.fan_in, sums, gradient, add, panel,
            counts, threads,
        )  # fmt: skip
        return
    row = layout.input_row
    if rows.size > 0:
        for i in range(first, stop):
            source = vector(inputs, i * layout.fan_in, layout.fan_in)
            copy(source, vector(rows, i * row, layout.fan_in))
        barrier(counts, thread, threads)
    values = rows if rows.size > 0 else inputs
    _outer(units, row, samples, sums, width, values, gradient, add, panel, counts, threads)


@inner
def _to_inputs(layout, weights, deltas, rows, by_inputs, panel, samples, counts, threads):
    """Write the derivative by the inputs."""
    fan_in, width = layout.fan_in, layout.unit_row
    whole = -(-fan_in // WIDTH) * WIDTH
    columns = whole if layout.across_inputs == 1 else fan_in
    direct = whole == fan_in
    target, row = (by_inputs, fan_in) if direct else (rows, layout.input_row)
    cut = pieces(samples, columns, threads, False)
    number = next_task(counts, threads, 0)
    while number < cut[0] * cut[1]:
        top, bottom, first, stop = piece(samples, columns, cut, number)
        gemm(
            bottom - top,
            stop - first,
            layout.units,
            Matrix(deltas, top * width, width, 1),
            Matrix(
                weights,
                first * layout.across_inputs,
                layout.across_units,
                layout.across_inputs,
            ),
            Matrix(target, top * row + first, row, 1),
            panel,
            False,
        )
        if not direct:
            count = min(stop, fan_in) - first
            for i in range(top, bottom):
                source = vector(rows, i * row + first, count)
                copy(source, vector(by_inputs, i * fan_in + first, count))
        number = next_task(counts, threads, 0)


@inner
def _outer(rows, columns, samples, a, a_row, b, gradient, add, panel, counts, threads):
    """Write, or add, to a matrix the products of what each sample has in A and in B."""
    cut = pieces(rows, columns, threads, True)
    number = next_task(counts, threads, 1)
    while number < cut[0] * cut[1]:
        top, bottom, first, stop = piece(rows, columns, cut, number)
        gemm(
            bottom - top,
            stop - first,
            samples,
            Matrix(a, top, 1, a_row),
            Matrix(b, first, columns, 1),
            Matrix(gradient, top * columns + first, columns, 1),
            panel,
            add,
        )
        number = next_task(counts, threads, 1)
