"""Stochastic gradient descent on one sample at a time, by threads that share every sample.

Each step depends on the one before it, so only the work inside a step can be shared: each thread
has blocks of the weights of its own (see `fit_image.nn.mlp.shards`). There is one barrier for every
pair of layers forward, where the blocks' sums are added, and one backward. The number of blocks
depends on the layers alone, and sums are added in the order of the blocks: the result is the same,
bit for bit, for any number of threads.

A step reads all weights twice and writes them once, and has little to compute with them: its speed
is that of the cache.
"""

from __future__ import annotations

import math
import time

import numpy as np
import numpy.typing as npt

from fit_image.nn.activations import activate_rows, constants_of, differentiate_rows
from fit_image.nn.kernels.gemv import gemv, gemv_ger
from fit_image.nn.losses import LOSSES, error_gradient, error_loss
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.mlp.shards import DELTAS, GRADIENT, UNITS, VALUES, Shards
from fit_image.nn.runtime.arrays import FloatArray, IntArray, copy, vector
from fit_image.nn.runtime.barrier import barrier, be_patient, end_at, ends_at, long_waits
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.nn.training.samples import accept_numbers, accept_samples

# Threads give up when each but one had a long wait in more than this share of the samples, and all
# together so many; after so many seconds they try again.
_LONG_WAIT_SHARE, _LONG_WAITS = 0.1, 200
_ALONE_SECONDS = 1.0

# A single row, for functions of several rows. Of this type, not Python's constants, for which
# these functions would be compiled a second time.
_START, _ROW = np.int64(0), np.int64(1)


class PerSampleSGD:
    """Plain gradient descent on a network, one sample after another.

    Source of the recipe: the program ``evolvingstuff/MonaLisa``.

    Parameters
    ----------
    network : MLP
        Its encoding must be fixed.
    rates : float32 (layers,)
        The learning rate of each layer.
    loss : str
        A key of `fit_image.nn.losses.LOSSES`.

    Attributes
    ----------
    most_threads : int
        More threads than this would have nothing to do.
    alone : bool
        Whether one thread had to learn samples of the last call that several were to learn.
    """

    def __init__(self, network: MLP, rates: FloatArray, loss: str = "mse") -> None:
        self._network = network
        self._loss = LOSSES[loss]
        self._shards = Shards(network, rates)
        self.most_threads = self._shards.count
        self._pool = ThreadPool(self.most_threads)
        self._alone_threads, self._alone_until = 0, -math.inf
        self.alone = False

    def pull(self) -> None:
        """Copy the parameters from the network."""
        self._shards.pull()

    def push(self) -> None:
        """Copy the parameters to the network."""
        self._shards.push()

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
        """Take one step for each sample, in order.

        Parameters
        ----------
        inputs : float32 (samples, inputs)
        targets : float32 (samples, outputs)
        weights : float32 (samples,)
            Multiply the samples' losses, and with them their gradients.
        loss_sum : float64 (1,)
            The samples' losses are added to it one by one, so that the sum does not depend on how
            an epoch is cut into calls.
        factors : float32 (samples,), optional
            Multiply the learning rates of the samples' steps. Default: ones.
        threads : int
            At most so many. Does not change the result: so many threads that have to share a core
            leave the samples to one of them for a while.

        Raises
        ------
        ValueError
            If the samples have another shape.
        """
        inputs, targets = accept_samples(self._network, inputs, targets)
        inputs = self._network.encode(inputs)
        weights = accept_numbers(weights, len(inputs))
        strengths = weights if factors is None else weights * accept_numbers(factors, len(inputs))
        learned = 0

        def learn_share(counts: IntArray, thread: int, threads: int) -> int:
            # Where a thread has many weights, it is late by more.
            be_patient(counts, self._shards.memory.size // threads // 2)
            rest: int = _learn_kernel(
                self._shards.memory,
                self._shards.tables,
                (inputs[learned:], targets[learned:], weights[learned:], strengths[learned:]),
                self._loss,
                loss_sum,
                counts,
                thread,
                threads,
            )
            return learned + rest

        threads = min(threads, self.most_threads)
        if threads > 1 and (
            threads != self._alone_threads or time.monotonic() >= self._alone_until
        ):
            self._shards.copy_last(threads)  # it may have learned with fewer threads
            learned = self._pool.run(learn_share, threads)
            if learned < len(inputs):
                self._alone_threads = threads
                self._alone_until = time.monotonic() + _ALONE_SECONDS
        self.alone = threads > 1 and learned < len(inputs)
        if learned < len(inputs):
            self._pool.run(learn_share, 1)


@inner
def _activate(memory, units, codes, constants, layer):
    """Compute the units' values and derivatives from their sums."""
    sums, values, count = units[DELTAS], units[VALUES], units[UNITS]
    code, row = codes[layer], constants_of(constants, layer)
    activate_rows(memory, (sums, _START), memory, (values, _START), (_ROW, count), code, row)
    differentiate_rows(memory, (sums, 0), (1, count), code, row)


@inner
def _compute_deltas(memory, units):
    """Multiply the derivatives by the gradient, which is negative: deltas point downhill."""
    count = units[UNITS]
    gradient = vector(memory, units[GRADIENT], count)
    deltas = vector(memory, units[DELTAS], count)
    for i in range(count):
        deltas[i] *= gradient[i]


@inner
def _sum_shards(memory, parts, total, count):
    """Add the blocks' parts of ``count`` sums, in order."""
    sums = vector(memory, total, count)
    copy(vector(memory, parts[0], count), sums)
    for block in range(1, len(parts)):
        part = vector(memory, parts[block], count)
        for i in range(count):
            sums[i] += part[i]


@inner
def _output_gradient(memory, units, targets, sample, loss_code, strength):
    """Return the loss of the outputs, and write its negative gradient times ``strength``."""
    loss = 0.0
    for c in range(units[UNITS]):
        error = targets[sample, c] - memory[units[VALUES] + c]
        memory[units[GRADIENT] + c] = strength * error_gradient(error, loss_code)
        loss += error_loss(error, loss_code)
    return loss


@kernel
def _learn_kernel(memory, tables, samples, loss_code, loss_sum, counts, thread, threads):
    """Take one thread's share of one step for each sample; return the number of samples done.

    The threads stop together before the last sample if they wait for one another too long.
    """
    inputs, targets, weights, strengths = samples  # these: weights times factors of the rates
    pairs, blocks = tables.cut.shape[0], tables.cut.shape[1]
    mine = range(blocks * thread // threads, blocks * (thread + 1) // threads)
    layers = tables.codes.shape[0]
    odd = layers % 2 == 1
    top = tables.whole.shape[0] - 1
    for sample in range(inputs.shape[0]):
        for j in range(inputs.shape[1]):
            memory[tables.whole[0, thread, VALUES] + j] = inputs[sample, j]
        parity = sample % 2
        allowed = _LONG_WAITS + _LONG_WAIT_SHARE * (threads - 1) * sample
        if thread == 0 and long_waits(counts, threads) > allowed:
            end_at(counts, threads, sample)

        for pair in range(pairs):
            x = tables.whole[pair, thread, VALUES]
            lower, upper = 2 * pair, 2 * pair + 1
            for block in mine:
                units = tables.cut[pair, block]
                gemv(memory, tables.lower[pair, block], x, units[DELTAS])
                _activate(memory, units, tables.codes, tables.constants, lower)
                sums = tables.sums[parity, pair, block]
                gemv(memory, tables.upper[pair, block], units[VALUES], sums)
            barrier(counts, thread, threads)
            # No weight has changed for this sample yet.
            if ends_at(counts, threads, sample):
                return sample
            units = tables.whole[pair + 1, thread]
            _sum_shards(memory, tables.sums[parity, pair], units[DELTAS], units[UNITS])
            _activate(memory, units, tables.codes, tables.constants, upper)
        if odd:
            units = tables.whole[top, thread]
            x = tables.whole[pairs, thread, VALUES]
            gemv(memory, tables.last[0, thread], x, units[DELTAS])
            _activate(memory, units, tables.codes, tables.constants, layers - 1)

        units = tables.whole[top, thread]
        loss = _output_gradient(memory, units, targets, sample, loss_code, strengths[sample])
        if thread == 0:
            loss_sum[0] += weights[sample] * loss
        _compute_deltas(memory, units)

        if odd:
            below = tables.whole[pairs, thread]
            x, d, rate = below[VALUES], units[DELTAS], tables.rates[layers - 1]
            gemv_ger(memory, tables.last[0, thread], x, d, rate, below[GRADIENT])
            _compute_deltas(memory, below)
        for pair in range(pairs - 1, -1, -1):
            x = tables.whole[pair, thread, VALUES]
            d = tables.whole[pair + 1, thread, DELTAS]
            lower_rate, upper_rate = tables.rates[2 * pair], tables.rates[2 * pair + 1]
            for block in mine:
                units = tables.cut[pair, block]
                gemv_ger(
                    memory,
                    tables.upper[pair, block],
                    units[VALUES],
                    d,
                    upper_rate,
                    units[GRADIENT],
                )
                _compute_deltas(memory, units)
                g = tables.gradients[parity, pair, block]
                gemv_ger(memory, tables.lower[pair, block], x, units[DELTAS], lower_rate, g)
            # Below the first pair are the inputs, whose gradient nobody asks for.
            if pair > 0:
                barrier(counts, thread, threads)
                units = tables.whole[pair, thread]
                _sum_shards(memory, tables.gradients[parity, pair], units[GRADIENT], units[UNITS])
                _compute_deltas(memory, units)
    return inputs.shape[0]
