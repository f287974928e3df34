"""What is the same in all samples, taken off."""

from __future__ import annotations

from typing import Any

import numpy as np

from fit_image.nn.layers.layer import Layer, Workers
from fit_image.nn.runtime.arrays import FloatArray


class SubtractMean(Layer):
    """Subtracts the mean of the samples, which is not learned.

    Without it, all units see the same large numbers in every sample, and descent along them is slow
    along all else (LeCun et al., "Efficient backprop", 1998, section 4.3).

    Parameters
    ----------
    mean : float32 array
        Shaped like a sample.
    """

    def __init__(self, mean: FloatArray) -> None:
        super().__init__(mean.shape, mean.shape, 0, 0)
        self.mean = mean

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """Nothing to draw."""

    def forward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Any,
        workers: Workers,
        rng: np.random.Generator | None,
    ) -> None:
        """See `Layer.forward`."""
        np.subtract(inputs, self.mean, out=outputs)

    def backward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Any,
        by_outputs: FloatArray,
        gradient: FloatArray | None,
        by_inputs: FloatArray | None,
        workers: Workers,
        factor: float = 1.0,
        add: bool = True,
    ) -> None:
        """See `Layer.backward`."""
        if by_inputs is not None:
            by_inputs[:] = by_outputs
