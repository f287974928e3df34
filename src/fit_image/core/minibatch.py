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
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.core import dense
from fit_image.core.barrier import meet
from fit_image.core.dense import FloatArray, IntArray, copy, vector
from fit_image.core.jit import kernel
from fit_image.core.lanes import WIDTH
from fit_image.core.network import Layer, Network
from fit_image.core.optimizer import Optimizer
from fit_image.core.team import Team
from fit_image.core.trace import (
    Trace,
    add_gradient,
    go_back,
    go_forward,
    transpose,
    transposed_weights,
    working_panel,
)

# Samples of a part, within bounds where products are fast and their results stay in the cache.
_PART_SAMPLES = (32, 256)

# Rows of a block, about: several blocks in a wide layer.
_BLOCK_ROWS = 128

# A larger batch is taken in pieces: numbers in their memory (128 MB) and floating-point
# operations, which take a tenth of a second on a slow core.
_PIECE_NUMBERS = 1 << 25
_PIECE_WORK = 5 * 10**9
_PIECE_MULTIPLE = 64

_MOST_THREADS = 64


@dataclass(frozen=True)
class _Piece:
    """Samples that go through the memory at once: a batch, or a part of a huge one."""

    start: int
    samples: int
    first: bool
    scale: np.float32 | None
    """One over the batch's samples where the batch ends here."""
    step: int


class Minibatch:
    """Teaches a network in batches; the loss of a sample is 1/2 sum_c (t_c - o_c)^2.

    Parameters
    ----------
    network : Network
    optimizer : Optimizer
        For the network's parameter vector.
    rate : float
        Learning rate; if the optimizer wants it so, each layer divides it by sqrt(fan_in + 1).
    batch : int
        Samples of a batch, over which the gradient's mean is taken.

    Attributes
    ----------
    most_threads : int
        More threads than this would have nothing to do.
    pending : int
        Samples learned of a batch that is not complete.
    """

    def __init__(self, network: Network, optimizer: Optimizer, rate: float, batch: int) -> None:
        self.network = network
        self.optimizer = optimizer
        self.batch = batch
        self.pending = 0
        self._loss = 0.0
        self._piece = _piece_samples(network.layers, batch)
        self._trace = Trace(network, self._piece)
        self._transposed = transposed_weights(self._trace.plan)
        self._losses = np.zeros(self._piece)
        self._gradient = dense.aligned_zeros(network.parameters.size)
        self._blocks, self._spans, self._rates = self._cut_weights(rate)
        parts = -(-self._piece // _PART_SAMPLES[0])
        self.most_threads = min(max(parts, len(self._blocks)), _MOST_THREADS)
        self._team = Team(self.most_threads)
        self._panels = [working_panel() for _ in range(self.most_threads)]

    @staticmethod
    def working_numbers(layers: Sequence[Layer], batch: int) -> int:
        """Return how many float32 numbers are allocated besides network and optimizer."""
        size = sum(layer.stride * layer.fan_out for layer in layers)
        return _piece_samples(layers, batch) * Trace.numbers(layers) + 2 * size

    def session(self) -> AbstractContextManager[object]:
        """Return the context to learn in, which is any: the parameters are the network's own."""
        return nullcontext()

    def next_cut(self, samples: int) -> int:
        """Return how many samples `learn` may be given next: about ``samples``, at least some."""
        if self._piece == self.batch:
            return max(samples // self.batch, 1) * self.batch
        return min(self._piece, self.batch - self.pending)

    def learn(
        self,
        inputs: FloatArray,
        targets: FloatArray,
        loss_sum: npt.NDArray[np.float64],
        *,
        threads: int = 1,
    ) -> None:
        """Learn from samples in order.

        Parameters
        ----------
        inputs : float32 (samples, inputs)
            As many samples as `next_cut` says; fewer only before `finish`.
        targets : float32 (samples, outputs)
        loss_sum : float64 (1,)
            The losses of every complete batch are added to it, each taken before its step.
        threads : int
            At most so many. Does not change the result.

        Raises
        ------
        ValueError
            If the samples have another shape.
        """
        inputs, targets = self.network.accept(inputs, targets)
        pieces, pending = self._cut(len(inputs))

        def work(counts: IntArray, thread: int, threads: int) -> None:
            for piece in pieces:
                end = piece.start + piece.samples
                self._carry(
                    inputs[piece.start : end], targets[piece.start : end], counts, thread, threads
                )
                if thread == 0:
                    self._add_losses(piece, loss_sum)
                self._descend(piece, thread, threads)

        self._team.run(work, max(1, min(threads, self.most_threads)))
        self.optimizer.steps += sum(piece.scale is not None for piece in pieces)
        self.pending = pending

    def finish(self, loss_sum: npt.NDArray[np.float64]) -> None:
        """Take the step of a batch that remains incomplete, as at the end of an epoch."""
        if not self.pending:
            return
        self.optimizer.steps += 1
        scale = np.float32(1.0 / self.pending)
        self._update(0, 1, scale, self.optimizer.steps)
        loss_sum[0] += self._loss
        self._forget_pending()

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
        self._forget_pending()

    def _forget_pending(self) -> None:
        self.pending = 0
        self._loss = 0.0

    def _cut_weights(self, rate: float) -> tuple[IntArray, IntArray, FloatArray]:
        """Return blocks of rows (layer, first, stop), their spans of parameters, and rates."""
        rates = np.full(len(self.network.layers), rate, dtype=np.float32)
        if self.optimizer.rate_of_layer:
            rates = self.network.layer_rates(rate)
        blocks = []
        for layer, fan_out in enumerate(self.network.table[:, dense.FAN_OUT].tolist()):
            count = max(round(fan_out / _BLOCK_ROWS), 1)
            # Edges between vectors, for the sake of `transpose`.
            vectors = -(-fan_out // WIDTH)
            edges = [min(vectors * edge // count * WIDTH, fan_out) for edge in range(count + 1)]
            blocks += [(layer, *pair) for pair in itertools.pairwise(edges)]
        table = np.array(blocks, dtype=np.int64)
        start, stride = self.network.table[table[:, 0]][:, [dense.START, dense.STRIDE]].T
        spans = start[:, np.newaxis] + table[:, 1:] * stride[:, np.newaxis]
        return table, np.ascontiguousarray(spans), rates[table[:, 0]]

    def _cut(self, samples: int) -> tuple[list[_Piece], int]:
        """Return the pieces of a call, and how many samples of a batch will be pending then."""
        if self.pending % self._piece:
            raise ValueError("the incomplete batch was not finished")
        pieces, start, pending, step = [], 0, self.pending, self.optimizer.steps + 1
        while start < samples:
            length = min(self._piece, self.batch - pending, samples - start)
            ends = pending + length == self.batch
            scale = np.float32(1.0 / self.batch) if ends else None
            pieces.append(_Piece(start, length, pending == 0, scale, step))
            start += length
            step += ends
            pending = 0 if ends else pending + length
        return pieces, pending

    def _carry(
        self,
        inputs: FloatArray,
        targets: FloatArray,
        counts: IntArray,
        thread: int,
        threads: int,
    ) -> None:
        """Go forward and back with this thread's parts of a piece, when all are ready to."""
        _carry_kernel(
            self.network.parameters,
            self._transposed,
            self._trace.memory,
            self._trace.plan,
            self._panels[thread],
            self._blocks,
            inputs,
            targets,
            self._losses,
            _part_samples(len(inputs), threads),
            counts,
            thread,
            threads,
        )

    def _descend(self, piece: _Piece, thread: int, threads: int) -> None:
        """Compute the gradient of this thread's blocks; take their step where the batch ends."""
        _gradient_kernel(
            self._trace.memory,
            self._trace.plan,
            self._panels[thread],
            self._blocks,
            piece.samples,
            self._gradient,
            not piece.first,
            thread,
            threads,
        )
        if piece.scale is not None:
            self._update(thread, threads, piece.scale, piece.step)

    def _update(self, thread: int, threads: int, scale: np.float32, step: int) -> None:
        self.optimizer.update(
            self.network.parameters,
            self._gradient,
            self._spans[thread::threads],
            self._rates[thread::threads],
            scale,
            step,
        )

    def _add_losses(self, piece: _Piece, loss_sum: npt.NDArray[np.float64]) -> None:
        self._loss += float(self._losses[: piece.samples].sum())
        if piece.scale is not None:
            loss_sum[0] += self._loss
            self._loss = 0.0


def _part_samples(samples: int, threads: int) -> int:
    least, most = _PART_SAMPLES
    # As many parts for each thread, none larger than the most.
    rounds = -(-samples // (threads * most))
    return max(-(-samples // (threads * rounds)), least)


def _piece_samples(layers: Sequence[Layer], batch: int) -> int:
    most = min(_PIECE_NUMBERS // Trace.numbers(layers), _PIECE_WORK // _work(layers))
    most = max(most // _PIECE_MULTIPLE, 1) * _PIECE_MULTIPLE
    if batch <= most:
        return batch
    pieces = -(-batch // most)
    return -(-batch // pieces // _PIECE_MULTIPLE) * _PIECE_MULTIPLE


def _work(layers: Sequence[Layer]) -> int:
    """Floating-point operations for a sample: three products of two operations a weight."""
    return sum(6 * layer.stride * layer.fan_out for layer in layers)


@kernel
def _carry_kernel(
    parameters, transposed, memory, plan, panel, blocks, inputs, targets, losses, part, counts,
    thread, threads,
):  # fmt: skip
    # The step before this one has changed the weights: each thread has done with its blocks.
    for block in range(thread, blocks.shape[0], threads):
        layer, first, stop = blocks[block]
        transpose(parameters, transposed, plan, layer, first, stop)
    meet(counts, thread, threads)
    top = plan.table.shape[0]
    for first in range(thread * part, inputs.shape[0], threads * part):
        stop = min(first + part, inputs.shape[0])
        for i in range(first, stop):
            values = vector(memory, plan.values[0] + i * plan.lengths[0], inputs.shape[1])
            copy(inputs[i], values)
        go_forward(transposed, memory, plan, panel, first, stop)
        for i in range(first, stop):
            outputs = vector(memory, plan.values[top] + i * plan.lengths[top], targets.shape[1])
            loss = 0.0
            for c in range(targets.shape[1]):
                error = outputs[c] - targets[i, c]
                outputs[c] = error
                loss += 0.5 * np.float64(error) * np.float64(error)
            losses[i] = loss
        go_back(parameters, memory, plan, panel, first, stop, False)
    meet(counts, thread, threads)


@kernel
def _gradient_kernel(memory, plan, panel, blocks, samples, gradient, add, thread, threads):
    for block in range(thread, blocks.shape[0], threads):
        layer, first, stop = blocks[block]
        add_gradient(memory, plan, panel, layer, first, stop, samples, gradient, add)
