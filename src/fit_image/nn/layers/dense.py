"""Dense layers as stages of a chain."""

from __future__ import annotations

import math

import numpy as np

from fit_image.nn.layers import affine
from fit_image.nn.layers.affine import padded_width
from fit_image.nn.layers.affine_layer import AffineLayer, Layout
from fit_image.nn.layers.layer import Shape
from fit_image.nn.runtime.arrays import FloatArray


class Dense(AffineLayer):
    """Every unit sees all numbers of a sample, whatever its shape.

    Parameters
    ----------
    inputs : tuple of int
        Shape of a sample.
    units : int
    activation : str
        A key of `fit_image.nn.activations.ACTIVATIONS`.
    slope, omega, scale : float
        See `fit_image.nn.mlp.layer_spec.LayerSpec`.
    deviation : float
        Of the normal from which the first weights are drawn; biases begin as zeros.
    mirrored : bool
        Whether there is room for the biases of a `fit_image.nn.layers.tied_dense.TiedDense`, behind the others.
    outputs : tuple of int, optional
        Shape of what comes out, which is as many numbers as units; default: a vector.

    Raises
    ------
    ValueError
        If ``outputs`` are another number.

    Attributes
    ----------
    mirrored : bool
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
        mirrored: bool = False,
        outputs: Shape | None = None,
    ) -> None:
        outputs = (units,) if outputs is None else outputs
        if math.prod(outputs) != units:
            raise ValueError(f"{units} units are not outputs {outputs}")
        fan_in, width = math.prod(inputs), padded_width(units)
        layout = Layout(
            fan_in=fan_in,
            units=units,
            input_row=padded_width(fan_in),
            unit_row=width,
            across_inputs=width,
            across_units=1,
            biases=fan_in * width,
        )
        size, count = (fan_in + 1) * width, (fan_in + 1) * units
        if mirrored:
            size, count = size + padded_width(fan_in), count + fan_in
        super().__init__(inputs, outputs, layout, size, count, activation, slope, omega, scale)
        self.mirrored = mirrored
        self._deviation = deviation

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """See `Stage.initialise`."""
        rows = affine.matrix(parameters, self.layout.fan_in, self.layout.unit_row)
        affine.draw_normal(rows, self.layout.units, self._deviation, rng)
