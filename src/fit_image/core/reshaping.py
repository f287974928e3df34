"""Samples in another shape, number by number the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fit_image.core.dense import FloatArray
from fit_image.core.stage import Shape, Stage, Workers


class Reshaping(Stage):
    """Gives samples another shape, as where a dense stage makes a picture.

    Parameters
    ----------
    inputs, outputs : tuple of int
        Shapes of as many numbers.

    Raises
    ------
    ValueError
        If one has more numbers than the other.
    """

    def __init__(self, inputs: Shape, outputs: Shape) -> None:
        if math.prod(inputs) != math.prod(outputs):
            raise ValueError(f"numbers of shape {inputs} do not fit in {outputs}")
        super().__init__(inputs, outputs, 0, 0)

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
        """See `Stage.forward`."""
        outputs[:] = inputs.reshape(outputs.shape)

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
    ) -> None:
        """See `Stage.backward`."""
        if by_inputs is not None:
            by_inputs[:] = by_outputs.reshape(by_inputs.shape)
