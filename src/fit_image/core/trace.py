"""The buffers of a batch, and the forward and the backward pass through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from fit_image.core import dense
from fit_image.core.dense import FloatArray

if TYPE_CHECKING:
    from fit_image.core.network import Layer


@dataclass
class Trace:
    """What a forward pass leaves for the backward pass; made once, used for many batches.

    Attributes
    ----------
    layers : sequence of Layer
    inputs : list of float32 (samples, stride)
        Each layer's input vectors, the constant 1 and the padding included.
    sums : list of float32 (samples, fan_out)
        Each layer's weighted sums before the activation; after `backward`, the derivatives of the
        loss by them.
    output : float32 (samples, outputs)
    scratch : float32 (samples, width of the widest layer)
    """

    layers: Sequence[Layer]
    inputs: list[FloatArray]
    sums: list[FloatArray]
    output: FloatArray
    scratch: FloatArray

    def __post_init__(self) -> None:
        samples, memory = len(self.output), self.scratch.reshape(-1)
        # Seen by each hidden layer's own width: kernels want rows without gaps.
        self._upstream = [
            memory[: samples * layer.fan_out].reshape(samples, layer.fan_out)
            for layer in self.layers[:-1]
        ]

    @classmethod
    def empty(cls, layers: Sequence[Layer], samples: int) -> Self:
        """Return buffers for so many samples."""
        return cls(
            layers,
            [padded_inputs(layer, samples) for layer in layers],
            [dense.aligned_zeros(samples, layer.fan_out) for layer in layers],
            dense.aligned_zeros(samples, layers[-1].fan_out),
            dense.aligned_zeros(samples, max(layer.fan_out for layer in layers)),
        )

    @staticmethod
    def numbers(layers: Sequence[Layer]) -> int:
        """Return how many numbers the buffers hold for a sample."""
        widest = max(layer.fan_out for layer in layers)
        return sum(each.stride + each.fan_out for each in layers) + layers[-1].fan_out + widest

    def part(self, start: int, stop: int) -> Trace:
        """Return the buffers of some of the samples, sharing their memory."""
        return Trace(
            self.layers,
            [each[start:stop] for each in self.inputs],
            [each[start:stop] for each in self.sums],
            self.output[start:stop],
            self.scratch[start:stop],
        )

    def forward(self, rows: Sequence[FloatArray], inputs: FloatArray) -> None:
        """Compute the outputs.

        Parameters
        ----------
        rows : sequence of float32 (fan_out, stride)
            Each layer's parameters, from `Network.rows`.
        inputs : float32 (samples, inputs)
        """
        self.inputs[0][:, : inputs.shape[1]] = inputs
        results = [*self.inputs[1:], self.output]
        for layer, weights, vectors, sums, result in zip(
            self.layers, rows, self.inputs, self.sums, results, strict=True
        ):
            np.matmul(vectors, weights.T, out=sums)
            dense.activate_into(result, sums, layer.activation, layer.slope)

    def backward(self, rows: Sequence[FloatArray], output_gradient: FloatArray) -> None:
        """Carry the loss gradient back, from the outputs to the first layer's weighted sums.

        Parameters
        ----------
        rows : sequence of float32 (fan_out, stride)
            As in `forward`.
        output_gradient : float32 (samples, outputs)
            Derivative of the loss by each output.
        """
        upstream = output_gradient
        for index in range(len(self.layers) - 1, -1, -1):
            layer, sums = self.layers[index], self.sums[index]
            dense.gradient_by_sums(sums, upstream, layer.activation, layer.slope)
            if index:
                upstream = self._upstream[index - 1]
                np.matmul(sums, rows[index][:, : layer.fan_in], out=upstream)


def padded_inputs(layer: Layer, samples: int) -> FloatArray:
    """Return input vectors of ``layer`` with the constant 1 that multiplies the bias."""
    vectors = dense.aligned_zeros(samples, layer.stride)
    vectors[:, layer.fan_in] = 1.0
    return vectors
