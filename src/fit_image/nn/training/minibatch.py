"""Training by minibatches: forward, loss, backward, one step along the mean gradient.

A batch has two phases, each shared by several threads. First, parts of the samples go forward and
backward, as far as the gradient by every weighted sum. Then blocks of rows of the weights get
their gradient, summed over all samples by one matrix product, and the optimizer's step. No sum is
shared between threads, and none depends on what is computed beside it: the result has the same
bits for any number of threads.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.encodings.base import Share, Touched
from fit_image.nn.kernels.gemm import PANEL
from fit_image.nn.losses import LOSSES, error_gradient, error_loss
from fit_image.nn.mlp.cache import (
    MLPCache,
    backward_rows,
    forward_rows,
    transpose,
    transposed_weights,
    weight_gradient,
)
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP, accept_numbers
from fit_image.nn.optimizers.base import Optimizer, Step, TouchedStep
from fit_image.nn.runtime import arrays
from fit_image.nn.runtime.arrays import FloatArray, IntArray, vector
from fit_image.nn.runtime.barrier import barrier
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.simd import WIDTH
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.nn.training.micro_batch import BatchEnd, MicroBatch, MicroBatches, micro_batch_size

# Samples of a part, within bounds where products are fast and their results stay in the cache.
_PART_SAMPLES = (32, 256)

# Rows of a block, about: several blocks in a wide layer.
_BLOCK_ROWS = 128

_MOST_THREADS = 64


class Minibatch:
    """Trains a network in minibatches.

    Parameters
    ----------
    network : MLP
    optimizer : Optimizer
        For the network's parameter vector.
    rate : float
        Learning rate; if the optimizer wants it so, each layer divides it by sqrt(fan_in + 1).
    batch : int
        Samples of a batch, over which the gradient's mean is taken.
    loss : str
        A key of `fit_image.nn.losses.LOSSES`.
    micro_batch : int, optional
        Samples that are in memory at once at most; see `micro_batch_size`.

    Attributes
    ----------
    most_threads : int
        More threads than this would have nothing to do.
    """

    def __init__(
        self,
        network: MLP,
        optimizer: Optimizer,
        rate: float,
        batch: int,
        loss: str = "mse",
        *,
        micro_batch: int | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self._loss_code = LOSSES[loss]
        self._loss = 0.0
        self._micro_batches = MicroBatches(
            micro_batch_size(network.layers, batch, micro_batch), batch
        )
        self._cache = MLPCache(network.layers, self._micro_batches.longest)
        self._transposed = transposed_weights(self._cache.buffers)
        self._losses = np.zeros(self._micro_batches.longest)
        self._gradient = arrays.aligned_zeros(network.parameters.size)
        self._blocks, self._spans, self._rates = self._split_weights(rate)
        self._rate = np.float32(rate)
        self._touched = Touched(network.encoding)
        parts = -(-self._micro_batches.longest // _PART_SAMPLES[0])
        self.most_threads = min(max(parts, len(self._blocks)), _MOST_THREADS)
        self._pool = ThreadPool(self.most_threads)
        self._panels = [arrays.aligned_zeros(PANEL) for _ in range(self.most_threads)]

    @property
    def pending(self) -> int:
        """Samples learned of an incomplete batch."""
        return self._micro_batches.pending

    @staticmethod
    def working_numbers(layers: Sequence[LayerSpec], batch: int, tables: int = 0) -> int:
        """Return how many float32 numbers are allocated besides network and optimizer state.

        ``tables`` are the numbers in those of the encoding.
        """
        size = sum(layer.stride * layer.fan_out for layer in layers)
        return micro_batch_size(layers, batch) * MLPCache.numbers(layers) + 2 * size + tables

    def session(self) -> AbstractContextManager[object]:
        """Return the context to learn in; no preparation is needed here."""
        return nullcontext()

    def next_cut(self, samples: int) -> int:
        """Return how many samples `learn` may be given next: about ``samples``, at least one."""
        return self._micro_batches.next_cut(samples)

    def learn(
        self,
        inputs: FloatArray,
        targets: FloatArray,
        weights: FloatArray,
        loss_sum: npt.NDArray[np.float64],
        *,
        factors: FloatArray | None = None,
        threads: int = 1,
    ) -> None:
        """Learn from samples in order.

        Parameters
        ----------
        inputs : float32 (samples, inputs)
            As many samples as `next_cut` says; fewer only before `finish`.
        targets : float32 (samples, outputs)
        weights : float32 (samples,)
            Multiply the samples' losses, and with them their gradients; the mean is over the
            number of samples all the same.
        loss_sum : float64 (1,)
            The losses of every complete batch are added to it, each taken before its step.
        factors : float32 (samples,), optional
            Their mean over a batch multiplies the learning rates of its step. Default: ones.
        threads : int
            At most so many. Does not change the result.

        Raises
        ------
        ValueError
            If the samples have another shape.
        """
        inputs, targets = self.network.accept(inputs, targets)
        weights = accept_numbers(weights, len(inputs))
        micro_batches = self._micro_batches.split(
            np.ones_like(weights) if factors is None else accept_numbers(factors, len(inputs)),
            self.optimizer.steps,
        )

        def work(counts: IntArray, thread: int, threads: int) -> None:
            for micro_batch in micro_batches:
                end = micro_batch.start + micro_batch.samples
                x = inputs[micro_batch.start : end]
                self._forward_backward(
                    x,
                    targets[micro_batch.start : end],
                    weights[micro_batch.start : end],
                    counts,
                    thread,
                    threads,
                )
                if thread == 0:
                    self._add_losses(micro_batch, loss_sum)
                self._add_gradient(micro_batch, x, thread, threads)

        self._pool.run(work, max(1, min(threads, self.most_threads)))
        self.optimizer.steps += sum(
            micro_batch.batch_end is not None for micro_batch in micro_batches
        )

    def finish(self, loss_sum: npt.NDArray[np.float64]) -> None:
        """Take the step of an incomplete batch, as at the end of an epoch."""
        if not self.pending:
            return
        batch_end = self._micro_batches.end(self.optimizer.steps)
        self.optimizer.steps = batch_end.step
        self._step(0, 1, batch_end)
        loss_sum[0] += self._loss
        self._loss = 0.0

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the state of the optimizer after the last complete batch, for `restore`."""
        return self.optimizer.to_arrays()

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Continue from `to_arrays`; an incomplete batch is forgotten.

        Raises
        ------
        ValueError
            If the arrays do not belong to this optimizer and network.
        """
        for name, state in arrays.items():
            if state.shape == self.network.parameters.shape:
                for layer, rows in zip(self.network.layers, self.network.rows(state), strict=True):
                    if rows[:, layer.fan_in + 1 :].any():
                        raise ValueError(f"the optimizer's {name} is not zero in its padding")
        self.optimizer.restore(arrays)
        self._micro_batches.forget()
        self._loss = 0.0
        # Those of the tables are added to, where those of the layers are written anew.
        self._gradient[:] = 0.0
        self._touched = Touched(self.network.encoding)

    def _split_weights(self, rate: float) -> tuple[IntArray, IntArray, FloatArray]:
        """Return blocks of rows (layer, first, stop), their spans of parameters, and rates."""
        rates = np.full(len(self.network.layers), rate, dtype=np.float32)
        if self.optimizer.rate_of_layer:
            rates = self.network.layer_rates(rate)
        blocks = []
        for layer, fan_out in enumerate(self.network.table[:, arrays.FAN_OUT].tolist()):
            count = max(round(fan_out / _BLOCK_ROWS), 1)
            # Edges between vectors, for the sake of `transpose`.
            vectors = -(-fan_out // WIDTH)
            edges = [min(vectors * edge // count * WIDTH, fan_out) for edge in range(count + 1)]
            blocks += [(layer, *pair) for pair in itertools.pairwise(edges)]
        table = np.array(blocks, dtype=np.int64)
        start, stride = self.network.table[table[:, 0]][:, [arrays.START, arrays.STRIDE]].T
        spans = start[:, np.newaxis] + table[:, 1:] * stride[:, np.newaxis]
        return table, np.ascontiguousarray(spans), rates[table[:, 0]]

    def _forward_backward(
        self,
        inputs: FloatArray,
        targets: FloatArray,
        weights: FloatArray,
        counts: IntArray,
        thread: int,
        threads: int,
    ) -> None:
        """Forward and backward pass of this thread's parts of a micro-batch."""
        network, cache, panel = self.network, self._cache, self._panels[thread]
        part = _part_samples(len(inputs), threads)
        _transpose_kernel(
            network.parameters,
            self._transposed,
            cache.buffers,
            self._blocks,
            counts,
            thread,
            threads,
        )
        share = Share(part, thread, threads)
        network.encoding.encode(network.tables(), inputs, cache.encoded, share)
        _forward_backward_kernel(
            (network.parameters, self._transposed),
            cache.buffers,
            panel,
            (targets, weights, self._losses),
            self._loss_code,
            network.encoding.levels > 0,
            (part, thread, threads),
            counts,
        )

    def _add_gradient(
        self, micro_batch: MicroBatch, inputs: FloatArray, thread: int, threads: int
    ) -> None:
        """Compute the gradient of this thread's blocks; take their step where the batch ends."""
        encoding = self.network.encoding
        # From the last one on, to which the fewest blocks have gone.
        for level in range(threads - 1 - thread, encoding.levels, threads):
            encoding.add_gradient(
                level,
                inputs,
                self._cache.grad_x,
                self.network.tables(self._gradient),
                self._touched,
            )
        _gradient_kernel(
            self._cache.buffers,
            self._panels[thread],
            self._blocks,
            micro_batch.samples,
            self._gradient,
            not micro_batch.first,
            thread,
            threads,
        )
        if micro_batch.batch_end:
            self._step(thread, threads, micro_batch.batch_end)

    def _step(self, thread: int, threads: int, batch_end: BatchEnd) -> None:
        vectors = self.network.parameters, self._gradient
        factor, scale = np.float32(batch_end.factor), np.float32(batch_end.scale)
        spans = np.ascontiguousarray(self._spans[thread::threads])
        rates = self._rates[thread::threads] * factor
        self.optimizer.update(*vectors, Step(spans, rates, scale, batch_end.step))
        rate, tables = self._rate * factor, self.network.dense_size
        for level in range(threads - 1 - thread, self.network.encoding.levels, threads):
            starts, length = self._touched.pop(level)
            step = TouchedStep(starts + tables, length, rate, scale, batch_end.step)
            self.optimizer.update_touched(*vectors, step)

    def _add_losses(self, micro_batch: MicroBatch, loss_sum: npt.NDArray[np.float64]) -> None:
        self._loss += float(self._losses[: micro_batch.samples].sum())
        if micro_batch.batch_end:
            loss_sum[0] += self._loss
            self._loss = 0.0


def _part_samples(samples: int, threads: int) -> int:
    least, most = _PART_SAMPLES
    # As many parts for each thread, none larger than the most.
    rounds = -(-samples // (threads * most))
    return max(-(-samples // (threads * rounds)), least)


@kernel
def _transpose_kernel(parameters, transposed, buffers, blocks, counts, thread, threads):
    # The step before this one has changed the weights: each thread has done with its blocks.
    for block in range(thread, blocks.shape[0], threads):
        layer, first, stop = blocks[block]
        transpose(parameters, transposed, buffers, layer, first, stop)
    barrier(counts, thread, threads)


@kernel
def _forward_backward_kernel(
    weights, buffers, panel, targets, loss_code, with_grad_x, share, counts
):
    # Plain tuples, which numba recognises faster than NamedTuples: this is called for every batch.
    parameters, transposed = weights
    values, sample_weights, losses = targets
    part, thread, threads = share
    top = buffers.table.shape[0]
    samples, outputs = values.shape
    row = buffers.lengths[top]
    for first in range(thread * part, samples, threads * part):
        stop = min(first + part, samples)
        forward_rows(transposed, buffers, panel, first, stop)
        for i in range(first, stop):
            y = vector(buffers.memory, buffers.values[top] + i * row, outputs)
            loss = 0.0
            for c in range(outputs):
                error = y[c] - values[i, c]
                y[c] = sample_weights[i] * error_gradient(error, loss_code)
                loss += error_loss(error, loss_code)
            losses[i] = sample_weights[i] * loss
        backward_rows(parameters, buffers, panel, first, stop, with_grad_x)
    barrier(counts, thread, threads)


@kernel
def _gradient_kernel(buffers, panel, blocks, samples, gradient, add, thread, threads):
    for block in range(thread, blocks.shape[0], threads):
        layer, first, stop = blocks[block]
        weight_gradient(buffers, panel, layer, first, stop, samples, gradient, add)
