"""The kernel of batches: forward pass, loss, backward pass, gradient of the weights, and step.

Threads share the samples. Where these are few, several threads form a group that has the same
samples, and each computes some of the columns of every layer; they meet after each.

One call learns from many batches, because Python's lock would be taken in turns between two.
"""

from __future__ import annotations

from fit_image.nn.encodings.hash_grid_kernels import REGIONS, add_gradient, encode_rows
from fit_image.nn.losses import error_gradient, error_loss
from fit_image.nn.mlp.cache import (
    forward_layer,
    grad_below,
    layer_deltas,
    weight_gradient,
)
from fit_image.nn.optimizers.soap import step_matrices
from fit_image.nn.optimizers.spans import step_span
from fit_image.nn.optimizers.touched_steps import step_touched
from fit_image.nn.runtime.arrays import FAN_IN, SKIP, STRIDE, copy, vector
from fit_image.nn.runtime.barrier import barrier
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.simd import WIDTH

# Samples of a part, within bounds where products are fast and their results stay in the cache. In
# wide layers a group of threads, each with columns of its own, is faster than parts of few samples.
_LEAST, _MOST = 32, 256
_WIDE, _LEAST_OF_WIDE = 256, 64

# Rows of the weights that stay in the cache from their gradient to their step: as many as a matrix
# product takes at once.
_ROWS = 96

# Columns are divided by whole tiles of the matrix product.
_COLUMNS = 2 * WIDTH


# Columns of the table of micro-batches: the first sample, and how many; whether the gradient is
# added to what is there, and whether a step is taken.
START, SAMPLES, ADD, STEP = range(4)


@kernel
def learn_kernel(vectors, buffers, panel, samples, micro_batches, share, codes, worker):
    """Take a thread's part in learning from some micro-batches.

    Parameters
    ----------
    vectors : tuple of float32 vectors
        Those of `fit_image.nn.optimizers.spans.step_span`.
    buffers : Buffers
    panel : float32 vector
        The thread's own, of size `fit_image.nn.kernels.gemm.PANEL`.
    samples : tuple
        The encoded inputs, float32 (samples, inputs); the targets, float32 (samples, outputs); the
        weights, float32 (samples,); and where the losses go, float64 (samples,).
    micro_batches : tuple
        The table, int64 (micro-batches, 4); the factors of the learning rates (micro-batches,) and
        the constants of the optimizer's steps, float32 (micro-batches, constants), and of those in
        tables.
    share : tuple
        Of type `fit_image.nn.training.weight_shares.WeightShare`; the thread's units of tables:
        where the tables begin in the vectors, the first unit, and the one behind the last; and of
        type `fit_image.nn.optimizers.base.Preconditioned`, with the matrices' learning rates.
    codes : tuple
        Of the loss and of the optimizer; and of a hash grid its table and the size of an entry, the
        notes of what is touched, memory for corners, the gradient by the encoded inputs, and the
        inputs, which are encoded here.
    worker : tuple
        See `fit_image.nn.runtime.barrier.Worker`.
    """
    # Plain tuples, which numba recognises faster than NamedTuples.
    parameters, gradient = vectors[0], vectors[1]
    table, factors, constants, touched_constants = micro_batches
    (blocks, spans, rates), units, (preconditioned, matrix_rates) = share
    loss_code, optimizer_code, grid = codes
    with_grad_x = grid[0].shape[0] > 0
    as_matrices = preconditioned[0].shape[0] > 0
    counts, thread, threads = worker
    for batch in range(table.shape[0]):
        # The weights may have changed.
        barrier(counts, thread, threads)
        if with_grad_x:
            _encode(parameters[units[0] :], grid, samples[0], table[batch], worker)
            barrier(counts, thread, threads)
        own, how = (parameters, panel), (loss_code, with_grad_x)
        _forward_backward(own, buffers, samples, table[batch], how, worker)
        barrier(counts, thread, threads)
        count, add = table[batch, SAMPLES], table[batch, ADD] > 0
        if with_grad_x:
            # A level at a time: small gradients are in the cache when the step is taken.
            tables, first, _ = units
            while first < units[2]:
                own_units = tables, first, min((first // REGIONS + 1) * REGIONS, units[2])
                _add_grid_gradient(gradient[tables:], grid, own_units, table[batch])
                if table[batch, STEP] > 0:
                    step_touched(
                        optimizer_code, vectors, grid[2], own_units, touched_constants[batch]
                    )
                first = own_units[2]
        for block in range(blocks.shape[0]):
            layer, first, stop = blocks[block]
            stride = (spans[block, 1] - spans[block, 0]) // (stop - first)
            for row in range(first, stop, _ROWS):
                end = min(row + _ROWS, stop)
                weight_gradient(buffers, panel, layer, row, end, count, gradient, add)
                if table[batch, STEP] > 0 and not as_matrices:
                    start = spans[block, 0] + (row - first) * stride
                    rate, length = rates[block] * factors[batch], (end - row) * stride
                    step_span(
                        optimizer_code, vectors, start, start + length, rate, constants[batch]
                    )
        if table[batch, STEP] > 0 and as_matrices:
            barrier(counts, thread, threads)
            scaled = matrix_rates, factors[batch]
            step_matrices(vectors, preconditioned, scaled, constants[batch], panel, worker)


@inner
def _encode(entries, grid, encoded, batch, worker):
    """Encode a thread's samples of a micro-batch."""
    table, features, _, corners, _, inputs = grid
    _, thread, threads = worker
    start, count = batch[START], batch[SAMPLES]
    if count > 0:
        share = ((count + threads - 1) // threads, thread, threads)
        some, rows = inputs[start : start + count], encoded[start : start + count]
        encode_rows(entries, table, features, some, rows, share, corners)


@inner
def _add_grid_gradient(gradient, grid, units, batch):
    """Add the gradient of a thread's units over all samples of a micro-batch."""
    table, features, notes, corners, grad_x, inputs = grid
    samples = (inputs[batch[START] : batch[START] + batch[SAMPLES]], grad_x)
    add_gradient(table, features, samples, gradient, notes, (units[1], units[2]), corners)


@inner
def _forward_backward(own, buffers, samples, batch, how, worker):
    """Go forward and backward with a thread's samples of a micro-batch, or its columns of them."""
    (parameters, panel), (loss_code, with_grad_x) = own, how
    inputs, targets, weights, losses = samples
    counts, thread, threads = worker
    start, count = batch[START], batch[SAMPLES]
    part, members = _divide(count, threads, buffers.table)
    group, groups, member = thread // members, threads // members, thread % members
    layers, row = buffers.table.shape[0], buffers.lengths[0]
    # Threads beyond the last group have no samples, but meet the others.
    ahead = group * part if group < groups else count
    for first in range(0, count, groups * part):
        rows = (min(first + ahead, count), min(first + ahead + part, count))
        if member == 0:
            for i in range(rows[0], rows[1]):
                x = vector(buffers.memory, buffers.values[0] + i * row, inputs.shape[1])
                copy(inputs[start + i], x)
        if members > 1:
            barrier(counts, thread, threads)
        for layer in range(layers):
            columns = _columns(buffers.table[layer, STRIDE], member, members)
            forward_layer(parameters, buffers, panel, layer, rows, columns)
            if members > 1:
                barrier(counts, thread, threads)
        if member == 0:
            _output_gradient(buffers, rows, start, (targets, weights, losses), loss_code)
        if members > 1:
            barrier(counts, thread, threads)
        block = layers  # first layer of the residual block under way
        for layer in range(layers - 1, -1, -1):
            if buffers.table[layer, SKIP] > 0:
                block = layer + 1 - buffers.table[layer, SKIP]
            columns = _columns(buffers.table[layer, STRIDE], member, members)
            layer_deltas(buffers, layer, rows, columns)
            if members > 1:
                barrier(counts, thread, threads)
            if layer > 0 or with_grad_x:
                columns = _columns(buffers.table[layer, FAN_IN], member, members)
                grad_below(parameters, buffers, panel, layer, rows, columns, layer == block)


@inner
def _divide(samples, threads, table):
    """Return how many samples a group of threads has at once, and the threads of a group."""
    least = _LEAST
    for layer in range(table.shape[0]):
        if table[layer, STRIDE] > _WIDE:
            least = _LEAST_OF_WIDE
    groups = best = max(min((samples + least - 1) // least, threads), 1)
    # As many threads as possible; with as few in a group.
    while best > 1 and threads // groups * groups < threads:
        best -= 1
        if threads // best * best > threads // groups * groups:
            groups = best
    # As many parts for each group, none larger than the most.
    rounds = max((samples + groups * _MOST - 1) // (groups * _MOST), 1)
    part = (samples + groups * rounds - 1) // (groups * rounds)
    return max(part, min(least, samples), 1), threads // groups


@inner
def _columns(columns, member, members):
    """Return the first of a member's columns, and the end."""
    tiles = (columns + _COLUMNS - 1) // _COLUMNS
    return (
        min(tiles * member // members * _COLUMNS, columns),
        min(tiles * (member + 1) // members * _COLUMNS, columns),
    )


@inner
def _output_gradient(buffers, rows, start, samples, loss_code):
    """Write the losses of some samples, and the derivatives by the outputs in their place."""
    targets, weights, losses = samples
    top, outputs = buffers.table.shape[0], targets.shape[1]
    for i in range(rows[0], rows[1]):
        y = vector(buffers.memory, buffers.values[top] + i * buffers.lengths[top], outputs)
        loss = 0.0
        for c in range(outputs):
            error = y[c] - targets[start + i, c]
            y[c] = weights[start + i] * error_gradient(error, loss_code)
            loss += error_loss(error, loss_code)
        losses[start + i] = weights[start + i] * loss
