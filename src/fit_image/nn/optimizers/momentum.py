"""Gradient descent with momentum."""

from __future__ import annotations

import numpy as np

from fit_image.nn.optimizers.base import Optimizer, Step, TouchedStep
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import kernel


class Momentum(Optimizer):
    """Gradient descent with momentum: ``v = 0.9 v + g``, ``p -= rate v``.

    Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML
    2013, with the rate outside of the velocity, as PyTorch has it.
    """

    state_names = ("velocity",)
    momentum = np.float32(0.9)

    def update(self, parameters: FloatArray, gradient: FloatArray, step: Step) -> None:
        vectors = parameters, gradient, self.state["velocity"]
        _momentum_kernel(*vectors, step.spans, step.rates, step.scale, self.momentum)

    def update_touched(
        self, parameters: FloatArray, gradient: FloatArray, step: TouchedStep
    ) -> None:
        vectors = parameters, gradient, self.state["velocity"]
        starts, length, rate, scale, _ = step
        _touched_momentum_kernel(*vectors, starts, length, rate, scale, self.momentum)


@kernel
def _momentum_kernel(parameters, gradient, velocity, spans, rates, scale, mu):
    for span in range(spans.shape[0]):
        start, stop = spans[span]
        p, g, v = parameters[start:stop], gradient[start:stop], velocity[start:stop]
        rate = rates[span]
        for i in range(p.size):
            v_i = mu * v[i] + scale * g[i]
            v[i] = v_i
            p[i] -= rate * v_i


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
