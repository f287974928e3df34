"""Learning-rate schedules.

All are pure functions of how many samples were learned before, so that stopping and going on
changes nothing. Where a schedule is to end with a time limit, its progress is at least the share of
the time that is over, and the factors depend on the machine's speed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fit_image.nn.runtime.arrays import FloatArray

EXPONENTIAL_END = 0.01
"""Factor of the learning rate at the end of the exponential schedule."""


def _cosine(share: FloatArray) -> FloatArray:
    """From 1 to 0: Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts."""
    factors: FloatArray = np.cos(np.float32(np.pi) * share)
    return (factors + np.float32(1.0)) / np.float32(2.0)


def _exponential(share: FloatArray) -> FloatArray:
    factors: FloatArray = np.exp(np.float32(math.log(EXPONENTIAL_END)) * share)
    return factors


def _linear(share: FloatArray) -> FloatArray:
    """From 1 to 0."""
    return np.float32(1.0) - share


SCHEDULES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "constant": np.ones_like,
    "cosine": _cosine,
    "exponential": _exponential,
    "linear": _linear,
}
"""Factor of the learning rate as a function of the progress of the training, 0..1."""


@dataclass(frozen=True)
class RateSchedule:
    """A schedule over a whole training.

    Attributes
    ----------
    name : str
        A key of `SCHEDULES`.
    epochs : float
        Length of the training.
    warmup : float
        Epochs in which the rate also grows from 0, linearly: Goyal et al., "Accurate, large
        minibatch SGD", 2017, section 2.2.
    """

    name: str
    epochs: float
    warmup: float = 0.0

    def factors(self, first: int, count: int, samples: int, share: float = 0.0) -> FloatArray:
        """Return the factor of the learning rate for each of some samples.

        Parameters
        ----------
        first : int
            Samples learned before these.
        samples : int
            Of an epoch.
        share : float
            Progress of the schedule at least, 0..1, whatever was learned.

        Returns
        -------
        float32 (count,)
            In 0..1, taken at the middle of each sample's step: the first of a warm-up is not 0,
            nor is the last of a training.
        """
        middles = np.arange(count, dtype=np.float64) + (first + 0.5)
        shares = np.maximum(_share(middles, samples * self.epochs), np.float32(share))
        factors = SCHEDULES[self.name](shares)
        if self.warmup > 0:
            factors *= _share(middles, samples * self.warmup)
        return factors


def _share(middles: npt.NDArray[np.float64], whole: float) -> FloatArray:
    # The functions of numpy are several times as fast in single precision.
    return np.minimum(middles / whole, 1.0).astype(np.float32)
