"""Samples that are learned: arrays as the kernels take them."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray


class Samples(NamedTuple):
    """Samples, and where their losses go."""

    inputs: FloatArray  # (samples, *in_shape)
    targets: FloatArray  # (samples, *out_shape)
    weights: FloatArray  # (samples,)
    losses: npt.NDArray[np.float64]  # (samples,)

    @classmethod
    def none(cls, network: Network) -> Self:
        """Return no samples."""
        inputs = np.empty((0, *network.in_shape), dtype=np.float32)
        targets = np.empty((0, *network.out_shape), dtype=np.float32)
        return cls(inputs, targets, np.empty(0, dtype=np.float32), np.empty(0))

    def part(self, start: int, count: int) -> Samples:
        """Return some of the samples, as views."""
        part = slice(start, start + count)
        inputs, targets, weights, losses = self
        return Samples(inputs[part], targets[part], weights[part], losses[part])


def accept_samples(
    network: Network, inputs: FloatArray, targets: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return samples as float32 and C-contiguous; ValueError if their shapes do not fit."""
    count = len(inputs)
    expected = (count, *network.in_shape), (count, *network.out_shape)
    if (inputs.shape, targets.shape) != expected:
        raise ValueError(f"shapes of samples {inputs.shape} and {targets.shape} do not fit")
    return (
        np.ascontiguousarray(inputs, dtype=np.float32),
        np.ascontiguousarray(targets, dtype=np.float32),
    )


def accept_numbers(numbers: FloatArray, samples: int) -> FloatArray:
    """Return one number a sample as float32, C-contiguous; ValueError for another shape."""
    if numbers.shape != (samples,):
        raise ValueError(f"{numbers.shape} numbers do not fit {samples} samples")
    return np.ascontiguousarray(numbers, dtype=np.float32)
