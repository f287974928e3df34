"""Convolutions with memory from the forward to the backward pass, and the gradient's parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fit_image.nn.layers.convolution.geometry import Geometry
from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import PARTS, Call
from fit_image.nn.runtime.arrays import FloatArray, aligned_zeros, vector
from fit_image.nn.runtime.barrier import share
from fit_image.nn.runtime.jit import inner
from fit_image.nn.runtime.threads import ThreadPool


class ConvolutionCache(NamedTuple):
    """Values of a batch that the backward pass needs, and memory for it."""

    sums: FloatArray  # (samples * pixels, columns), flat; then the gradient with respect to them
    parts: FloatArray  # (PARTS, size of the parameters): the gradient of each part of the batch


class CachedConvolution(ABC):
    """A convolution that keeps the weighted sums for its backward pass, and nothing else.

    Parameters
    ----------
    geometry : Geometry
    plan : NamedTuple
        What is the same in all calls of the kernels: their first argument.
    kernels : tuple of two kernels
        Of the forward and the backward pass.
    sizes : sequence of int
        Lengths of the vectors in the memory of a thread, multiples of
        `fit_image.nn.runtime.arrays.LANES`.
    """

    def __init__(
        self,
        geometry: Geometry,
        plan: Any,
        kernels: tuple[Any, Any],
        sizes: Sequence[int],
    ) -> None:
        self._geometry, self._plan, self._sizes = geometry, plan, sizes
        self._arranged: tuple[Sequence[FloatArray], Sequence[Any]] = (), ()
        self._forward_kernel, self._backward_kernel = kernels

    def make_cache(self, batch_size: int) -> ConvolutionCache:
        """Return memory for so many samples; for none, where no backward pass follows."""
        geometry, columns = self._geometry, self._geometry.columns
        return ConvolutionCache(
            aligned_zeros(batch_size * geometry.out_height * geometry.out_width * columns),
            aligned_zeros(PARTS if batch_size else 0, (geometry.fan_in + 1) * columns),
        )

    def forward(self, call: Call) -> None:
        """Compute ``call.y``."""
        x, y, scratch = call.x.reshape(-1), call.y.reshape(-1), self._scratch(call.pool)
        arguments = self._plan, call.params, x, call.skip_vector, y, call.cache.sums
        call.pool.run_kernel(self._forward_kernel, *arguments, memory=scratch)

    def backward(self, call: Call, grads: Grads) -> None:
        """Compute the gradients; threads take parts of the batch."""
        arguments = self._plan, call.params, call.x.reshape(-1), call.cache, grads
        scratch = self._scratch(call.pool)
        call.pool.run_kernel(self._backward_kernel, *arguments, memory=scratch)

    def _scratch(self, pool: ThreadPool) -> Sequence[Any]:
        """Return the memory of each thread, as its kernels take it."""
        total, arranged = sum(self._sizes), self._arranged
        memory = pool.scratch(total)
        if arranged[0] is not memory:  # cutting takes as long as a small batch
            edges = np.cumsum(self._sizes)[:-1]
            arranged = memory, [self._arrange(np.split(each[:total], edges)) for each in memory]
            self._arranged = arranged
        return arranged[1]

    @abstractmethod
    def _arrange(self, vectors: Sequence[FloatArray]) -> Any:
        """Return the memory of a thread, given its vectors."""


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
