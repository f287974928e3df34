"""Optimizers: what to do with a gradient. They see flat vectors and know nothing of layers."""

from __future__ import annotations

import numpy as np

from fit_image.core.dense import FloatArray


class SGD:
    """Plain stochastic gradient descent: ``parameters -= rate * gradient``.

    Parameters
    ----------
    rate : float32 scalar or vector
        Learning rate, one for all parameters or one for each (`Network.parameter_rates`).
    """

    def __init__(self, rate: float | FloatArray) -> None:
        self.rate = np.asarray(rate, dtype=np.float32)

    def step(self, parameters: FloatArray, gradient: FloatArray) -> None:
        """Change ``parameters`` (float32 vector) in place along ``gradient`` (same shape)."""
        parameters -= self.rate * gradient
