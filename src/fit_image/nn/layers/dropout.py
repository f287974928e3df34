"""Dropout: a random part of the units is left out during training."""

from __future__ import annotations

import numpy as np

from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import Call, Layer, Shape
from fit_image.nn.runtime.arrays import FloatArray, aligned_zeros


class Dropout(Layer):
    """Sets random values to 0 and scales the others up, so that the mean stays the same.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR
    2014. Without a random generator, nothing is left out.

    Parameters
    ----------
    shape : tuple of int
        Shape of a sample.
    keep_prob : float
        Probability that a value is kept, above 0 and up to 1.
    """

    def __init__(self, shape: Shape, keep_prob: float) -> None:
        super().__init__(shape, shape)
        if not 0 < keep_prob <= 1:
            raise ValueError(f"keep_prob must be above 0 and up to 1, not {keep_prob}")
        self._keep_prob = np.float32(keep_prob)

    def make_cache(self, batch_size: int) -> FloatArray:
        """Return memory for the factor of every value."""
        return aligned_zeros(batch_size, *self.in_shape)

    def forward(self, call: Call) -> None:
        """Draw the factors, 0 or 1 / keep_prob, and multiply by them."""
        factors = call.cache[: len(call.x)]
        if call.rng is None:
            factors[:] = 1.0
        else:
            drawn = call.rng.random(call.x.shape, dtype=np.float32)
            np.divide(drawn < self._keep_prob, self._keep_prob, out=factors, casting="unsafe")
        np.multiply(call.x, factors, out=call.y)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Multiply the gradient by the same factors; there are no parameters."""
        if grads.x.size:
            np.multiply(grads.y, call.cache[: len(call.x)].reshape(-1), out=grads.x)
