"""Plain gradient descent by batches; that by single samples is in `training.per_sample_sgd`."""

from __future__ import annotations

import numpy as np

from fit_image.nn.optimizers import spans
from fit_image.nn.optimizers.base import Optimizer


class SGD(Optimizer):
    """Plain gradient descent: ``p -= rate g``."""

    code = spans.SGD

    def touched_constants(
        self, rate: np.float32, scale: np.float32, step: int
    ) -> tuple[float, ...]:
        return (float(rate * scale),)
