"""Dropout: units that are left out by chance while training."""

from __future__ import annotations

import numpy as np

from fit_image.nn.layers.layer import Layer, Shape, Workers
from fit_image.nn.runtime.arrays import FloatArray, aligned_zeros


class Dropout(Layer):
    """Numbers that become 0 by chance; the others are made larger, so that the mean stays.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR
    2014. Without a random generator, nothing is left out.

    Parameters
    ----------
    shape : tuple of int
        Of a sample.
    keep : float
        Share of the numbers that stay, above 0 and up to 1.
    """

    def __init__(self, shape: Shape, keep: float) -> None:
        super().__init__(shape, shape, 0, 0)
        if not 0 < keep <= 1:
            raise ValueError(f"dropout keeps a share above 0 and up to 1, not {keep}")
        self._keep = np.float32(keep)

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """Nothing to draw."""

    def keep(self, samples: int) -> FloatArray:
        """Return memory for what every number is multiplied by."""
        return aligned_zeros(samples, *self.inputs)

    def forward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: FloatArray,
        workers: Workers,
        rng: np.random.Generator | None,
    ) -> None:
        """See `Layer.forward`."""
        factors = kept[: len(inputs)]
        if rng is None:
            factors[:] = 1.0
        else:
            drawn = rng.random(inputs.shape, dtype=np.float32)
            np.divide(drawn < self._keep, self._keep, out=factors, casting="unsafe")
        np.multiply(inputs, factors, out=outputs)

    def backward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: FloatArray,
        by_outputs: FloatArray,
        gradient: FloatArray | None,
        by_inputs: FloatArray | None,
        workers: Workers,
        factor: float = 1.0,
        add: bool = True,
    ) -> None:
        """See `Layer.backward`."""
        if by_inputs is not None:
            np.multiply(by_outputs, kept[: len(inputs)], out=by_inputs)
