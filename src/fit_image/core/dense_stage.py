"""Dense layers as stages of a chain."""

from __future__ import annotations

import math

import numpy as np

from fit_image.core import affine
from fit_image.core.affine import padded
from fit_image.core.chain import Shape
from fit_image.core.dense import FloatArray
from fit_image.core.weighted import Layout, Weighted


class Dense(Weighted):
    """Every unit sees all numbers of a sample, whatever its shape.

    Parameters
    ----------
    inputs : tuple of int
        Shape of a sample.
    units : int
    activation : str
        A key of `fit_image.core.activations.ACTIVATIONS`.
    slope, omega, scale : float
        See `fit_image.core.layer.Layer`.
    deviation : float
        Of the normal from which the first weights are drawn; biases begin as zeros.
    """

    def __init__(
        self,
        inputs: Shape,
        units: int,
        activation: str = "identity",
        *,
        slope: float = 0.01,
        omega: float = 30.0,
        scale: float = 10.0,
        deviation: float = 0.02,
    ) -> None:
        fan_in, width = math.prod(inputs), padded(units)
        layout = Layout(fan_in, units, padded(fan_in), width, width, 1, fan_in * width)
        size, count = (fan_in + 1) * width, (fan_in + 1) * units
        super().__init__(inputs, (units,), layout, size, count, activation, slope, omega, scale)
        self._deviation = deviation

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """See `Stage.initialise`."""
        rows = affine.matrix(parameters, self._layout.fan_in)
        affine.draw_normal(rows, self._layout.units, self._deviation, rng)
