"""Gradient descent with momentum."""

from __future__ import annotations

import numpy as np

from fit_image.nn.optimizers import spans
from fit_image.nn.optimizers.base import Optimizer, TouchedStep
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import kernel


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

    def update_touched(
        self, parameters: FloatArray, gradient: FloatArray, step: TouchedStep
    ) -> None:
        vectors = parameters, gradient, self.state["velocity"]
        starts, length, rate, scale, _ = step
        _touched_momentum_kernel(*vectors, starts, length, rate, scale, self.momentum)


@kernel
def _touched_momentum_kernel(parameters, gradient, velocity, starts, length, rate, scale, mu):
    for start in starts:
        stop = start + length
        p, g, v = parameters[start:stop], gradient[start:stop], velocity[start:stop]
        for i in range(length):
            touched = g[i] != np.float32(0.0)
            v_i = mu * v[i] + scale * g[i]
            v[i] = v_i if touched else v[i]
            p[i] = p[i] - rate * v_i if touched else p[i]
            g[i] = np.float32(0.0)
