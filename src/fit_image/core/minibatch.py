"""Training by batches: forward, loss, backward, one step of an optimizer along the mean gradient.

A batch is worked on in two phases, and several threads may take part in each. First, parts of the
samples go forward and back, down to the loss gradient at every weighted sum. Then blocks of rows
of the weights get their gradient, summed over all samples by one matrix product, and their step.
No sum is ever shared between threads, and parts and blocks depend on batch and network only: the
result has the same bits for any number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.core import dense
from fit_image.core.blas import one_blas_thread
from fit_image.core.dense import FloatArray
from fit_image.core.network import Layer, Network, usable_cores
from fit_image.core.optimizer import Optimizer
from fit_image.core.trace import Trace

# Samples of a part: a quarter of the batch, for a few threads, within bounds where matrix
# products are fast and their results stay in the cache.
_PARTS = 4
_PART_SAMPLES = (32, 256)

# Rows of a block, about: enough for a fast matrix product, and several blocks in a wide layer.
_BLOCK_ROWS = 128

# A larger batch is taken in pieces: numbers in their buffers (128 MB) and floating-point
# operations, which take a tenth of a second on a slow core.
_PIECE_NUMBERS = 1 << 25
_PIECE_WORK = 5 * 10**9
_PIECE_MULTIPLE = 64

# Floating-point operations that are done before other threads would have begun.
_ALONE_WORK = 3 * 10**7


@dataclass(frozen=True)
class _Block:
    """Some rows of a layer: ``start`` to ``stop`` in the parameter vector."""

    layer: int
    rows: slice
    start: int
    stop: int
    rate: np.float32
    gradient: FloatArray
    addend: FloatArray


@dataclass(frozen=True)
class _Views:
    """The buffers as a piece of a certain length sees them."""

    parts: list[tuple[slice, Trace]]
    products: list[tuple[_Block, FloatArray, FloatArray]]
    losses: npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Piece:
    """Samples that go through the buffers at once: a batch, or a part of a huge one."""

    start: int
    views: _Views
    first: bool
    scale: np.float32 | None
    """One over the batch's samples where the batch ends here."""


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
    threads : int, optional
        Default: all cores this process may use. Does not change the result.

    Attributes
    ----------
    pending : int
        Samples learned of a batch that is not complete.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        rate: float,
        batch: int,
        *,
        threads: int | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.batch = batch
        self.threads = min(threads or usable_cores(), usable_cores())
        self.pending = 0
        self._loss = 0.0
        self._piece = _piece_samples(network.layers, batch)
        self._trace = Trace.empty(network.layers, self._piece)
        self._losses = np.zeros(self._piece)
        self._rows = list(network.rows())
        self._work = _work(network.layers)
        self._gradient = dense.aligned_zeros(network.parameters.size)
        # Where a batch has several pieces, their gradients are added up.
        self._addend = self._gradient
        if self._piece < batch:
            self._addend = dense.aligned_zeros(network.parameters.size)
        self._blocks = self._make_blocks(rate)
        self._views: dict[int, _Views] = {}

    @staticmethod
    def working_numbers(layers: Sequence[Layer], batch: int) -> int:
        """Return how many float32 numbers are allocated besides network and optimizer."""
        piece = _piece_samples(layers, batch)
        size = sum(layer.stride * layer.fan_out for layer in layers)
        return piece * Trace.numbers(layers) + size * (1 + (piece < batch))

    def session(self) -> AbstractContextManager[object]:
        """Return the context to learn in: matrix products keep to the thread that asks for them."""
        return one_blas_thread()

    def next_cut(self, samples: int) -> int:
        """Return how many samples `learn` may be given next: about ``samples``, at least some."""
        if self._piece == self.batch:
            return max(samples // self.batch, 1) * self.batch
        return min(self._piece, self.batch - self.pending)

    def learn(
        self, inputs: FloatArray, targets: FloatArray, loss_sum: npt.NDArray[np.float64]
    ) -> None:
        """Learn from samples in order.

        Parameters
        ----------
        inputs : float32 (samples, inputs)
            As many samples as `next_cut` says; fewer only before `finish`.
        targets : float32 (samples, outputs)
        loss_sum : float64 (1,)
            The losses of every complete batch are added to it, each taken before its step.
        """
        layers = self.network.layers
        if inputs.shape != (len(targets), layers[0].fan_in) or (
            targets.shape[1:] != (layers[-1].fan_out,)
        ):
            raise ValueError(f"shapes of samples {inputs.shape} and {targets.shape} do not fit")
        inputs = np.ascontiguousarray(inputs, dtype=np.float32)
        targets = np.ascontiguousarray(targets, dtype=np.float32)
        pieces, pending = self._cut(len(inputs))
        largest = min(len(inputs), self._piece)
        tasks = max(-(-largest // _part_samples(largest)), len(self._blocks)) if largest else 1
        threads = min(self.threads, tasks) if largest * self._work > _ALONE_WORK else 1

        def work(thread: int, wait: Callable[[], object]) -> None:
            # Numbers that overflow are for the caller to find; numpy keeps this for each thread.
            with np.errstate(over="ignore", invalid="ignore"):
                for piece in pieces:
                    self._carry(piece, inputs, targets, thread, threads)
                    wait()
                    if thread == 0:
                        self._add_losses(piece, loss_sum)
                    self._descend(piece, thread, threads)
                    wait()

        _run(work, threads)
        self.pending = pending

    def finish(self, loss_sum: npt.NDArray[np.float64]) -> None:
        """Take the step of a batch that remains incomplete, as at the end of an epoch."""
        if not self.pending:
            return
        scale = np.float32(1.0 / self.pending)
        self.optimizer.begin()
        for block in self._blocks:
            self._update(block, scale)
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
        for name, vector in arrays.items():
            if vector.shape == self.network.parameters.shape:
                for layer, rows in zip(self.network.layers, self.network.rows(vector), strict=True):
                    if rows[:, layer.fan_in + 1 :].any():
                        raise ValueError(f"the optimizer's {name} has numbers between its rows")
        self.optimizer.restore(arrays)
        self._forget_pending()

    def _forget_pending(self) -> None:
        self.pending = 0
        self._loss = 0.0

    def _make_blocks(self, rate: float) -> list[_Block]:
        rates = np.full(len(self.network.layers), rate, dtype=np.float32)
        if self.optimizer.rate_of_layer:
            rates = self.network.layer_rates(rate)
        gradients = list(self.network.rows(self._gradient))
        addends = list(self.network.rows(self._addend))
        blocks = []
        for index, (start, _, fan_out, stride, _) in enumerate(self.network.table.tolist()):
            count = max(round(fan_out / _BLOCK_ROWS), 1)
            for block in range(count):
                rows = slice(block * fan_out // count, (block + 1) * fan_out // count)
                blocks.append(
                    _Block(
                        index,
                        rows,
                        start + rows.start * stride,
                        start + rows.stop * stride,
                        rates[index],
                        gradients[index][rows],
                        addends[index][rows],
                    )
                )
        return blocks

    def _views_of(self, samples: int) -> _Views:
        if samples not in self._views:
            # A run meets few lengths: of full pieces, and of the last ones of batch and epoch.
            trace, size = self._trace.part(0, samples), _part_samples(samples)
            spans = [slice(start, min(start + size, samples)) for start in range(0, samples, size)]
            self._views[samples] = _Views(
                [(span, trace.part(span.start, span.stop)) for span in spans],
                [
                    (block, trace.sums[block.layer][:, block.rows].T, trace.inputs[block.layer])
                    for block in self._blocks
                ],
                self._losses[:samples],
            )
        return self._views[samples]

    def _cut(self, samples: int) -> tuple[list[_Piece], int]:
        """Return the pieces of a call, and how many samples of a batch will be pending then."""
        if self.pending % self._piece:
            raise ValueError("the incomplete batch was not finished")
        pieces, start, pending = [], 0, self.pending
        while start < samples:
            length = min(self._piece, self.batch - pending, samples - start)
            ends = pending + length == self.batch
            scale = np.float32(1.0 / self.batch) if ends else None
            pieces.append(_Piece(start, self._views_of(length), pending == 0, scale))
            start += length
            pending = 0 if ends else pending + length
        return pieces, pending

    def _carry(
        self, piece: _Piece, inputs: FloatArray, targets: FloatArray, thread: int, threads: int
    ) -> None:
        """Go forward and back with this thread's parts of a piece."""
        for span, trace in piece.views.parts[thread::threads]:
            start, stop = piece.start + span.start, piece.start + span.stop
            trace.forward(self._rows, inputs[start:stop])
            dense.half_squared_errors(trace.output, targets[start:stop], self._losses[span])
            trace.backward(self._rows, trace.output)
        if thread == 0 and piece.scale is not None:
            self.optimizer.begin()

    def _descend(self, piece: _Piece, thread: int, threads: int) -> None:
        """Compute the gradient of this thread's blocks; take their step where the batch ends."""
        for block, sums, vectors in piece.views.products[thread::threads]:
            if piece.first:
                np.matmul(sums, vectors, out=block.gradient)
            else:
                np.matmul(sums, vectors, out=block.addend)
                np.add(block.gradient, block.addend, out=block.gradient)
            if piece.scale is not None:
                self._update(block, piece.scale)

    def _update(self, block: _Block, scale: np.float32) -> None:
        self.optimizer.update(
            self.network.parameters, self._gradient, block.rate, scale, block.start, block.stop
        )

    def _add_losses(self, piece: _Piece, loss_sum: npt.NDArray[np.float64]) -> None:
        self._loss += float(piece.views.losses.sum())
        if piece.scale is not None:
            loss_sum[0] += self._loss
            self._loss = 0.0


def _run(work: Callable[[int, Callable[[], object]], None], threads: int) -> None:
    """Call ``work`` in so many threads; its second argument lets them wait for one another."""
    if threads == 1:
        work(0, lambda: None)
        return
    barrier = threading.Barrier(threads)

    def guarded(thread: int) -> None:
        try:
            work(thread, barrier.wait)
        except BaseException:
            barrier.abort()  # the others must not wait for this one
            raise

    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(guarded, thread) for thread in range(1, threads)]
        try:
            guarded(0)
        except threading.BrokenBarrierError:
            for other in others:
                other.result()  # raises what broke it
            raise
        for other in others:
            other.result()


def _part_samples(samples: int) -> int:
    least, most = _PART_SAMPLES
    return min(max(-(-samples // _PARTS), least), most)


def _piece_samples(layers: Sequence[Layer], batch: int) -> int:
    most = min(_PIECE_NUMBERS // Trace.numbers(layers), _PIECE_WORK // _work(layers))
    most = max(most // _PIECE_MULTIPLE, 1) * _PIECE_MULTIPLE
    if batch <= most:
        return batch
    pieces = -(-batch // most)
    return -(-batch // pieces // _PIECE_MULTIPLE) * _PIECE_MULTIPLE


def _work(layers: Sequence[Layer]) -> int:
    """Floating-point operations for a sample: three products of two operations a weight."""
    return 6 * sum(layer.parameter_count for layer in layers)
