"""The memory of a batch on its way through a network, and the way there and back.

A sample is a row, of its values before each layer (with the constant 1 that multiplies the bias)
and of the weighted sums in it. Forward, the values are multiplied by the weights in transposed
rows, of which the network's owner keeps a copy; back, by the weights as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import activate, constants_of, differentiate
from fit_image.nn.kernels.gemm import PANEL, gemm
from fit_image.nn.mlp.layer_spec import LayerSpec, constants_table, layer_table
from fit_image.nn.runtime.arrays import (
    ACTIVATION,
    FAN_IN,
    FAN_OUT,
    LANES,
    SKIP,
    START,
    STRIDE,
    FloatArray,
    IntArray,
    Matrix,
    aligned_zeros,
    copy,
    vector,
)
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.simd import WIDTH, transpose_block


class Plan(NamedTuple):
    """What kernels must know of a network, and of the memory for its samples."""

    table: IntArray  # (layers, 6): see `fit_image.nn.runtime.arrays.START`
    constants: FloatArray  # (layers, 3): see `fit_image.nn.activations.SLOPE`
    transposed: IntArray  # (layers,): offsets of the transposed weights
    widths: IntArray  # (layers,): numbers in a row of these, and of the sums
    sums: IntArray  # (layers,): offsets
    values: IntArray  # (layers + 1,): offsets of the values before each layer and at the end
    lengths: IntArray  # (layers + 1,): numbers in their rows
    upstream: int  # offset of the gradient by the values before a layer
    upstream_row: int
    held: int  # offset of the gradient by the output of a residual block, in rows of that length


class MLPCache:
    """What a forward pass leaves for the backward pass; made once, used for many batches.

    Parameters
    ----------
    layers : sequence of LayerSpec
    samples : int
        As many as go through at once.

    Attributes
    ----------
    plan : Plan
    memory : float32 vector
    inputs : float32 (samples, inputs)
        What was encoded; set by whoever does it.
    encoded : float32 (samples, stride)
        The values before the first layer, with what follows them in the memory.
    values : list of float32 (samples, fan_in)
        The values before each layer.
    sums : list of float32 (samples, fan_out)
        Each layer's weighted sums before the activation; on the way back, the derivatives of the
        loss by them.
    output : float32 (samples, outputs)
        The values at the end; on the way back, the derivatives of the loss by them.
    """

    def __init__(self, layers: Sequence[LayerSpec], samples: int) -> None:
        table = layer_table(layers)
        widths = -(-table[:, FAN_OUT] // LANES) * LANES
        lengths = np.append(table[:, STRIDE], widths[-1])
        transposed = np.cumsum([0, *table[:, STRIDE] * widths])
        gradients = [lengths.max()] * (2 if table[:, SKIP].any() else 1)
        ends = samples * np.cumsum([0, *widths, *lengths, *gradients])
        count = len(table)
        self.plan = Plan(
            table,
            constants_table(layers),
            transposed[:-1],
            widths,
            ends[:count],
            ends[count : 2 * count + 1],
            lengths,
            int(ends[2 * count + 1]),
            int(lengths.max()),
            int(ends[2 * count + 2]),
        )
        self.memory = aligned_zeros(int(ends[-1]))
        self.inputs: FloatArray
        self.encoded = self._rows(int(self.plan.values[0]), samples, int(lengths[0]))
        self.values, self.sums = [], []
        for index, layer in enumerate(layers):
            values = self._rows(int(self.plan.values[index]), samples, int(lengths[index]))
            values[:, layer.fan_in] = 1.0
            self.values.append(values[:, : layer.fan_in])
            sums = self._rows(int(self.plan.sums[index]), samples, int(widths[index]))
            self.sums.append(sums[:, : layer.fan_out])
        self.upstream = self._rows(self.plan.upstream, samples, self.plan.upstream_row)
        output = self._rows(int(self.plan.values[-1]), samples, int(lengths[-1]))
        self.output = output[:, : layers[-1].fan_out]

    @staticmethod
    def numbers(layers: Sequence[LayerSpec]) -> int:
        """Return how many numbers the memory holds for a sample."""
        widths = [-(-layer.fan_out // LANES) * LANES for layer in layers]
        lengths = [*(layer.stride for layer in layers), widths[-1]]
        gradients = 2 if any(layer.skip for layer in layers) else 1
        return sum(widths) + sum(lengths) + gradients * max(lengths)

    def _rows(self, start: int, samples: int, length: int) -> FloatArray:
        return self.memory[start : start + samples * length].reshape(samples, length)


def transposed_weights(plan: Plan) -> FloatArray:
    """Return memory for the transposed weights, to be filled by `transpose`."""
    last = len(plan.table) - 1
    return aligned_zeros(int(plan.transposed[last] + plan.table[last, STRIDE] * plan.widths[last]))


def working_panel() -> FloatArray:
    """Return the memory that a thread needs for products."""
    return aligned_zeros(PANEL)


@inner
def transpose(parameters, transposed, plan, layer, first, stop):
    """Copy units ``first`` to ``stop`` of a layer from the parameters to the transposed weights.

    ``first`` is a multiple of the vectors' `WIDTH`.
    """
    stride, width = plan.table[layer, STRIDE], plan.widths[layer]
    rows, columns = plan.table[layer, START], plan.transposed[layer]
    whole = first + (stop - first) // WIDTH * WIDTH
    for unit in range(first, whole, WIDTH):
        for k in range(0, stride, WIDTH):
            transpose_block(
                parameters,
                rows + unit * stride + k,
                stride,
                transposed,
                columns + k * width + unit,
                width,
            )
    for unit in range(whole, stop):
        for k in range(stride):
            transposed[columns + k * width + unit] = parameters[rows + unit * stride + k]


@inner
def go_forward(transposed, memory, plan, panel, first, stop):
    """Carry samples ``first`` to ``stop`` from the values before the first layer to the output."""
    for layer in range(plan.table.shape[0]):
        length, width = plan.lengths[layer], plan.widths[layer]
        sums = plan.sums[layer] + first * width
        gemm(
            stop - first,
            width,
            plan.table[layer, FAN_IN] + 1,
            Matrix(memory, plan.values[layer] + first * length, length, 1),
            Matrix(transposed, plan.transposed[layer], width, 1),
            Matrix(memory, sums, width, 1),
            panel,
            False,
        )
        code, constants = plan.table[layer, ACTIVATION], constants_of(plan.constants, layer)
        units, above = plan.table[layer, FAN_OUT], plan.lengths[layer + 1]
        values = plan.values[layer + 1] + first * above
        rows = stop - first
        activate(memory, sums, width, memory, values, above, rows, units, code, constants)
        if plan.table[layer, SKIP] > 0:
            block = layer + 1 - plan.table[layer, SKIP]
            below = plan.lengths[block]
            inputs = plan.values[block] + first * below
            _add_rows(memory, inputs, below, values, above, rows, units)


@inner
def go_back(parameters, memory, plan, panel, first, stop, to_inputs):
    """Carry the gradient by the output to the sums of each layer.

    With ``to_inputs`` also to the values before the first layer; then it lies upstream.
    """
    layers = plan.table.shape[0]
    upstream, upstream_row = plan.values[layers], plan.lengths[layers]
    block = layers  # first layer of the residual block under way
    held, held_row = plan.held + first * plan.upstream_row, plan.upstream_row
    for layer in range(layers - 1, -1, -1):
        width, units = plan.widths[layer], plan.table[layer, FAN_OUT]
        if plan.table[layer, SKIP] > 0:
            block = layer + 1 - plan.table[layer, SKIP]
            for i in range(first, stop):
                gradient = vector(memory, upstream + i * upstream_row, units)
                copy(gradient, vector(memory, plan.held + i * held_row, units))
        code, constants = plan.table[layer, ACTIVATION], constants_of(plan.constants, layer)
        start = plan.sums[layer] + first * width
        differentiate(memory, start, width, stop - first, units, code, constants)
        for i in range(first, stop):
            sums = vector(memory, plan.sums[layer] + i * width, units)
            gradient = vector(memory, upstream + i * upstream_row, units)
            for j in range(units):
                sums[j] *= gradient[j]
        if layer > 0 or to_inputs:
            upstream, upstream_row = plan.upstream, plan.upstream_row
            gemm(
                stop - first,
                -(-plan.table[layer, FAN_IN] // LANES) * LANES,
                units,
                Matrix(memory, plan.sums[layer] + first * width, width, 1),
                Matrix(parameters, plan.table[layer, START], plan.lengths[layer], 1),
                Matrix(memory, upstream + first * upstream_row, upstream_row, 1),
                panel,
                False,
            )
            if layer == block:
                inputs = plan.table[layer, FAN_IN]
                start = upstream + first * upstream_row
                _add_rows(memory, held, held_row, start, upstream_row, stop - first, inputs)


@inner
def _add_rows(memory, source, source_row, target, target_row, rows, count):
    """Add rows of numbers to others in the same memory."""
    for i in range(rows):
        numbers = vector(memory, source + i * source_row, count)
        sums = vector(memory, target + i * target_row, count)
        for k in range(count):
            sums[k] += numbers[k]


@inner
def add_gradient(memory, plan, panel, layer, first, stop, samples, gradient, add):
    """Write, or add, the gradient by the rows ``first`` to ``stop`` of a layer's weights."""
    stride = plan.table[layer, STRIDE]
    gemm(
        stop - first,
        stride,
        samples,
        Matrix(memory, plan.sums[layer] + first, 1, plan.widths[layer]),
        Matrix(memory, plan.values[layer], stride, 1),
        Matrix(gradient, plan.table[layer, START] + first * stride, stride, 1),
        panel,
        add,
    )


@kernel
def forward_kernel(parameters, transposed, memory, plan, panel, samples):
    """Carry samples from the values before the first layer to the output."""
    for layer in range(plan.table.shape[0]):
        transpose(parameters, transposed, plan, layer, 0, plan.table[layer, FAN_OUT])
    go_forward(transposed, memory, plan, panel, 0, samples)


@kernel
def backward_kernel(parameters, memory, plan, panel, samples, gradient):
    """Carry the gradient by the output to all parameters and to the inputs."""
    go_back(parameters, memory, plan, panel, 0, samples, True)
    for layer in range(plan.table.shape[0]):
        units = plan.table[layer, FAN_OUT]
        add_gradient(memory, plan, panel, layer, 0, units, samples, gradient, False)


@kernel
def predict_kernel(transposed, memory, plan, panel, outputs):
    """Compute the outputs of the first samples, as many as there are outputs for."""
    samples, top = outputs.shape[0], plan.table.shape[0]
    go_forward(transposed, memory, plan, panel, 0, samples)
    for i in range(samples):
        last = plan.values[top] + i * plan.lengths[top]
        copy(vector(memory, last, outputs.shape[1]), outputs[i])


@kernel
def transpose_kernel(parameters, transposed, plan):
    """Copy all parameters to the transposed weights."""
    for layer in range(plan.table.shape[0]):
        transpose(parameters, transposed, plan, layer, 0, plan.table[layer, FAN_OUT])
