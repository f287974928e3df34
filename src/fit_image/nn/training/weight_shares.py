"""Which thread has which rows of the weights: their gradient, and their step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.runtime.arrays import FAN_IN, START, STRIDE, FloatArray, IntArray

# Rows that are dealt at a time: two tiles of the matrix product that computes their gradient.
_ROWS = 12


class WeightShare(NamedTuple):
    """A thread's rows, in blocks of one layer each."""

    blocks: IntArray  # (blocks, 3): layer, first row, end
    spans: IntArray  # (blocks, 2): where each begins and ends in the parameters
    rates: FloatArray  # (blocks,): learning rates


class WeightShares:
    """The rows of all layers, cut into shares of about as many numbers for any number of threads.

    Parameters
    ----------
    table : int64 (layers, columns)
        See `fit_image.nn.runtime.arrays.START`.
    rates : float32 (layers,)
        Learning rates.

    Attributes
    ----------
    most_threads : int
        With more threads, some would have no row.
    """

    def __init__(self, table: IntArray, rates: FloatArray) -> None:
        self._table = table
        self._rates = rates
        rows = [
            (layer, first, min(first + _ROWS, fan_in + 1))
            for layer, fan_in in enumerate(table[:, FAN_IN].tolist())
            for first in range(0, fan_in + 1, _ROWS)
        ]
        self._rows = np.array(rows, dtype=np.int64)  # (parts, 3): as in `blocks`
        sizes = (self._rows[:, 2] - self._rows[:, 1]) * table[self._rows[:, 0], STRIDE]
        middles = np.cumsum(sizes) - sizes / 2
        self._middles = middles / sizes.sum()
        self._shares: dict[tuple[int, int], WeightShare] = {}
        self.most_threads = len(rows)

    def of(self, thread: int, threads: int) -> WeightShare:
        """Return the share of one of so many threads, which may be empty."""
        if (thread, threads) not in self._shares:
            self._shares[thread, threads] = self._make(thread, threads)
        return self._shares[thread, threads]

    def _make(self, thread: int, threads: int) -> WeightShare:
        first, stop = np.searchsorted(self._middles, [thread / threads, (thread + 1) / threads])
        own = self._rows[first:stop]
        blocks = np.array(
            [
                (layer, rows[:, 1].min(), rows[:, 2].max())
                for layer in np.unique(own[:, 0])
                for rows in [own[own[:, 0] == layer]]
            ],
            dtype=np.int64,
        ).reshape(-1, 3)
        start, stride = self._table[blocks[:, 0]][:, [START, STRIDE]].T
        spans = start[:, np.newaxis] + blocks[:, 1:] * stride[:, np.newaxis]
        return WeightShare(blocks, np.ascontiguousarray(spans), self._rates[blocks[:, 0]])
