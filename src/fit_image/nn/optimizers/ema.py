"""Exponential moving average (EMA) of a network's parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from fit_image.nn.runtime.arrays import FloatArray


class EMA:
    """Follows parameters over the steps of a training; smoother than the parameters themselves.

    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; in the form
    of TensorFlow's ``ExponentialMovingAverage``.

    Parameters
    ----------
    decay : float
        Share of the average that a step keeps, 0 to 1.

    Attributes
    ----------
    average : float32 vector or None
        None before the first update.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self.average: FloatArray | None = None

    def update(self, params: FloatArray, step: int | None = None) -> None:
        """Move the average towards the parameters; the first update starts with a copy of them.

        ``step``, the number of earlier updates, limits the decay to (1 + step) / (10 + step), so
        that the first parameters are soon forgotten.
        """
        decay = self._decay
        if step is not None:
            decay = min(decay, (step + 1) / (step + 10))
        if self.average is None:
            self.average = params.copy()
        self.average += np.float32(1.0 - decay) * (params - self.average)

    @contextlib.contextmanager
    def applied(self, params: FloatArray) -> Iterator[None]:
        """Let the parameters be their average inside the block, if there is one."""
        if self.average is None:
            yield
            return
        original = params.copy()
        params[:] = self.average
        try:
            yield
        finally:
            params[:] = original
