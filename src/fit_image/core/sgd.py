"""Stochastic gradient descent on one sample at a time, by threads that share every sample.

Each step must see the one before it, so only the work inside a step can be shared. Layers are
taken in pairs. The weights of the lower layer are cut into blocks by its outputs, those of the
upper one by its inputs, so that what a block of the one puts out is what the block of the other
takes in, and no thread waits between the two (tensor parallelism, Shoeybi et al. 2019,
"Megatron-LM"). The threads meet once for every pair on the way up, where the blocks' sums are
added, and once on the way down. A layer that is left over at the end is swept by every thread, in
a copy of its own. The number of blocks depends on the layers alone and sums are added in the order
of the blocks: the result is the same, bit for bit, for any number of threads.

A step reads all weights twice and writes them once, and has little to compute with them: its speed
is that of the cache. Training therefore works on a copy of the weights in which every block lies
by itself, as a matrix whose rows are swept from the first to the last. Rows are the block's inputs
or, where these are few, its outputs; they are padded with zeros to whole vectors, and their number
to groups of four. A bias is the weight of one more input, which is always 1. The padding stays
zero: the inputs and the descents that it meets are zero.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.core.barrier import end_at, ends_at, long_waits, meet
from fit_image.core.dense import FloatArray, activation, aligned_zeros, derivative, vector
from fit_image.core.jit import inner, kernel
from fit_image.core.lanes import WIDTH, load, multiply_add, splat, store, total
from fit_image.core.team import Team

if TYPE_CHECKING:
    from fit_image.core.network import Network

IntArray = npt.NDArray[np.int64]

# A layer's index, a block's inputs (the constant among them) and outputs, and where it lies.
_Matrix = tuple[int, slice, slice, tuple[int, ...]]

_GROUP = 4
"""Rows that a sweep takes at a time."""

# Threads give up when more than this share of the samples, and so many, had a long wait; after so
# many seconds they try again.
_LONG_WAIT_SHARE, _LONG_WAITS = 0.1, 200
_ALONE_SECONDS = 1.0

_REGION = 32
"""Regions of the memory start at multiples of this: processors fetch cache lines in pairs."""

# A matrix in the tables below: its offset, rows, numbers in a row, and whether rows are inputs.
_START, _ROWS, _LENGTH, _ROWS_ARE_INPUTS = range(4)

# The units between two layers: offsets of three vectors, and how many units there are. On the way
# up, the weighted sums become values, and their derivatives wait in the place of the descents. On
# the way down the sums are the gradient, its sign turned, which the derivatives make descents.
# Sums are used up at once, so that units share one vector for them: the cache is small.
_VALUES, _DESCENTS, _SUMS, _UNITS = range(4)


class _Plan(NamedTuple):
    """What lies where in the memory (int64 tables of offsets), and the constants of each layer."""

    lower: IntArray  # (pairs, blocks, 4): matrices of the pairs' lower layers
    upper: IntArray  # (pairs, blocks, 4): of their upper layers
    last: IntArray  # (0 or 1, threads, 4): of a layer without a partner
    cut: IntArray  # (pairs, blocks, 4): units inside a pair
    whole: IntArray  # (pairs + 1 or 2, threads, 4): units around the pairs, inputs and outputs
    # Offsets of what each block adds to the sums above the pair, and to the gradient below it. For
    # even and odd samples: a thread may be at the next one while another still reads this one's.
    sums: IntArray  # (2, pairs, blocks)
    gradients: IntArray  # (2, pairs, blocks)
    codes: IntArray  # (layers,)
    slopes: FloatArray  # (layers,)
    rates: FloatArray  # (layers,)


class SampleSGD:
    """Plain gradient descent on a network, one sample after another.

    For a sample with output ``o`` and target ``t`` the loss is 1/2 sum_c (t_c - o_c)^2. Source of
    the recipe: the program ``evolvingstuff/MonaLisa``.

    Parameters
    ----------
    network : Network
    rates : float32 (layers,)
        The learning rate of each layer.

    Attributes
    ----------
    most_threads : int
        More threads than this would have nothing to do.
    """

    def __init__(self, network: Network, rates: FloatArray) -> None:
        self._network = network
        layers = network.layers
        inner_units = [layer.fan_out for layer in layers[: len(layers) // 2 * 2 : 2]]
        pairs, blocks = len(inner_units), _block_count(inner_units)
        self.most_threads = blocks

        self._size = 0
        self._matrices: list[_Matrix] = []
        self._copies: list[_Matrix] = []
        self._ones: list[int] = []
        widest = max(*(layer.fan_out for layer in layers), layers[0].fan_in) + 1
        block_sums, thread_sums = ([self._take(widest) for _ in range(blocks)] for _ in range(2))
        lower = np.zeros((pairs, blocks, 4), dtype=np.int64)
        upper = np.zeros_like(lower)
        cut = np.zeros((pairs, blocks, 4), dtype=np.int64)
        sums, gradients = np.zeros((2, 2, pairs, blocks), dtype=np.int64)
        for pair, units in enumerate(inner_units):
            below, above = layers[2 * pair : 2 * pair + 2]
            for block in range(blocks):
                first, stop = _edge(units, block, blocks), _edge(units, block + 1, blocks)
                biased = block == blocks - 1
                lower[pair, block] = self._add_matrix(
                    2 * pair, slice(0, below.fan_in + 1), slice(first, stop)
                )
                upper[pair, block] = self._add_matrix(
                    2 * pair + 1, slice(first, stop + biased), slice(0, above.fan_out)
                )
                cut[pair, block] = self._add_units(stop - first, block_sums[block], constant=biased)
                for parity in range(2):
                    sums[parity, pair, block] = self._take(above.fan_out)
                    gradients[parity, pair, block] = self._take(below.fan_in + 1)
        single = len(layers) % 2
        last = np.zeros((single, blocks, 4), dtype=np.int64)
        boundaries = [*(layer.fan_in for layer in layers[::2]), layers[-1].fan_out]
        whole = np.zeros((len(boundaries), blocks, 4), dtype=np.int64)
        for thread in range(blocks):
            for boundary, units in enumerate(boundaries):
                whole[boundary, thread] = self._add_units(units, thread_sums[thread], constant=True)
            if single:
                inputs, outputs = slice(0, layers[-1].fan_in + 1), slice(0, layers[-1].fan_out)
                last[0, thread] = self._add_matrix(len(layers) - 1, inputs, outputs)
                if thread > 0:
                    self._copies.append(self._matrices.pop())
        self._team = Team(blocks)
        self._alone_until = -math.inf
        self._memory = aligned_zeros(self._size)
        self._memory[self._ones] = 1.0
        self._plan = _Plan(
            lower,
            upper,
            last,
            cut,
            whole,
            sums,
            gradients,
            network.table[:, -1].copy(),
            network.slopes,
            np.asarray(rates, dtype=np.float32),
        )
        self.pull()

    def pull(self) -> None:
        """Take the parameters from the network."""
        for weights, matrix in self._weights_and_matrices(self._matrices + self._copies):
            matrix[: weights.shape[0], : weights.shape[1]] = weights

    def push(self) -> None:
        """Give the parameters to the network."""
        for weights, matrix in self._weights_and_matrices(self._matrices):
            weights[:] = matrix[: weights.shape[0], : weights.shape[1]]

    def learn(
        self,
        inputs: FloatArray,
        targets: FloatArray,
        loss_sum: npt.NDArray[np.float64],
        *,
        threads: int = 1,
    ) -> None:
        """Take one step for each sample, in order.

        Parameters
        ----------
        inputs : float32 (samples, inputs)
        targets : float32 (samples, outputs)
        loss_sum : float64 (1,)
            The samples' losses are added to it one by one, so that the sum does not depend on how
            an epoch is cut into calls.
        threads : int
            At most so many. Does not change the result: threads that have to share a core leave
            the samples to one of them for a while.

        Raises
        ------
        ValueError
            If the samples have another shape.
        """
        layers = self._network.layers
        if inputs.shape != (len(targets), layers[0].fan_in):
            raise ValueError(f"{inputs.shape} inputs and {targets.shape} targets do not fit")
        if targets.shape != (len(inputs), layers[-1].fan_out):
            raise ValueError(f"targets of shape {targets.shape} do not fit the network")
        inputs = np.ascontiguousarray(inputs, dtype=np.float32)
        targets = np.ascontiguousarray(targets, dtype=np.float32)
        learned = 0

        def learn_share(counts: IntArray, thread: int, threads: int) -> int:
            rest: int = _learn_kernel(
                self._memory,
                self._plan,
                inputs[learned:],
                targets[learned:],
                loss_sum,
                counts,
                thread,
                threads,
            )
            return learned + rest

        threads = min(threads, self.most_threads)
        if threads > 1 and time.monotonic() >= self._alone_until:
            learned = self._team.run(learn_share, threads)
            if learned < len(inputs):
                self._alone_until = time.monotonic() + _ALONE_SECONDS
        if learned < len(inputs):
            self._team.run(learn_share, 1)

    def _take(self, numbers: int) -> int:
        offset = self._size
        self._size += _region(numbers)
        return offset

    def _add_matrix(self, layer: int, inputs: slice, outputs: slice) -> tuple[int, ...]:
        fan_in, fan_out = inputs.stop - inputs.start, outputs.stop - outputs.start
        rows_are_inputs = fan_out >= fan_in
        rows, length = (fan_in, fan_out) if rows_are_inputs else (fan_out, fan_in)
        rows, length = -(-rows // _GROUP) * _GROUP, -(-length // WIDTH) * WIDTH
        place = (self._take(rows * length), rows, length, int(rows_are_inputs))
        self._matrices.append((layer, inputs, outputs, place))
        return place

    def _add_units(self, units: int, sums: int, *, constant: bool) -> tuple[int, ...]:
        values, descents = self._take(units + 1), self._take(units + 1)
        if constant:  # the 1 that biases multiply comes behind the units
            self._ones.append(values + units)
        return values, descents, sums, units

    def _weights_and_matrices(
        self, matrices: list[_Matrix]
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        rows = list(self._network.rows())
        for layer, inputs, outputs, (start, count, length, rows_are_inputs) in matrices:
            weights = rows[layer][outputs, inputs]
            matrix = self._memory[start : start + count * length].reshape(count, length)
            yield weights.T if rows_are_inputs else weights, matrix


def _block_count(widths: list[int]) -> int:
    """Return into how many blocks layers of these widths are cut: a power of 2.

    More blocks let more threads take part, and each costs sums to be added.
    """
    count = 1
    while count < 16 and max(widths, default=0) >= 96 * count * count:
        count *= 2
    return count


def _edge(units: int, block: int, blocks: int) -> int:
    """Return the first unit of a block: whole vectors, shared as evenly as they go."""
    vectors = -(-units // WIDTH)
    return min(vectors * block // blocks * WIDTH, units)


def _region(numbers: int) -> int:
    return -(-numbers // _REGION) * _REGION


@inner
def _accumulate(memory, w, rows, length, x, s):
    """S = W^T x for rows that are inputs."""
    for j in range(0, length, WIDTH):
        store(memory, s + j, splat(np.float32(0.0)))
    for i in range(0, rows, _GROUP):
        r0 = w + i * length
        r1, r2, r3 = r0 + length, r0 + 2 * length, r0 + 3 * length
        x0, x1 = splat(memory[x + i]), splat(memory[x + i + 1])
        x2, x3 = splat(memory[x + i + 2]), splat(memory[x + i + 3])
        for j in range(0, length, WIDTH):
            sum01 = multiply_add(load(memory, r0 + j), x0, load(memory, s + j))
            sum01 = multiply_add(load(memory, r1 + j), x1, sum01)
            sum01 = multiply_add(load(memory, r2 + j), x2, sum01)
            store(memory, s + j, multiply_add(load(memory, r3 + j), x3, sum01))


@inner
def _dot(memory, w, rows, length, x, s):
    """S = W x for rows that are outputs."""
    for i in range(0, rows, _GROUP):
        r0 = w + i * length
        r1, r2, r3 = r0 + length, r0 + 2 * length, r0 + 3 * length
        s0 = s1 = s2 = s3 = splat(np.float32(0.0))
        for j in range(0, length, WIDTH):
            v = load(memory, x + j)
            s0 = multiply_add(load(memory, r0 + j), v, s0)
            s1 = multiply_add(load(memory, r1 + j), v, s1)
            s2 = multiply_add(load(memory, r2 + j), v, s2)
            s3 = multiply_add(load(memory, r3 + j), v, s3)
        memory[s + i], memory[s + i + 1] = total(s0), total(s1)
        memory[s + i + 2], memory[s + i + 3] = total(s2), total(s3)


@inner
def _dot_and_descend(memory, w, rows, length, x, d, rate, g):
    """G = W d with the weights as they were, then W += rate x d^T, for rows that are inputs."""
    for i in range(0, rows, _GROUP):
        r0 = w + i * length
        r1, r2, r3 = r0 + length, r0 + 2 * length, r0 + 3 * length
        x0, x1 = splat(rate * memory[x + i]), splat(rate * memory[x + i + 1])
        x2, x3 = splat(rate * memory[x + i + 2]), splat(rate * memory[x + i + 3])
        g0 = g1 = g2 = g3 = splat(np.float32(0.0))
        for j in range(0, length, WIDTH):
            v = load(memory, d + j)
            w0, w1 = load(memory, r0 + j), load(memory, r1 + j)
            w2, w3 = load(memory, r2 + j), load(memory, r3 + j)
            g0, g1 = multiply_add(w0, v, g0), multiply_add(w1, v, g1)
            g2, g3 = multiply_add(w2, v, g2), multiply_add(w3, v, g3)
            store(memory, r0 + j, multiply_add(x0, v, w0))
            store(memory, r1 + j, multiply_add(x1, v, w1))
            store(memory, r2 + j, multiply_add(x2, v, w2))
            store(memory, r3 + j, multiply_add(x3, v, w3))
        memory[g + i], memory[g + i + 1] = total(g0), total(g1)
        memory[g + i + 2], memory[g + i + 3] = total(g2), total(g3)


@inner
def _accumulate_and_descend(memory, w, rows, length, x, d, rate, g):
    """G = W^T d with the weights as they were, then W += rate d x^T, for rows that are outputs."""
    for j in range(0, length, WIDTH):
        store(memory, g + j, splat(np.float32(0.0)))
    for i in range(0, rows, _GROUP):
        r0 = w + i * length
        r1, r2, r3 = r0 + length, r0 + 2 * length, r0 + 3 * length
        d0, d1 = memory[d + i], memory[d + i + 1]
        d2, d3 = memory[d + i + 2], memory[d + i + 3]
        v0, v1, v2, v3 = splat(d0), splat(d1), splat(d2), splat(d3)
        u0, u1 = splat(rate * d0), splat(rate * d1)
        u2, u3 = splat(rate * d2), splat(rate * d3)
        for j in range(0, length, WIDTH):
            v = load(memory, x + j)
            w0, w1 = load(memory, r0 + j), load(memory, r1 + j)
            w2, w3 = load(memory, r2 + j), load(memory, r3 + j)
            gradient = multiply_add(w1, v1, multiply_add(w0, v0, load(memory, g + j)))
            store(memory, g + j, multiply_add(w3, v3, multiply_add(w2, v2, gradient)))
            store(memory, r0 + j, multiply_add(u0, v, w0))
            store(memory, r1 + j, multiply_add(u1, v, w1))
            store(memory, r2 + j, multiply_add(u2, v, w2))
            store(memory, r3 + j, multiply_add(u3, v, w3))


@inner
def _forward(memory, matrix, x, s):
    """Write the weighted sums of the inputs at ``x`` to ``s``."""
    w, rows, length = matrix[_START], matrix[_ROWS], matrix[_LENGTH]
    if matrix[_ROWS_ARE_INPUTS]:
        _accumulate(memory, w, rows, length, x, s)
    else:
        _dot(memory, w, rows, length, x, s)


@inner
def _backward(memory, matrix, x, d, rate, g):
    """Descend along ``d``, and write to ``g`` what it means for the inputs at ``x``."""
    w, rows, length = matrix[_START], matrix[_ROWS], matrix[_LENGTH]
    if matrix[_ROWS_ARE_INPUTS]:
        _dot_and_descend(memory, w, rows, length, x, d, rate, g)
    else:
        _accumulate_and_descend(memory, w, rows, length, x, d, rate, g)


@inner
def _activate(memory, units, code, slope):
    """Turn the units' sums into values and derivatives."""
    count = units[_UNITS]
    sums = vector(memory, units[_SUMS], count)
    values = vector(memory, units[_VALUES], count)
    derivatives = vector(memory, units[_DESCENTS], count)
    for i in range(count):
        s = sums[i]
        values[i] = activation(s, code, slope)
        derivatives[i] = derivative(s, code, slope)


@inner
def _differentiate(memory, units):
    """Turn the gradient at the units into descents."""
    count = units[_UNITS]
    gradient = vector(memory, units[_SUMS], count)
    descents = vector(memory, units[_DESCENTS], count)
    for i in range(count):
        descents[i] *= gradient[i]


@inner
def _add_up(memory, parts, units):
    """Add the blocks' shares of the units' sums, in order."""
    count = units[_UNITS]
    sums = vector(memory, units[_SUMS], count)
    sums[:] = vector(memory, parts[0], count)
    for block in range(1, len(parts)):
        part = vector(memory, parts[block], count)
        for i in range(count):
            sums[i] += part[i]


@inner
def _compare(memory, units, targets, sample):
    """Return the loss of the outputs, and make their errors the gradient there."""
    loss = 0.0
    for c in range(units[_UNITS]):
        error = targets[sample, c] - memory[units[_VALUES] + c]
        memory[units[_SUMS] + c] = error
        loss += 0.5 * np.float64(error) * np.float64(error)
    return loss


@kernel
def _learn_kernel(memory, plan, inputs, targets, loss_sum, counts, thread, threads):
    """Do one thread's share of one step for each sample; return for how many.

    Before the last samples, the threads give up together if they wait for one another too long.
    """
    pairs, blocks = plan.cut.shape[0], plan.cut.shape[1]
    mine = range(blocks * thread // threads, blocks * (thread + 1) // threads)
    layers = plan.codes.shape[0]
    single = layers % 2 == 1
    top = plan.whole.shape[0] - 1
    for sample in range(inputs.shape[0]):
        for j in range(inputs.shape[1]):
            memory[plan.whole[0, thread, _VALUES] + j] = inputs[sample, j]
        parity = sample % 2
        if thread == 0 and (long_waits(counts, threads) > _LONG_WAITS + _LONG_WAIT_SHARE * sample):
            end_at(counts, threads, sample)

        for pair in range(pairs):
            x = plan.whole[pair, thread, _VALUES]
            lower, upper = 2 * pair, 2 * pair + 1
            for block in mine:
                units = plan.cut[pair, block]
                _forward(memory, plan.lower[pair, block], x, units[_SUMS])
                _activate(memory, units, plan.codes[lower], plan.slopes[lower])
                sums = plan.sums[parity, pair, block]
                _forward(memory, plan.upper[pair, block], units[_VALUES], sums)
            meet(counts, thread, threads)
            # No weight has changed for this sample yet.
            if ends_at(counts, threads, sample):
                return sample
            units = plan.whole[pair + 1, thread]
            _add_up(memory, plan.sums[parity, pair], units)
            _activate(memory, units, plan.codes[upper], plan.slopes[upper])
        if single:
            units = plan.whole[top, thread]
            x = plan.whole[pairs, thread, _VALUES]
            _forward(memory, plan.last[0, thread], x, units[_SUMS])
            _activate(memory, units, plan.codes[layers - 1], plan.slopes[layers - 1])

        units = plan.whole[top, thread]
        loss = _compare(memory, units, targets, sample)
        if thread == 0:
            loss_sum[0] += loss
        _differentiate(memory, units)

        if single:
            below = plan.whole[pairs, thread]
            x, d, rate = below[_VALUES], units[_DESCENTS], plan.rates[layers - 1]
            _backward(memory, plan.last[0, thread], x, d, rate, below[_SUMS])
            _differentiate(memory, below)
        for pair in range(pairs - 1, -1, -1):
            x = plan.whole[pair, thread, _VALUES]
            d = plan.whole[pair + 1, thread, _DESCENTS]
            lower_rate, upper_rate = plan.rates[2 * pair], plan.rates[2 * pair + 1]
            for block in mine:
                units = plan.cut[pair, block]
                _backward(
                    memory,
                    plan.upper[pair, block],
                    units[_VALUES],
                    d,
                    upper_rate,
                    units[_SUMS],
                )
                _differentiate(memory, units)
                g = plan.gradients[parity, pair, block]
                _backward(memory, plan.lower[pair, block], x, units[_DESCENTS], lower_rate, g)
            # Below the first pair are the inputs, whose gradient nobody asks for.
            if pair > 0:
                meet(counts, thread, threads)
                units = plan.whole[pair, thread]
                _add_up(memory, plan.gradients[parity, pair], units)
                _differentiate(memory, units)
    return inputs.shape[0]
