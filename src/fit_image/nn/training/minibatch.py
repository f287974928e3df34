"""Training by minibatches: forward, loss, backward, one step along the mean gradient.

A batch has two phases, each shared by several threads. First, the samples go forward and backward,
as far as the gradient by every weighted sum. Then each thread's rows of the weights get their
gradient, summed over all samples by one matrix product, and the optimizer's step. No sum is
shared between threads, and none depends on what is computed beside it: the result has the same
bits for any number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.encodings.base import Share
from fit_image.nn.encodings.hash_grid_kernels import Corners
from fit_image.nn.kernels.gemm import PANEL
from fit_image.nn.losses import LOSSES
from fit_image.nn.mlp.cache import MLPCache, transposed_weights
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP, accept_numbers
from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.optimizers.spans import CONSTANTS, SCALE
from fit_image.nn.optimizers.touched import Touched
from fit_image.nn.optimizers.touched_steps import TOUCHED_CONSTANTS
from fit_image.nn.runtime import arrays
from fit_image.nn.runtime.arrays import FloatArray, IntArray
from fit_image.nn.runtime.barrier import barrier_counts
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.nn.training.batch_kernels import learn_kernel
from fit_image.nn.training.micro_batch import MicroBatch, MicroBatches, micro_batch_size
from fit_image.nn.training.weight_shares import WeightShares

_MOST_THREADS = 64

# Samples that are worth another thread where there are tables.
_TABLE_SAMPLES = 32


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

    alone = False  # its threads never leave the work to one of them

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
        self._gradient = arrays.aligned_zeros(network.parameters.size)
        rates = np.full(len(network.layers), rate, dtype=np.float32)
        if optimizer.rate_of_layer:
            rates = network.layer_rates(rate)
        self._shares = WeightShares(network.table, rates)
        self._rate = np.float32(rate)
        self._touched = Touched(network.encoding.units, network.encoding.entry_size)
        self._unit_edges: dict[int, list[int]] = {}  # by the number of threads
        most = self._shares.most_threads
        if network.encoding.levels:  # there is more to share than weights
            most = max(most, -(-self._micro_batches.longest // _TABLE_SAMPLES))
        self.most_threads = min(most, _MOST_THREADS)
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

        encoded = np.empty((len(inputs), self.network.encoding.outputs), dtype=np.float32)
        losses = np.empty(len(inputs))
        samples, plan = (encoded, targets, weights, losses), self._plan(micro_batches)

        def work(counts: IntArray, thread: int, threads: int) -> None:
            worker = counts, thread, threads
            if not self.network.encoding.levels:
                self._encode(inputs, encoded, thread, threads)
            self._learn(inputs, samples, plan, worker)

        self._pool.run(work, max(1, min(threads, self.most_threads)))
        for micro_batch in micro_batches:
            start, stop = micro_batch.start, micro_batch.start + micro_batch.samples
            self._loss += float(losses[start:stop].sum())
            if micro_batch.batch_end is not None:
                self.optimizer.steps = micro_batch.batch_end.step
                loss_sum[0] += self._loss
                self._loss = 0.0

    def finish(self, loss_sum: npt.NDArray[np.float64]) -> None:
        """Take the step of an incomplete batch, as at the end of an epoch."""
        if not self.pending:
            return
        end = self._micro_batches.end(self.optimizer.steps)
        none = np.empty((0, self.network.encoding.outputs), dtype=np.float32)
        samples = none, none, none[:, 0], np.empty(0)
        plan = self._plan([MicroBatch(0, 0, first=False, batch_end=end)])

        inputs = np.empty((0, self.network.inputs), dtype=np.float32)
        self._learn(inputs, samples, plan, (barrier_counts(1), 0, 1))
        self.optimizer.steps = end.step
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
        self._touched.clear()

    def _encode(self, inputs: FloatArray, encoded: FloatArray, thread: int, threads: int) -> None:
        share = Share(max(-(-len(inputs) // threads), 1), thread, threads)
        self.network.encoding.encode(self.network.tables(), inputs, encoded, share)

    def _learn(
        self,
        inputs: FloatArray,
        samples: tuple[npt.NDArray[Any], ...],
        micro_batches: tuple[npt.NDArray[Any], ...],
        worker: tuple[IntArray, int, int],
    ) -> None:
        """Take a thread's part in learning from some micro-batches."""
        _, thread, threads = worker
        encoding, units = self.network.encoding, self._units(thread, threads)
        grid = encoding.table, encoding.entry_size, self._touched.notes, Corners.empty()
        edges = self.network.dense_size, units.start, units.stop
        vectors = self.optimizer.vectors(self.network.parameters, self._gradient)
        learn_kernel(
            (self._transposed, *vectors),
            self._cache.buffers,
            self._panels[thread],
            samples,
            micro_batches,
            (tuple(self._shares.of(thread, threads)), edges),
            (self._loss_code, self.optimizer.code, (*grid, self._cache.grad_x, inputs)),
            worker,
        )

    def _plan(self, micro_batches: Sequence[MicroBatch]) -> tuple[npt.NDArray[Any], ...]:
        """Return micro-batches as `learn_kernel` takes them."""
        rows = [
            (each.start, each.samples, not each.first, each.batch_end is not None)
            for each in micro_batches
        ]
        factors = np.zeros(len(rows), dtype=np.float32)
        constants = np.zeros((len(rows), CONSTANTS), dtype=np.float32)
        touched = np.zeros((len(rows), TOUCHED_CONSTANTS), dtype=np.float32)
        for index, each in enumerate(micro_batches):
            if end := each.batch_end:
                factors[index] = end.factor
                constants[index] = self.optimizer.constants(end.step)
                constants[index, SCALE] = end.scale
                scalars = self._rate * factors[index], np.float32(end.scale), end.step
                numbers = self.optimizer.touched_constants(*scalars)
                touched[index, : len(numbers)] = numbers
        return np.array(rows, dtype=np.int64).reshape(-1, 4), factors, constants, touched

    def _units(self, thread: int, threads: int) -> range:
        """Return the units of the tables that are this thread's: about equal work for each."""
        if threads not in self._unit_edges:
            work = self.network.encoding.unit_work(self._micro_batches.longest)
            ends = work.cumsum(dtype=np.float64)
            wanted = np.arange(1, threads) / threads * ends[-1:].sum()
            edges = np.searchsorted(ends - work / 2, wanted).tolist()
            self._unit_edges[threads] = [0, *edges, len(work)]
        return range(*self._unit_edges[threads][thread : thread + 2])
