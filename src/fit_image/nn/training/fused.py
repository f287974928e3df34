"""Batches learned by fused kernels: for networks of an encoding and dense layers.

A batch has two phases, each shared by several threads. First, the samples go forward and backward,
as far as the gradient by every weighted sum. Then each thread's rows of the weights get their
gradient, summed over all samples by one matrix product, and the optimizer's step. No sum is
shared between threads, and none depends on what is computed beside it: the result has the same
bits for any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.encodings.base import Share
from fit_image.nn.encodings.hash_grid_kernels import Corners
from fit_image.nn.kernels.gemm import PANEL
from fit_image.nn.mlp.cache import MLPCache
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.optimizers.spans import CONSTANTS, SCALE
from fit_image.nn.optimizers.touched import Touched
from fit_image.nn.optimizers.touched_steps import TOUCHED_CONSTANTS
from fit_image.nn.runtime.arrays import FloatArray, IntArray, aligned_zeros
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.nn.training.batch_kernels import learn_kernel
from fit_image.nn.training.micro_batch import MicroBatch, micro_batch_size
from fit_image.nn.training.samples import Samples
from fit_image.nn.training.weight_shares import WeightShares

# Limits of a micro-batch: numbers in its memory (128 MB), and floating-point operations, which
# take a tenth of a second on a slow core.
MAX_NUMBERS = 1 << 25
MAX_WORK = 5 * 10**9

_MOST_THREADS = 64

# Samples that are worth another thread where there are tables.
_TABLE_SAMPLES = 32


def samples_at_once(specs: Sequence[LayerSpec]) -> int:
    """Return how many samples may be in memory at once, at most."""
    # Three products of two operations a weight.
    work = sum(6 * spec.size for spec in specs)
    return min(MAX_NUMBERS // MLPCache.numbers(specs), MAX_WORK // work)


def working_numbers(specs: Sequence[LayerSpec], batch: int, tables: int = 0) -> int:
    """Return how many float32 numbers are allocated besides network and optimizer state.

    ``tables`` are the numbers in those of the encoding.
    """
    samples = micro_batch_size(batch, samples_at_once(specs))
    return samples * MLPCache.numbers(specs) + sum(spec.size for spec in specs) + tables


class FusedExecutor:
    """Takes the steps of a `fit_image.nn.training.minibatch.Minibatch` of an `MLP`.

    Parameters
    ----------
    network : MLP
    optimizer : Optimizer
    rates : float32 (layers,)
        Learning rates of the encoding, and of every dense layer.
    longest : int
        Samples of a micro-batch at most.
    loss_code : int
        A value of `fit_image.nn.losses.LOSSES`.

    Attributes
    ----------
    most_threads : int
        More threads than this would have nothing to do.
    """

    def __init__(
        self, network: MLP, optimizer: Optimizer, rates: FloatArray, longest: int, loss_code: int
    ) -> None:
        self._network, self._optimizer, self._longest = network, optimizer, longest
        self._loss_code = loss_code
        self._cache = MLPCache(network.specs, network.table, longest)
        self._gradient = aligned_zeros(network.parameters.size)
        self._table_rate = rates[0]
        self._matrices = tuple(optimizer.preconditioned), rates[1:]
        self._shares = WeightShares(network.table, rates[1:])
        self._touched = Touched(network.encoding.units, network.encoding.entry_size)
        self._unit_edges: dict[int, list[int]] = {}  # by the number of threads
        most = self._shares.most_threads
        if network.encoding.levels:  # there is more to share than weights
            most = max(most, -(-longest // _TABLE_SAMPLES))
        self.most_threads = min(most, _MOST_THREADS)
        self._pool = ThreadPool(self.most_threads)
        self._panels = [aligned_zeros(PANEL) for _ in range(self.most_threads)]

    def learn(self, samples: Samples, micro_batches: Sequence[MicroBatch], threads: int) -> None:
        """Learn from some micro-batches, and write the samples' losses."""
        inputs, targets, weights, losses = samples
        encoded = np.empty((len(inputs), self._network.encoding.outputs), dtype=np.float32)
        plan = self._plan(micro_batches)

        def work(counts: IntArray, thread: int, threads: int) -> None:
            if not self._network.encoding.levels:
                self._encode(inputs, encoded, thread, threads)
            self._learn(
                inputs, (encoded, targets, weights, losses), plan, (counts, thread, threads)
            )

        self._pool.run(work, threads)

    def forget(self) -> None:
        """Forget the gradient of an incomplete batch."""
        # Those of the tables are added to, where those of the layers are written anew.
        self._gradient[:] = 0.0
        self._touched.clear()

    def _encode(self, inputs: FloatArray, encoded: FloatArray, thread: int, threads: int) -> None:
        share = Share(max(-(-len(inputs) // threads), 1), thread, threads)
        self._network.encoding.encode(self._network.tables(), inputs, encoded, share)

    def _learn(
        self,
        inputs: FloatArray,
        samples: tuple[npt.NDArray[Any], ...],
        micro_batches: tuple[npt.NDArray[Any], ...],
        worker: tuple[IntArray, int, int],
    ) -> None:
        """Take a thread's part in learning from some micro-batches."""
        _, thread, threads = worker
        encoding, units = self._network.encoding, self._units(thread, threads)
        grid = encoding.table, encoding.entry_size, self._touched.notes, Corners.empty()
        edges = self._network.start(0), units.start, units.stop
        learn_kernel(
            self._optimizer.vectors(self._network.parameters, self._gradient),
            self._cache.buffers,
            self._panels[thread],
            samples,
            micro_batches,
            (tuple(self._shares.of(thread, threads)), edges, self._matrices),
            (self._loss_code, self._optimizer.code, (*grid, self._cache.grad_x, inputs)),
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
                constants[index] = self._optimizer.constants(end.step)
                constants[index, SCALE] = end.scale
                scalars = self._table_rate * factors[index], np.float32(end.scale), end.step
                numbers = self._optimizer.touched_constants(*scalars)
                touched[index, : len(numbers)] = numbers
        return np.array(rows, dtype=np.int64).reshape(-1, 4), factors, constants, touched

    def _units(self, thread: int, threads: int) -> range:
        """Return the units of the tables that are this thread's: about equal work for each."""
        if threads not in self._unit_edges:
            work = self._network.encoding.unit_work(self._longest)
            ends = work.cumsum(dtype=np.float64)
            wanted = np.arange(1, threads) / threads * ends[-1:].sum()
            edges = np.searchsorted(ends - work / 2, wanted).tolist()
            self._unit_edges[threads] = [0, *edges, len(work)]
        return range(*self._unit_edges[threads][thread : thread + 2])
