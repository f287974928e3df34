"""Specification of dense layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.runtime.arrays import FloatArray, IntArray, padded_size


@dataclass(frozen=True)
class LayerSpec:
    """A dense layer: ``fan_out`` units with ``fan_in`` weights and a bias each.

    Attributes
    ----------
    activation : str
        A key of `fit_image.nn.activations.ACTIVATIONS`.
    slope : float
        Slope of leaky-relu below zero.
    omega : float
        Frequency of sine, gabor and finer, in radians.
    scale : float
        How narrow the bells of gauss and gabor are.
    skip : int
        Layers of the residual block that ends here, whose input is added to its output; 0 where
        none ends. He et al., "Deep residual learning for image recognition", CVPR 2016.
    """

    fan_in: int
    fan_out: int
    activation: str
    slope: float = 0.01
    omega: float = 30.0
    scale: float = 10.0
    skip: int = 0

    @property
    def stride(self) -> int:
        """Length of one input's row in the parameter vector: its weights, and padding."""
        return padded_size(self.fan_out)

    @property
    def size(self) -> int:
        """Length of the layer's span of the parameter vector."""
        return (self.fan_in + 1) * self.stride

    @property
    def num_params(self) -> int:
        """Number of weights and biases, padding not counted."""
        return (self.fan_in + 1) * self.fan_out


def layer_table(layers: Sequence[LayerSpec], start: int = 0) -> IntArray:
    """Return the table for kernels, int64 (layers, 6): see `fit_image.nn.runtime.arrays.START`.

    ``start`` is where the first layer's span begins in the parameter vector.
    """
    rows = []
    for each in layers:
        code = ACTIVATIONS[each.activation].code
        rows.append((start, each.fan_in, each.fan_out, each.stride, code, each.skip))
        start += each.size
    return np.array(rows, dtype=np.int64)


def constants_table(layers: Sequence[LayerSpec]) -> FloatArray:
    """Return the constants of the layers' activations: float32 (layers, 3), see `activations`."""
    return np.array([(layer.slope, layer.omega, layer.scale) for layer in layers], dtype=np.float32)


def dense_stack(
    inputs: int,
    hidden: Sequence[int],
    outputs: int,
    slope: float = 0.01,
    *,
    activations: Sequence[str] = (),
    omega: float = 30.0,
    scale: float = 10.0,
    skips: Sequence[int] = (),
) -> list[LayerSpec]:
    """Return hidden layers of the ``hidden`` widths and an output layer.

    ``activations`` are those of all layers, the output layer last; without them, the hidden layers
    are leaky ReLUs and the output is linear. ``skips`` are those of all layers, too; without them,
    there are no residual blocks. `LayerSpec` describes the constants.
    """
    activations = activations or [*["leaky-relu"] * len(hidden), "identity"]
    skips = skips or [0] * len(activations)
    fans = itertools.pairwise([inputs, *hidden, outputs])
    return [
        LayerSpec(fan_in, fan_out, activation, slope, omega, scale, skip)
        for (fan_in, fan_out), activation, skip in zip(fans, activations, skips, strict=True)
    ]
