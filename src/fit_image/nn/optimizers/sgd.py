"""Plain gradient descent by batches; that by single samples is in `training.per_sample_sgd`."""

from __future__ import annotations

import numpy as np

from fit_image.nn.optimizers.base import Optimizer, Step, TouchedStep
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import kernel


class SGD(Optimizer):
    """Plain gradient descent: ``p -= rate g``."""

    def update(self, parameters: FloatArray, gradient: FloatArray, step: Step) -> None:
        _sgd_kernel(parameters, gradient, step.spans, step.rates, step.scale)

    def update_touched(
        self, parameters: FloatArray, gradient: FloatArray, step: TouchedStep
    ) -> None:
        rate = step.rate * step.scale
        _touched_sgd_kernel(parameters, gradient, step.starts, step.length, rate)


@kernel
def _sgd_kernel(parameters, gradient, spans, rates, scale):
    for span in range(spans.shape[0]):
        start, stop = spans[span]
        p, g = parameters[start:stop], gradient[start:stop]
        rate = rates[span] * scale
        for i in range(p.size):
            p[i] -= rate * g[i]


@kernel
def _touched_sgd_kernel(parameters, gradient, starts, length, rate):
    for start in starts:
        p, g = parameters[start : start + length], gradient[start : start + length]
        for i in range(length):
            p[i] -= rate * g[i]
            g[i] = np.float32(0.0)
