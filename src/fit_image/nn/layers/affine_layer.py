"""Base of the layers in which every output is a weighted sum of all inputs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.kernels.gemm import PANEL, gemm, part, partition
from fit_image.nn.layers import affine
from fit_image.nn.layers.affine import AffineLayout
from fit_image.nn.layers.kernel_args import BoundActivation, Grads
from fit_image.nn.layers.layer import Call, Layer, Shape
from fit_image.nn.runtime.arrays import FloatArray, Matrix, aligned_zeros, copy, vector
from fit_image.nn.runtime.barrier import barrier, next_task, share
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.simd import WIDTH

_BLOCK_ROWS = 192
"""Samples, at most, that a thread takes at a time."""


class AffineCache(NamedTuple):
    """Values of a batch that the backward pass needs, and memory for it."""

    sums: FloatArray  # (samples, padded units), flat; then the gradient with respect to them
    rows: FloatArray  # (samples, padded inputs), flat; empty where inputs need no padding


class AffineLayer(Layer):
    """Base of the dense layers; ``size`` and ``num_params`` are those of a `Layer`."""

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        layout: AffineLayout,
        size: int,
        num_params: int,
        activation: str | BoundActivation,
    ) -> None:
        super().__init__(in_shape, out_shape, size, num_params)
        self.layout = layout
        self._activation = BoundActivation.of(activation)

    def make_cache(self, batch_size: int) -> AffineCache:
        layout = self.layout
        padding = layout.input_row - layout.fan_in
        return AffineCache(
            aligned_zeros(batch_size * layout.unit_row),
            aligned_zeros(batch_size * layout.input_row if padding else 0),
        )

    def forward(self, call: Call) -> None:
        """Compute ``y = f(W x + b)``; threads take blocks of samples and units."""
        x, y = call.x.reshape(-1), call.y.reshape(-1)
        arguments = self.layout, self._activation, call.params, x, y, call.cache
        call.pool.run_kernel(_forward_kernel, *arguments, memory=call.pool.scratch(PANEL))

    def propagate(self, call: Call, grads: Grads) -> None:
        """Multiply by the transposed weights, and sum the outer products over the batch."""
        if not len(call.x):
            if not grads.add:
                grads.params[:] = 0.0
            return
        x = call.x.reshape(-1)
        arguments = self.layout, self._activation, call.params, x, call.cache, grads
        call.pool.run_kernel(_backward_kernel, *arguments, memory=call.pool.scratch(PANEL))


@kernel
def _forward_kernel(layout, activation, params, x, y, cache, panel, worker):
    fan_in, units, width = layout.fan_in, layout.units, layout.unit_row
    columns = width if layout.across_units == 1 else units
    samples = y.size // units
    parts = partition(samples, columns, worker.threads, False)
    number = next_task(worker.counts, worker.threads, 0)
    while number < parts[0] * parts[1]:
        top, bottom, first, stop = part(samples, columns, parts, number)
        block = _even(bottom - top)
        for i in range(top, bottom, block):
            rows = min(block, bottom - i)
            sums = Matrix(cache.sums, i * width, width, 1)
            inputs = Matrix(x, i * fan_in, fan_in, 1)
            affine.add_up(layout, params, inputs, sums, rows, first, stop, panel)
            affine.apply(activation, sums, Matrix(y, i * units, units, 1), rows, first, stop)
        number = next_task(worker.counts, worker.threads, 0)


@inner
def _even(rows):
    """Return how many rows to take at a time, so that the last block is not much smaller."""
    return -(-rows // max(-(-rows // _BLOCK_ROWS), 1)) if rows > 0 else 1


@kernel
def _backward_kernel(layout, activation, params, x, cache, grads, panel, worker):
    fan_in, units, width = layout.fan_in, layout.units, layout.unit_row
    counts, thread, threads = worker
    sums, rows = cache
    samples = grads.y.size // units
    first, stop = share(samples, worker)
    affine.to_deltas(
        activation,
        Matrix(sums, first * width, width, 1),
        Matrix(grads.y, first * units, units, 1),
        stop - first,
    )
    barrier(counts, thread, threads)
    if grads.x.size > 0:
        _to_input(layout, params, cache, grads.x, samples, panel, worker)
    # No thread reads the weights after this, which may be the numbers that are changed below.
    barrier(counts, thread, threads)
    if grads.params.size == 0:
        return
    scale = np.float32(grads.scale)
    if scale != np.float32(1.0):
        # Cheaper than scaling the products.
        deltas = vector(sums, first * width, (stop - first) * width)
        for i in range(deltas.size):
            deltas[i] *= scale
        barrier(counts, thread, threads)
    edges = share(width, worker)
    if not grads.add:
        vector(grads.params, layout.biases + edges[0], edges[1] - edges[0])[:] = np.float32(0.0)
    deltas_matrix = Matrix(sums, 0, width, 1)
    affine.add_bias_grad(deltas_matrix, samples, *edges, grads.params, layout.biases)
    if layout.across_units == 1:
        target = Matrix(grads.params, 0, width, 1)
        inputs = Matrix(x, 0, 1, fan_in)
        _outer(fan_in, samples, inputs, deltas_matrix, target, grads.add, panel, worker)
        return
    row = layout.input_row
    if rows.size > 0:
        for i in range(first, stop):
            copy(vector(x, i * fan_in, fan_in), vector(rows, i * row, fan_in))
        barrier(counts, thread, threads)
    inputs = Matrix(rows if rows.size > 0 else x, 0, row, 1)
    target = Matrix(grads.params, 0, row, 1)
    transposed = Matrix(sums, 0, 1, width)
    _outer(units, samples, transposed, inputs, target, grads.add, panel, worker)


@inner
def _to_input(layout, params, cache, grad_x, samples, panel, worker):
    """Write the gradient with respect to the input."""
    fan_in, width = layout.fan_in, layout.unit_row
    whole = -(-fan_in // WIDTH) * WIDTH
    columns = whole if layout.across_inputs == 1 else fan_in
    direct = whole == fan_in
    target, row = (grad_x, fan_in) if direct else (cache.rows, layout.input_row)
    parts = partition(samples, columns, worker.threads, False)
    number = next_task(worker.counts, worker.threads, 0)
    while number < parts[0] * parts[1]:
        top, bottom, first, stop = part(samples, columns, parts, number)
        offset = first * layout.across_inputs
        deltas = Matrix(cache.sums, top * width, width, 1)
        weights = Matrix(params, offset, layout.across_units, layout.across_inputs)
        below = Matrix(target, top * row + first, row, 1)
        gemm(bottom - top, stop - first, layout.units, deltas, weights, below, panel, False)
        if not direct:
            count = min(stop, fan_in) - first
            for i in range(top, bottom):
                source = vector(cache.rows, i * row + first, count)
                copy(source, vector(grad_x, i * fan_in + first, count))
        number = next_task(worker.counts, worker.threads, 0)


@inner
def _outer(rows, samples, a, b, target, add, panel, worker):
    """Write, or add, to a matrix the sum of the outer products of each sample's part of A and B.

    A lies by columns (``a.row`` is 1); rows of the target are as long as those of B.
    """
    columns = target.row
    parts = partition(rows, columns, worker.threads, True)
    number = next_task(worker.counts, worker.threads, 1)
    while number < parts[0] * parts[1]:
        top, bottom, first, stop = part(rows, columns, parts, number)
        left, right = Matrix(a.data, top, a.row, a.column), Matrix(b.data, first, b.row, b.column)
        block = Matrix(target.data, top * columns + first, columns, 1)
        gemm(bottom - top, stop - first, samples, left, right, block, panel, add)
        number = next_task(worker.counts, worker.threads, 1)
