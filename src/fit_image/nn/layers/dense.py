"""Dense layers."""

from __future__ import annotations

import math

import numpy as np

from fit_image.nn.layers import affine
from fit_image.nn.layers.affine import AffineLayout
from fit_image.nn.layers.affine_layer import AffineLayer
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.layers.layer import Shape
from fit_image.nn.runtime.arrays import FloatArray, padded_size


class Dense(AffineLayer):
    """Connects every unit with all numbers of a sample, whatever its shape.

    Parameters
    ----------
    std : float
        Standard deviation of the normal from which the initial weights are drawn; biases start as
        zeros.
    tied : bool
        Whether the layer's span has room for the biases of a `tied_dense.TiedDense`.
    out_shape : tuple of int, optional
        Of ``units`` numbers in all. Default: a vector.
    skip : int
        See `fit_image.nn.layers.layer.Layer`.

    Raises
    ------
    ValueError
        If ``out_shape`` has another size.
    """

    def __init__(
        self,
        in_shape: Shape,
        units: int,
        activation: str | BoundActivation = "identity",
        *,
        std: float = 0.02,
        tied: bool = False,
        out_shape: Shape | None = None,
        skip: int = 0,
    ) -> None:
        out_shape = (units,) if out_shape is None else out_shape
        if math.prod(out_shape) != units:
            raise ValueError(f"{units} units do not have the shape {out_shape}")
        fan_in, width = math.prod(in_shape), padded_size(units)
        layout = AffineLayout(
            fan_in=fan_in,
            units=units,
            input_row=padded_size(fan_in),
            unit_row=width,
            across_inputs=width,
            across_units=1,
            biases=fan_in * width,
        )
        size, count = (fan_in + 1) * width, (fan_in + 1) * units
        if tied:
            size, count = size + padded_size(fan_in), count + fan_in
        super().__init__(in_shape, out_shape, layout, size, count, activation)
        self.tied = tied
        self.skip = skip
        self._std = std

    def init_params(self, params: FloatArray, rng: np.random.Generator) -> None:
        affine.draw_normal(self.rows(params), self._std, rng)

    def rows(self, params: FloatArray) -> FloatArray:
        """Return weights and biases (fan_in + 1, units), the biases last, as a view."""
        return affine.rows(params, self.layout.fan_in, self.layout.units)

    def named_params(self, params: FloatArray) -> dict[str, FloatArray]:
        """Return "weight" (units, fan_in) and "bias" (units,)."""
        rows = self.rows(params)
        return {"weight": rows[:-1].T, "bias": rows[-1]}
