"""Subtraction of the mean sample."""

from __future__ import annotations

import numpy as np

from fit_image.nn.layers.layer import Call, GradMode, Layer
from fit_image.nn.runtime.arrays import FloatArray


class SubtractMean(Layer):
    """Subtracts the mean of the samples, which is given and not learned.

    Without it, all units see the same large values in every sample, and gradient descent along
    these slows down everything else (LeCun et al., "Efficient backprop", 1998, section 4.3).

    Parameters
    ----------
    mean : float32 array
        Shape of a sample.
    """

    def __init__(self, mean: FloatArray) -> None:
        super().__init__(mean.shape, mean.shape)
        self.mean = mean

    def forward(self, call: Call) -> None:
        """Compute ``y = x - mean``."""
        np.subtract(call.x, self.mean, out=call.y)

    def backward(
        self,
        call: Call,
        grad_y: FloatArray,
        grad_x: FloatArray | None = None,
        mode: GradMode = GradMode.WRITE,
        scale: float = 1.0,
    ) -> None:
        """Copy the gradient; there are no parameters."""
        if grad_x is not None:
            grad_x[:] = grad_y
