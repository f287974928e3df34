"""Plain gradient descent by batches; that by single samples is in `training.per_sample_sgd`."""

from __future__ import annotations

import numpy as np

from fit_image.nn.optimizers import spans
from fit_image.nn.optimizers.base import Optimizer, TouchedStep
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import kernel


class SGD(Optimizer):
    """Plain gradient descent: ``p -= rate g``."""

    code = spans.SGD

    def update_touched(
        self, parameters: FloatArray, gradient: FloatArray, step: TouchedStep
    ) -> None:
        rate = step.rate * step.scale
        _touched_sgd_kernel(parameters, gradient, step.starts, step.length, rate)


@kernel
def _touched_sgd_kernel(parameters, gradient, starts, length, rate):
    for start in starts:
        p, g = parameters[start : start + length], gradient[start : start + length]
        for i in range(length):
            p[i] -= rate * g[i]
            g[i] = np.float32(0.0)
