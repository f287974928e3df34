"""Training by batches: forward, loss, backward, one step of an optimizer along the mean gradient.

A batch is worked on in two phases, and several threads may take part in each. First, parts of the
samples go forward and back, down to the loss gradient at every weighted sum. Then blocks of rows
of the weights get their gradient, summed over all samples by one matrix product, and their step.
No sum is ever shared between threads, and none depends on what is computed beside it: the result
has the same bits for any number of threads.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.nn.encodings.base import Touched
from fit_image.nn.losses import LOSSES, error_gradient, error_loss
from fit_image.nn.mlp.cache import (
    MLPCache,
    add_gradient,
    go_back,
    go_forward,
    transpose,
    transposed_weights,
    working_panel,
)
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP, accept_numbers
from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.runtime import arrays
from fit_image.nn.runtime.arrays import FloatArray, IntArray, vector
from fit_image.nn.runtime.barrier import barrier
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.simd import WIDTH
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.nn.training.micro_batch import Ending, Piece, Pieces, piece_samples

# Samples of a part, within bounds where products are fast and their results stay in the cache.
_PART_SAMPLES = (32, 256)

# Rows of a block, about: several blocks in a wide layer.
_BLOCK_ROWS = 128

_MOST_THREADS = 64


class _Weights(NamedTuple):
    """All parameters, and a copy of the weights with a row for every input."""

    parameters: FloatArray
    transposed: FloatArray


class _Targets(NamedTuple):
    """Of a micro-batch: targets and weights of the samples, and where their losses go."""

    values: FloatArray
    weights: FloatArray
    losses: npt.NDArray[np.float64]


class _Share(NamedTuple):
    """A thread's share: parts of so many samples, every ``threads``-th from ``thread`` on."""

    part: int
    thread: int
    threads: int


class Minibatch:
    """Teaches a network in batches.

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
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self._loss_code = LOSSES[loss]
        self._loss = 0.0
        self._pieces = Pieces(piece_samples(network.layers, batch), batch)
        self._trace = MLPCache(network.layers, self._pieces.longest)
        self._transposed = transposed_weights(self._trace.buffers)
        self._losses = np.zeros(self._pieces.longest)
        self._gradient = arrays.aligned_zeros(network.parameters.size)
        self._blocks, self._spans, self._rates = self._cut_weights(rate)
        self._rate = np.float32(rate)
        self._touched = Touched(network.encoding)
        parts = -(-self._pieces.longest // _PART_SAMPLES[0])
        self.most_threads = min(max(parts, len(self._blocks)), _MOST_THREADS)
        self._pool = ThreadPool(self.most_threads)
        self._panels = [working_panel() for _ in range(self.most_threads)]

    @property
    def pending(self) -> int:
        """Samples learned of a batch that is not complete."""
        return self._pieces.pending

    @staticmethod
    def working_numbers(layers: Sequence[LayerSpec], batch: int, tables: int = 0) -> int:
        """Return how many float32 numbers are allocated besides network and optimizer.

        ``tables`` are the numbers in those of the encoding.
        """
        size = sum(layer.stride * layer.fan_out for layer in layers)
        return piece_samples(layers, batch) * MLPCache.numbers(layers) + 2 * size + tables

    def session(self) -> AbstractContextManager[object]:
        """Return the context to learn in, which is any: the parameters are the network's own."""
        return nullcontext()

    def next_cut(self, samples: int) -> int:
        """Return how many samples `learn` may be given next: about ``samples``, at least some."""
        return self._pieces.next_cut(samples)

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
        pieces = self._pieces.cut(
            np.ones_like(weights) if factors is None else accept_numbers(factors, len(inputs)),
            self.optimizer.steps,
        )

        def work(counts: IntArray, thread: int, threads: int) -> None:
            for piece in pieces:
                end = piece.start + piece.samples
                places = inputs[piece.start : end]
                self._carry(
                    places,
                    targets[piece.start : end],
                    weights[piece.start : end],
                    counts,
                    thread,
                    threads,
                )
                if thread == 0:
                    self._add_losses(piece, loss_sum)
                self._descend(piece, places, thread, threads)

        self._pool.run(work, max(1, min(threads, self.most_threads)))
        self.optimizer.steps += sum(piece.ending is not None for piece in pieces)

    def finish(self, loss_sum: npt.NDArray[np.float64]) -> None:
        """Take the step of a batch that remains incomplete, as at the end of an epoch."""
        if not self.pending:
            return
        ending = self._pieces.end(self.optimizer.steps)
        self.optimizer.steps = ending.step
        self._update(0, 1, ending)
        loss_sum[0] += self._loss
        self._loss = 0.0

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what a later `restore` needs to go on from the last complete batch."""
        return self.optimizer.to_arrays()

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `to_arrays`; what was learned of an incomplete batch is forgotten.

        Raises
        ------
        ValueError
            If the arrays do not belong to this optimizer and network.
        """
        for name, state in arrays.items():
            if state.shape == self.network.parameters.shape:
                for layer, rows in zip(self.network.layers, self.network.rows(state), strict=True):
                    if rows[:, layer.fan_in + 1 :].any():
                        raise ValueError(f"the optimizer's {name} has numbers between its rows")
        self.optimizer.restore(arrays)
        self._pieces.forget()
        self._loss = 0.0
        # Those of the tables are added to, where those of the layers are written anew.
        self._gradient[:] = 0.0
        self._touched = Touched(self.network.encoding)

    def _cut_weights(self, rate: float) -> tuple[IntArray, IntArray, FloatArray]:
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

    def _carry(
        self,
        inputs: FloatArray,
        targets: FloatArray,
        weights: FloatArray,
        counts: IntArray,
        thread: int,
        threads: int,
    ) -> None:
        """Go forward and back with this thread's parts of a piece, when all are ready to."""
        network, trace, panel = self.network, self._trace, self._panels[thread]
        part = _part_samples(len(inputs), threads)
        _prepare_kernel(
            network.parameters,
            self._transposed,
            trace.buffers,
            self._blocks,
            counts,
            thread,
            threads,
        )
        network.encoding.encode(network.tables(), inputs, trace.encoded, part, thread, threads)
        _carry_kernel(
            _Weights(network.parameters, self._transposed),
            trace.buffers,
            panel,
            _Targets(targets, weights, self._losses),
            self._loss_code,
            network.encoding.levels > 0,
            _Share(part, thread, threads),
            counts,
        )

    def _descend(self, piece: Piece, inputs: FloatArray, thread: int, threads: int) -> None:
        """Compute the gradient of this thread's blocks; take their step where the batch ends."""
        encoding = self.network.encoding
        # From the last one on, to which the fewest blocks have gone.
        for level in range(threads - 1 - thread, encoding.levels, threads):
            encoding.add_gradient(
                level,
                inputs,
                self._trace.upstream,
                self.network.tables(self._gradient),
                self._touched,
            )
        _gradient_kernel(
            self._trace.buffers,
            self._panels[thread],
            np.ascontiguousarray(self._blocks[thread::threads]),
            piece.samples,
            self._gradient,
            not piece.first,
        )
        if piece.ending:
            self._update(thread, threads, piece.ending)

    def _update(self, thread: int, threads: int, ending: Ending) -> None:
        self.optimizer.update(
            self.network.parameters,
            self._gradient,
            self._spans[thread::threads],
            self._rates[thread::threads] * np.float32(ending.factor),
            np.float32(ending.scale),
            ending.step,
        )
        encoding = self.network.encoding
        for level in range(threads - 1 - thread, encoding.levels, threads):
            starts, length = self._touched.take(level)
            self.optimizer.update_touched(
                self.network.parameters,
                self._gradient,
                starts + self.network.dense_size,
                length,
                self._rate * np.float32(ending.factor),
                np.float32(ending.scale),
                ending.step,
            )

    def _add_losses(self, piece: Piece, loss_sum: npt.NDArray[np.float64]) -> None:
        self._loss += float(self._losses[: piece.samples].sum())
        if piece.ending:
            loss_sum[0] += self._loss
            self._loss = 0.0


def _part_samples(samples: int, threads: int) -> int:
    least, most = _PART_SAMPLES
    # As many parts for each thread, none larger than the most.
    rounds = -(-samples // (threads * most))
    return max(-(-samples // (threads * rounds)), least)


@kernel
def _prepare_kernel(parameters, transposed, buffers, blocks, counts, thread, threads):
    # The step before this one has changed the weights: each thread has done with its blocks.
    for block in range(thread, blocks.shape[0], threads):
        layer, first, stop = blocks[block]
        transpose(parameters, transposed, buffers, layer, first, stop)
    barrier(counts, thread, threads)


@kernel
def _carry_kernel(weights, buffers, panel, targets, loss_code, to_inputs, share, counts):
    top = buffers.table.shape[0]
    samples, outputs = targets.values.shape
    row = buffers.lengths[top]
    for first in range(share.thread * share.part, samples, share.threads * share.part):
        stop = min(first + share.part, samples)
        go_forward(weights.transposed, buffers, panel, first, stop)
        for i in range(first, stop):
            y = vector(buffers.memory, buffers.values[top] + i * row, outputs)
            loss = 0.0
            for c in range(outputs):
                error = y[c] - targets.values[i, c]
                y[c] = targets.weights[i] * error_gradient(error, loss_code)
                loss += error_loss(error, loss_code)
            targets.losses[i] = targets.weights[i] * loss
        go_back(weights.parameters, buffers, panel, first, stop, to_inputs)
    barrier(counts, share.thread, share.threads)


@kernel
def _gradient_kernel(buffers, panel, blocks, samples, gradient, add):
    for block in range(blocks.shape[0]):
        layer, first, stop = blocks[block]
        add_gradient(buffers, panel, layer, first, stop, samples, gradient, add)
