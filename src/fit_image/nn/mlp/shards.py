"""A network's weights in blocks for single threads (tensor parallelism).

Layers are taken in pairs. The weights of the lower layer are split into blocks by its outputs,
those of the upper one by its inputs, so that the outputs of a block of the one are the inputs of a
block of the other, and no thread waits between the two (Shoeybi et al. 2019, "Megatron-LM"). An
odd layer at the end is not split: every thread has a copy of it.

All lies in one memory: every block by itself, so that it is read from beginning to end, and vectors
of the units between the layers. Tables tell the kernel the offsets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fit_image.nn.kernels.gemv import GROUP
from fit_image.nn.runtime.arrays import ACTIVATION, FloatArray, IntArray, aligned_zeros
from fit_image.nn.runtime.simd import WIDTH

if TYPE_CHECKING:
    from fit_image.nn.mlp.mlp import MLP

# The units between two layers: offsets of three vectors, and the number of units. Forward, the
# weighted sums lie in the place of the deltas, and are replaced by the derivatives once the values
# are known. Backward, these are multiplied by the negative gradient, which is then needed no more,
# so that all units share one vector for it: the cache is small.
VALUES, DELTAS, GRADIENT, UNITS = range(4)

# A layer's index, a block's inputs (the constant among them) and outputs, and where it lies.
_Matrix = tuple[int, slice, slice, tuple[int, ...]]

# Regions of the memory start at multiples of this: processors fetch cache lines in pairs.
_REGION = 32

# Width from which layers are cut into 2, 4, 8 and 16 blocks: where threads gain more by another cut
# than they lose by the sums that it costs.
_WIDTHS = (96, 256, 768, 1536)


class ShardTables(NamedTuple):
    """Offsets in the memory (int64 tables), and constants of the layers.

    Matrices are described by the columns named in `fit_image.nn.kernels.gemv`, units by those here.
    """

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
    constants: FloatArray  # (layers, 3): see `fit_image.nn.activations.SLOPE`
    rates: FloatArray  # (layers,)


class Shards:
    """The weights of a network in blocks.

    Parameters
    ----------
    network : MLP
    rates : float32 (layers,)
        The learning rate of each layer.

    Attributes
    ----------
    count : int
        Blocks of a layer, and so the number of threads that may take part. It depends on the
        widths of the layers alone.
    """

    def __init__(self, network: MLP, rates: FloatArray) -> None:
        self._network = network
        layers = network.specs
        pairs = list(zip(layers[::2], layers[1::2], strict=False))
        self.count = _block_count([below.fan_out for below, _ in pairs])
        self._size = 0
        self._matrices: list[_Matrix] = []
        self._copies: list[_Matrix] = []
        self._ones: list[int] = []

        lower, upper, cut = np.zeros((3, len(pairs), self.count, 4), dtype=np.int64)
        sums, gradients = np.zeros((2, 2, len(pairs), self.count), dtype=np.int64)
        widest = max(layers[0].fan_in, *(layer.fan_out for layer in layers)) + 1
        for block in range(self.count):
            shared = self._allocate(widest)
            for pair, (below, above) in enumerate(pairs):
                edges = [_edge(below.fan_out, each, self.count) for each in (block, block + 1)]
                inner, biased = slice(*edges), slice(edges[0], edges[1] + self._is_last(block))
                inputs, outputs = slice(0, below.fan_in + 1), slice(0, above.fan_out)
                lower[pair, block] = self._add_matrix(2 * pair, inputs, inner)
                upper[pair, block] = self._add_matrix(2 * pair + 1, biased, outputs)
                cut[pair, block] = self._add_units(
                    edges[1] - edges[0], shared, constant=self._is_last(block)
                )
                for parity in range(2):
                    sums[parity, pair, block] = self._allocate(above.fan_out)
                    gradients[parity, pair, block] = self._allocate(below.fan_in + 1)

        last = np.zeros((len(layers) % 2, self.count, 4), dtype=np.int64)
        boundaries = [*(layer.fan_in for layer in layers[::2]), layers[-1].fan_out]
        whole = np.zeros((len(boundaries), self.count, 4), dtype=np.int64)
        for thread in range(self.count):
            shared = self._allocate(widest)
            for boundary, units in enumerate(boundaries):
                whole[boundary, thread] = self._add_units(units, shared, constant=True)
            for single in last:
                inputs, outputs = slice(0, layers[-1].fan_in + 1), slice(0, layers[-1].fan_out)
                single[thread] = self._add_matrix(len(layers) - 1, inputs, outputs)
                if thread > 0:
                    self._copies.append(self._matrices.pop())

        self.memory = aligned_zeros(self._size)
        codes = network.table[:, ACTIVATION].copy()
        rates = np.asarray(rates, dtype=np.float32)
        self.tables = ShardTables(
            lower, upper, last, cut, whole, sums, gradients, codes, network.constants, rates
        )
        self.pull()

    def pull(self) -> None:
        """Copy the parameters from the network."""
        # Padding is multiplied by zeros: what is not finite there would stay.
        self.memory.fill(0.0)
        self.memory[self._ones] = 1.0
        for weights, matrix in self._weights_and_matrices([*self._matrices, *self._copies]):
            matrix[: weights.shape[0], : weights.shape[1]] = weights

    def push(self) -> None:
        """Copy the parameters to the network."""
        for weights, matrix in self._weights_and_matrices(self._matrices):
            weights[:] = matrix[: weights.shape[0], : weights.shape[1]]

    def copy_last(self, threads: int) -> None:
        """Copy the layer that is not split from thread 0 to all ``threads`` threads."""
        for copies in self.tables.last:
            start, rows, length, _ = copies[0].tolist()
            whole = self.memory[start : start + rows * length]
            for copy in copies[1:threads, 0].tolist():
                self.memory[copy : copy + rows * length] = whole

    def _is_last(self, block: int) -> bool:
        """Return whether a block has the constant input 1 behind its units."""
        return block == self.count - 1

    def _allocate(self, numbers: int) -> int:
        offset = self._size
        self._size += -(-numbers // _REGION) * _REGION
        return offset

    def _add_matrix(self, layer: int, inputs: slice, outputs: slice) -> tuple[int, ...]:
        fan_in, fan_out = inputs.stop - inputs.start, outputs.stop - outputs.start
        rows_are_inputs = fan_out >= fan_in
        rows, length = (fan_in, fan_out) if rows_are_inputs else (fan_out, fan_in)
        rows, length = -(-rows // GROUP) * GROUP, -(-length // WIDTH) * WIDTH
        place = (self._allocate(rows * length), rows, length, int(rows_are_inputs))
        self._matrices.append((layer, inputs, outputs, place))
        return place

    def _add_units(self, units: int, gradient: int, *, constant: bool) -> tuple[int, ...]:
        values, deltas = self._allocate(units + 1), self._allocate(units + 1)
        if constant:
            self._ones.append(values + units)
        return values, deltas, gradient, units

    def _weights_and_matrices(
        self, matrices: Sequence[_Matrix]
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        rows = list(self._network.rows())
        for layer, inputs, outputs, (start, count, length, rows_are_inputs) in matrices:
            weights = rows[layer][inputs, outputs]
            matrix = self.memory[start : start + count * length].reshape(count, length)
            yield weights if rows_are_inputs else weights.T, matrix


def _block_count(widths: list[int]) -> int:
    """Return the number of blocks for layers of these widths, a power of 2.

    More blocks let more threads take part, and each costs sums to be added.
    """
    return 1 << sum(max(widths, default=0) >= width for width in _WIDTHS)


def _edge(units: int, block: int, blocks: int) -> int:
    """Return the first unit of a block: whole vectors, as even as possible."""
    vectors = -(-units // WIDTH)
    return min(vectors * block // blocks * WIDTH, units)
