"""Gradient descent with momentum."""

from __future__ import annotations

import numpy as np

from fit_image.nn.optimizers import spans
from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.runtime.arrays import FloatArray


class Momentum(Optimizer):
    """Gradient descent with momentum: ``v = 0.9 v + g``, ``p -= rate v``.

    Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML
    2013, with the rate outside of the velocity, as PyTorch has it.
    """

    code = spans.MOMENTUM
    state_names = ("velocity",)
    momentum = np.float32(0.9)

    def constants(self, step: int) -> FloatArray:
        constants = super().constants(step)
        constants[spans.MU] = self.momentum
        return constants

    def touched_constants(
        self, rate: np.float32, scale: np.float32, step: int
    ) -> tuple[float, ...]:
        return float(rate), float(scale), float(self.momentum)
