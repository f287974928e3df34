"""Convolutions of pictures whose maps come last."""

from __future__ import annotations

from typing import Any

import numpy as np

from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.layers import affine
from fit_image.nn.layers.affine import padded_width
from fit_image.nn.layers.convolution.direct import DirectConvolution, is_direct
from fit_image.nn.layers.convolution.geometry import Geometry
from fit_image.nn.layers.convolution.im2col import Im2colConvolution
from fit_image.nn.layers.layer import Layer, Shape, Workers
from fit_image.nn.runtime.arrays import FloatArray


class Conv2D(Layer):
    """Every unit sees a square of the picture, at every place the same way.

    Beyond the picture there are zeros, such that a picture of n rows makes n / stride of
    them, rounded up; where their number is odd, one more lies behind than before.

    Parameters
    ----------
    inputs : tuple of int
        Height, width and maps.
    units : int
        Maps that come out.
    side, stride : int
        Of the squares, and from one to the next.
    activation : str
        A key of `fit_image.nn.activations.ACTIVATIONS`.
    slope, omega, scale : float
        See `fit_image.nn.mlp.layer_spec.LayerSpec`.
    deviation : float
        Of the normal from which the first weights are drawn, none beyond two deviations; biases
        begin as zeros.
    """

    def __init__(
        self,
        inputs: Shape,
        units: int,
        side: int,
        stride: int,
        activation: str = "identity",
        *,
        slope: float = 0.01,
        omega: float = 30.0,
        scale: float = 10.0,
        deviation: float = 0.02,
    ) -> None:
        height, width, maps = inputs
        outs = [-(-length // stride) for length in (height, width)]
        zeros = [
            max((out - 1) * stride + side - length, 0)
            for out, length in zip(outs, (height, width), strict=True)
        ]
        fan_in = side * side * maps
        columns = padded_width(units)
        self._geometry = Geometry(
            height,
            width,
            maps,
            side,
            stride,
            zeros[0] // 2,
            zeros[1] // 2,
            outs[0],
            outs[1],
            units,
            columns,
            fan_in,
            padded_width(fan_in),
        )
        super().__init__(inputs, (*outs, units), (fan_in + 1) * columns, (fan_in + 1) * units)
        constants = np.array([[slope, omega, scale]], dtype=np.float32)
        way = DirectConvolution if is_direct(self._geometry) else Im2colConvolution
        self._way: Any = way(self._geometry, ACTIVATIONS[activation].code, constants)
        self._deviation = deviation

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """See `Layer.initialise`."""
        rows = affine.matrix(parameters, self._geometry.fan_in, self._geometry.columns)
        affine.draw_normal(rows, self._geometry.units, self._deviation, rng, bound=2.0)

    def keep(self, samples: int) -> Any:
        """See `Layer.keep`."""
        return self._way.keep(samples)

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
        self._way.forward(parameters, inputs, outputs, kept, workers)

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
        if gradient is not None and not add:
            gradient[:] = 0.0
        self._way.backward(
            parameters, inputs, kept, by_outputs, gradient, by_inputs, workers, factor
        )
