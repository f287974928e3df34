"""Batches, and micro-batches: samples that are in memory at once, whose gradients add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fit_image.nn.runtime.arrays import FloatArray

# The size of a micro-batch is a multiple of this.
_MULTIPLE = 64


@dataclass(frozen=True)
class BatchEnd:
    """The end of a batch, where the optimizer takes a step."""

    scale: float  # 1 / samples of the batch
    factor: float  # of the learning rates
    step: int  # number of the step


@dataclass(frozen=True)
class MicroBatch:
    """Samples that are in memory at once: a batch, or a part of a large one."""

    start: int
    samples: int
    first: bool
    batch_end: BatchEnd | None  # the step to take, if the batch ends here


class MicroBatches:
    """Splits samples into micro-batches and batches, however many come at once.

    Parameters
    ----------
    longest : int
        Samples of a micro-batch at most; the batch, or `micro_batch_size` of it.

    Attributes
    ----------
    pending : int
        Samples of an incomplete batch.
    """

    def __init__(self, longest: int, batch: int) -> None:
        self.longest = longest
        self.batch = batch
        self.forget()

    def forget(self) -> None:
        """Begin a new batch."""
        self.pending = 0
        self._factors = 0.0

    def next_cut(self, samples: int) -> int:
        """Return how many samples may come next: about ``samples``, at least one."""
        if self.longest == self.batch:
            return max(samples // self.batch, 1) * self.batch
        return min(self.longest, self.batch - self.pending)

    def split(self, factors: FloatArray, steps: int) -> list[MicroBatch]:
        """Return the micro-batches of ``len(factors)`` samples, after so many steps."""
        if self.pending % self.longest:
            raise ValueError("the incomplete batch was not finished")
        micro_batches, start = [], 0
        while start < len(factors):
            length = min(self.longest, self.batch - self.pending, len(factors) - start)
            self._factors += float(factors[start : start + length].sum(dtype=np.float64))
            first, batch_end = self.pending == 0, None
            self.pending += length
            if self.pending == self.batch:
                batch_end = self.end(steps)
                steps = batch_end.step
            micro_batches.append(MicroBatch(start, length, first, batch_end))
            start += length
        return micro_batches

    def end(self, steps: int) -> BatchEnd:
        """End the current batch as it is, after so many steps."""
        end = BatchEnd(1.0 / self.pending, self._factors / self.pending, steps + 1)
        self.forget()
        return end


def micro_batch_size(batch: int, limit: int) -> int:
    """Return the largest number of samples in a micro-batch.

    Batches beyond ``limit`` are split into equal parts, rounded up to a multiple of 64.
    """
    limit = max(limit // _MULTIPLE, 1) * _MULTIPLE
    if batch <= limit:
        return batch
    parts = -(-batch // limit)
    return -(-batch // parts // _MULTIPLE) * _MULTIPLE
