"""Conv2D: convolutions of images whose channels come last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fit_image.nn.layers import affine
from fit_image.nn.layers.convolution.cache import CachedConvolution
from fit_image.nn.layers.convolution.direct import DirectConvolution, is_direct
from fit_image.nn.layers.convolution.geometry import Geometry, make_geometry
from fit_image.nn.layers.convolution.im2col import Im2colConvolution
from fit_image.nn.layers.convolution.implicit_gemm import ImplicitGemmConvolution
from fit_image.nn.layers.convolution.winograd import WinogradConvolution, is_winograd
from fit_image.nn.layers.kernel_args import BoundActivation, Grads
from fit_image.nn.layers.layer import Call, Layer, Shape
from fit_image.nn.runtime.arrays import FloatArray

_Algorithm = DirectConvolution | CachedConvolution


class Conv2D(Layer):
    """A convolution with zero padding such that n rows become n / stride, rounded up.

    Where the number of padding rows is odd, one more lies below the image than above. Kernels of
    3 x 3 between channels in multiples of 16 take Winograd's transforms, with rounding errors of
    up to 3e-5 of the largest output.

    Parameters
    ----------
    in_shape : tuple of int
        Height, width and channels.
    std : float
        Standard deviation of the normal from which the initial weights are drawn, truncated at two
        deviations; biases start as zeros.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_channels: int,
        kernel_size: int,
        stride: int,
        activation: str | BoundActivation = "identity",
        *,
        std: float = 0.02,
    ) -> None:
        geometry = make_geometry(in_shape, out_channels, kernel_size, stride)
        super().__init__(
            in_shape,
            (geometry.out_height, geometry.out_width, out_channels),
            (geometry.fan_in + 1) * geometry.columns,
            (geometry.fan_in + 1) * out_channels,
        )
        self._algorithm = _algorithm(geometry)(geometry, BoundActivation.of(activation))
        self.adds_skip = isinstance(self._algorithm, CachedConvolution)
        self._geometry = geometry
        self._std = std

    def init_params(self, params: FloatArray, rng: np.random.Generator) -> None:
        rows = affine.rows(params, self._geometry.fan_in, self._geometry.out_channels)
        affine.draw_normal(rows, self._std, rng, bound=2.0)

    def named_params(self, params: FloatArray) -> dict[str, FloatArray]:
        """Return "weight" (kernel height, kernel width, in channels, out channels) and "bias"."""
        geometry = self._geometry
        side, units = geometry.kernel_size, geometry.out_channels
        rows = affine.rows(params, geometry.fan_in, units)
        shape = (side, side, geometry.in_channels, units)
        return {"weight": rows[:-1].reshape(shape), "bias": rows[-1]}

    def make_cache(self, batch_size: int) -> Any:
        return self._algorithm.make_cache(batch_size)

    def make_inference_cache(self, batch_size: int) -> Any:
        keeps = isinstance(self._algorithm, DirectConvolution)
        return self.make_cache(batch_size if keeps else 0)

    def forward(self, call: Call) -> None:
        self._algorithm.forward(call)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Compute the gradients, those of the weights summed over parts of the batch."""
        self._algorithm.backward(call, grads)


def _algorithm(geometry: Geometry) -> Callable[[Geometry, BoundActivation], _Algorithm]:
    """Return the fastest algorithm."""
    if is_direct(geometry):
        return DirectConvolution
    if is_winograd(geometry):
        return WinogradConvolution
    return ImplicitGemmConvolution if geometry.stride == 1 else Im2colConvolution
