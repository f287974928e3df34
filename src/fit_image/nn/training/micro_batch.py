"""Batches in pieces: what goes through the memory at once, and where a step is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fit_image.nn.mlp.cache import MLPCache
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.runtime.arrays import FloatArray

# A larger batch is taken in pieces: numbers in their memory (128 MB) and floating-point
# operations, which take a tenth of a second on a slow core.
_PIECE_NUMBERS = 1 << 25
_PIECE_WORK = 5 * 10**9
_PIECE_MULTIPLE = 64


@dataclass(frozen=True)
class Ending:
    """The end of a batch, where a step is taken."""

    scale: float
    """One over the batch's samples."""
    factor: float
    """Of the learning rates."""
    step: int


@dataclass(frozen=True)
class Piece:
    """Samples that go through the memory at once: a batch, or a part of a huge one."""

    start: int
    samples: int
    first: bool
    ending: Ending | None
    """The step to take where the batch ends here."""


class Pieces:
    """Cuts samples into pieces and batches, however many come at once.

    Parameters
    ----------
    longest : int
        Samples of a piece at most; the batch, or `piece_samples` of it.
    batch : int

    Attributes
    ----------
    pending : int
        Samples of the batch that is not complete.
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
        """Return how many samples may come next: about ``samples``, at least some."""
        if self.longest == self.batch:
            return max(samples // self.batch, 1) * self.batch
        return min(self.longest, self.batch - self.pending)

    def cut(self, factors: FloatArray, steps: int) -> list[Piece]:
        """Return the pieces of as many samples as there are factors, after so many steps."""
        if self.pending % self.longest:
            raise ValueError("the incomplete batch was not finished")
        pieces, start = [], 0
        while start < len(factors):
            length = min(self.longest, self.batch - self.pending, len(factors) - start)
            self._factors += float(factors[start : start + length].sum(dtype=np.float64))
            first, ending = self.pending == 0, None
            self.pending += length
            if self.pending == self.batch:
                ending = self.end(steps)
                steps = ending.step
            pieces.append(Piece(start, length, first, ending))
            start += length
        return pieces

    def end(self, steps: int) -> Ending:
        """Return the end of the batch where it stands, after so many steps."""
        ending = Ending(1.0 / self.pending, self._factors / self.pending, steps + 1)
        self.forget()
        return ending


def piece_samples(layers: Sequence[LayerSpec], batch: int) -> int:
    """Return how many samples a piece has at most: the batch, or a part that suits the layers."""
    most = min(_PIECE_NUMBERS // MLPCache.numbers(layers), _PIECE_WORK // _work(layers))
    most = max(most // _PIECE_MULTIPLE, 1) * _PIECE_MULTIPLE
    if batch <= most:
        return batch
    pieces = -(-batch // most)
    return -(-batch // pieces // _PIECE_MULTIPLE) * _PIECE_MULTIPLE


def _work(layers: Sequence[LayerSpec]) -> int:
    """Floating-point operations for a sample: three products of two operations a weight."""
    return sum(6 * layer.stride * layer.fan_out for layer in layers)
