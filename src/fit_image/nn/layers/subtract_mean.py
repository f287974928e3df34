"""Subtraction of the mean sample."""

from __future__ import annotations

import numpy as np

from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import Call, Layer
from fit_image.nn.runtime.arrays import FloatArray


class SubtractMean(Layer):
    """Subtracts the mean of the samples, which is given and not learned.

    Without it, all units see the same large values in every sample, and gradient descent along
    these slows down everything else (LeCun et al., "Efficient backprop", 1998, section 4.3).

    Parameters
    ----------
    mean : float32, shape of a sample
    """

    def __init__(self, mean: FloatArray) -> None:
        super().__init__(mean.shape, mean.shape)
        self.mean = mean

    def forward(self, call: Call) -> None:
        """Compute ``y = x - mean``."""
        np.subtract(call.x, self.mean, out=call.y)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Copy the gradient; there are no parameters."""
        if grads.x.size:
            grads.x[:] = grads.y
