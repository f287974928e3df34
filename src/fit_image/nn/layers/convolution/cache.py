"""Memory from the forward to the backward pass of a convolution, and the gradient's parts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.layers.convolution.geometry import Geometry
from fit_image.nn.layers.layer import PARTS
from fit_image.nn.runtime.arrays import FloatArray, aligned_zeros, vector
from fit_image.nn.runtime.barrier import share
from fit_image.nn.runtime.jit import inner


class ConvolutionCache(NamedTuple):
    """Values of a batch that the backward pass needs, and memory for it."""

    sums: FloatArray  # (samples * pixels, columns), flat; then the gradient with respect to them
    parts: FloatArray  # (PARTS, size of the parameters): the gradient of each part of the batch


def make_cache(geometry: Geometry, batch_size: int) -> ConvolutionCache:
    """Return memory for so many samples; for none, where no backward pass follows."""
    columns = geometry.columns
    return ConvolutionCache(
        aligned_zeros(batch_size * geometry.height * geometry.width * columns),
        aligned_zeros(PARTS if batch_size else 0, (geometry.fan_in + 1) * columns),
    )


@inner
def add_parts(geometry, parts, grads, worker):
    """Add the gradients of the parts in order; each thread does a share of the rows."""
    units, columns, scale = geometry.out_channels, geometry.columns, np.float32(grads.scale)
    first, stop = share(geometry.fan_in + 1, worker)
    for row in range(first, stop):
        target = vector(grads.params, row * columns, units)
        if not grads.add:
            for i in range(units):
                target[i] = np.float32(0.0)
        for part in range(parts.shape[0]):
            own = vector(parts[part], row * columns, units)
            for i in range(units):
                target[i] += scale * own[i]
