"""The memory of a batch, and the forward and backward pass through a network of dense layers.

A sample is a row of its values before each layer (with the constant 1 that multiplies the biases),
and a row of the weighted sums in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import activate, constants_of, differentiate
from fit_image.nn.kernels.gemm import gemm
from fit_image.nn.mlp.layer_spec import LayerSpec, constants_table
from fit_image.nn.runtime.arrays import (
    ACTIVATION,
    FAN_IN,
    FAN_OUT,
    SKIP,
    START,
    STRIDE,
    FloatArray,
    IntArray,
    Matrix,
    aligned_zeros,
    copy,
    padded_size,
    vector,
)
from fit_image.nn.runtime.jit import inner, kernel


class Buffers(NamedTuple):
    """The memory for a batch, where everything lies in it, and the layers' table."""

    memory: FloatArray
    table: IntArray  # (layers, 6): see `fit_image.nn.runtime.arrays.START`
    constants: FloatArray  # (layers, 3): see `fit_image.nn.activations.SLOPE`
    sums: IntArray  # (layers,): offsets of the weighted sums, in rows as long as the weights'
    values: IntArray  # (layers + 1,): offsets of the values before each layer and at the end
    lengths: IntArray  # (layers + 1,): numbers in their rows
    grad_x: int  # offset of the gradient by the values before a layer
    grad_row: int
    grad_skip: int  # offset of that by the output of a residual block, in rows of that length


class MLPCache:
    """Memory for a batch: the forward pass fills it, the backward pass reads it. Reusable.

    Parameters
    ----------
    layers : sequence of LayerSpec
    table : int64 (layers, 6)
        See `fit_image.nn.runtime.arrays.START`.
    samples : int
        As many as go through at once.
    training : bool
        Whether the backward pass needs all values; if not, layers share memory.

    Attributes
    ----------
    buffers : Buffers
    grad_x : float32 (samples, at least the first layer's inputs)
        The derivatives of the loss by the values before a layer, in the end the first.
    """

    def __init__(
        self,
        layers: Sequence[LayerSpec],
        table: IntArray,
        samples: int,
        *,
        training: bool = True,
    ) -> None:
        row_sizes = _row_sizes(layers)
        widths, lengths, gradients = map(np.array, row_sizes)
        count = len(table)
        if training:
            ends = samples * np.cumsum([0, *widths, *lengths, *gradients])
            sums, values = ends[:count], ends[count : 2 * count + 1]
            grad_x, grad_skip, size = int(ends[2 * count + 1]), int(ends[2 * count + 2]), ends[-1]
        else:
            size, sums, values = _shared_rows(layers, samples, row_sizes[1], max(row_sizes[0]))
            grad_x = grad_skip = 0  # not used
        self.buffers = Buffers(
            aligned_zeros(int(size)),
            table,
            constants_table(layers),
            sums,
            values,
            lengths,
            grad_x,
            int(lengths.max()),
            grad_skip,
        )
        starts = self.buffers.values
        for layer, start, length in zip(layers, starts.tolist(), lengths.tolist(), strict=False):
            self._rows(start, samples, length)[:, layer.fan_in] = 1.0
        self.grad_x = self._rows(self.buffers.grad_x, samples, self.buffers.grad_row)

    @staticmethod
    def numbers(layers: Sequence[LayerSpec]) -> int:
        """Return the size of the memory for a sample, in numbers."""
        return sum(map(sum, _row_sizes(layers)))

    def _rows(self, start: int, samples: int, length: int) -> FloatArray:
        return self.buffers.memory[start : start + samples * length].reshape(samples, length)


def _row_sizes(layers: Sequence[LayerSpec]) -> tuple[list[int], list[int], list[int]]:
    """Return how many numbers a sample has in each layer's sums, in values, and in gradients."""
    widths = [layer.stride for layer in layers]
    lengths = [*(padded_size(layer.fan_in + 1) for layer in layers), widths[-1]]
    return widths, lengths, [max(lengths)] * (2 if any(layer.skip for layer in layers) else 1)


def _shared_rows(
    layers: Sequence[LayerSpec], samples: int, lengths: list[int], widest: int
) -> tuple[int, IntArray, IntArray]:
    """Return the size of a memory that layers share, and the offsets of sums and values in it.

    Values that lie in the same place have their constant 1 in the same column.
    """
    places: dict[tuple[int, ...], int] = {}
    size = samples * widest  # the sums of any layer
    begins = [end + 1 - layer.skip for end, layer in enumerate(layers) if layer.skip]
    values = []
    for index, length in enumerate(lengths):
        constant = layers[index].fan_in if index < len(layers) else -1
        # The input of a residual block stays until it is added to the output.
        turn = 2 + begins.index(index) % 2 if index in begins else index % 2
        if (place := (length, constant, turn)) not in places:
            places[place] = size
            size += samples * length
        values.append(places[place])
    return size, np.zeros(len(layers), dtype=np.int64), np.array(values)


@inner
def forward_layer(parameters, buffers, panel, layer, rows, columns):
    """Forward pass of a layer, for some of the samples and some of its units.

    ``rows`` are the first sample and the end, ``columns`` the first unit and the end: multiples of
    the vectors' `WIDTH`, of the row of sums.
    """
    memory, (first, stop), (left, right) = buffers.memory, rows, columns
    samples = stop - first
    length, width = buffers.lengths[layer], buffers.table[layer, STRIDE]
    x = Matrix(memory, buffers.values[layer] + first * length, length, 1)
    weights = Matrix(parameters, buffers.table[layer, START] + left, width, 1)
    sums = Matrix(memory, buffers.sums[layer] + first * width + left, width, 1)
    depth = buffers.table[layer, FAN_IN] + 1
    gemm(samples, right - left, depth, x, weights, sums, panel, False)
    code, constants = buffers.table[layer, ACTIVATION], constants_of(buffers.constants, layer)
    fan_out, above = buffers.table[layer, FAN_OUT], buffers.lengths[layer + 1]
    values = buffers.values[layer + 1] + first * above + left
    # Of the padding, too, so that vectors are whole; the constant 1 of the biases lies there.
    activate(sums, Matrix(memory, values, above, 1), samples, right - left, code, constants)
    if left <= fan_out < right and layer < buffers.table.shape[0] - 1:
        for i in range(samples):
            memory[values + i * above + fan_out - left] = np.float32(1.0)
    if buffers.table[layer, SKIP] > 0:
        block = layer + 1 - buffers.table[layer, SKIP]
        below = buffers.lengths[block]
        inputs = buffers.values[block] + first * below + left
        _add_rows(memory, inputs, below, values, above, samples, min(right, fan_out) - left)


@inner
def layer_deltas(buffers, layer, rows, columns):
    """Compute the gradient by a layer's sums from that by its values.

    ``rows`` and ``columns`` as in `forward_layer`. At the end of a residual block the gradient is
    kept for its beginning.
    """
    memory, (first, stop), (left, right) = buffers.memory, rows, columns
    width, fan_out = buffers.table[layer, STRIDE], buffers.table[layer, FAN_OUT]
    units = max(min(right, fan_out) - left, 0)
    if layer == buffers.table.shape[0] - 1:
        grad_y, grad_row = buffers.values[layer + 1] + left, buffers.lengths[layer + 1]
    else:
        grad_y, grad_row = buffers.grad_x + left, buffers.grad_row
    if buffers.table[layer, SKIP] > 0:
        for i in range(first, stop):
            kept = vector(memory, buffers.grad_skip + i * buffers.grad_row + left, units)
            copy(vector(memory, grad_y + i * grad_row, units), kept)
    code, constants = buffers.table[layer, ACTIVATION], constants_of(buffers.constants, layer)
    deltas = Matrix(memory, buffers.sums[layer] + first * width + left, width, 1)
    differentiate(deltas, stop - first, right - left, code, constants)
    for i in range(first, stop):
        sums = vector(memory, buffers.sums[layer] + i * width + left, right - left)
        gradient = vector(memory, grad_y + i * grad_row, units)
        for j in range(units):
            sums[j] *= gradient[j]
        for j in range(units, right - left):
            sums[j] = np.float32(0.0)


@inner
def grad_below(parameters, buffers, panel, layer, rows, columns, begins_block):
    """Compute the gradient by the values before a layer from that by its sums.

    ``rows`` as in `forward_layer`, ``columns`` for the values before the layer. Where it is the
    first of a residual block, the gradient that was kept is added.
    """
    memory, (first, stop), (left, right) = buffers.memory, rows, columns
    width, row = buffers.table[layer, STRIDE], buffers.grad_row
    inputs = min(right, buffers.table[layer, FAN_IN]) - left
    deltas = Matrix(memory, buffers.sums[layer] + first * width, width, 1)
    weights = Matrix(parameters, buffers.table[layer, START] + left * width, 1, width)
    below = Matrix(memory, buffers.grad_x + first * row + left, row, 1)
    units = buffers.table[layer, FAN_OUT]
    gemm(stop - first, inputs, units, deltas, weights, below, panel, False)
    if begins_block:
        source, target = buffers.grad_skip + first * row + left, buffers.grad_x + first * row + left
        _add_rows(memory, source, row, target, row, stop - first, inputs)


@inner
def forward_rows(parameters, buffers, panel, first, stop):
    """Forward pass of samples ``first`` to ``stop``, from encoded inputs to outputs."""
    for layer in range(buffers.table.shape[0]):
        columns = (np.int64(0), buffers.table[layer, STRIDE])
        forward_layer(parameters, buffers, panel, layer, (first, stop), columns)


@inner
def _add_rows(memory, source, source_row, target, target_row, rows, count):
    """Add rows of numbers to others in the same memory."""
    for i in range(rows):
        numbers = vector(memory, source + i * source_row, count)
        sums = vector(memory, target + i * target_row, count)
        for k in range(count):
            sums[k] += numbers[k]


@inner
def weight_gradient(buffers, panel, layer, first, stop, samples, gradient, add):
    """Write, or add, the gradient by rows ``first`` to ``stop`` of a layer's weights."""
    width = buffers.table[layer, STRIDE]
    x = Matrix(buffers.memory, buffers.values[layer] + first, 1, buffers.lengths[layer])
    deltas = Matrix(buffers.memory, buffers.sums[layer], width, 1)
    rows = Matrix(gradient, buffers.table[layer, START] + first * width, width, 1)
    gemm(stop - first, width, samples, x, deltas, rows, panel, add)


@kernel
def predict_kernel(parameters, buffers, panel, rows, outputs, tile):
    """Compute the outputs of encoded samples, so many at a time as the memory holds."""
    memory, top, inputs = buffers.memory, buffers.table.shape[0], buffers.table[0, FAN_IN]
    for first in range(0, outputs.shape[0], tile):
        samples = min(tile, outputs.shape[0] - first)
        for i in range(samples):
            encoded = vector(memory, buffers.values[0] + i * buffers.lengths[0], inputs)
            copy(rows[first + i], encoded)
        forward_rows(parameters, buffers, panel, 0, samples)
        for i in range(samples):
            last = buffers.values[top] + i * buffers.lengths[top]
            copy(vector(memory, last, outputs.shape[1]), outputs[first + i])
