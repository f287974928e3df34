"""Batch normalisation: every channel with mean 0 and variance 1, then scaled and shifted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.nn.activations import activate, constants_of, differentiate
from fit_image.nn.layers.kernel_args import BoundActivation, Grads
from fit_image.nn.layers.layer import PARTS, Call, Layer, Shape
from fit_image.nn.runtime.arrays import FloatArray, Matrix, aligned_zeros, padded_size, vector
from fit_image.nn.runtime.barrier import barrier
from fit_image.nn.runtime.jit import inner, kernel

EPSILON = np.float32(1e-5)
"""Added to a variance, so that it is not zero."""


class BatchNormCache(NamedTuple):
    """Values of a batch that the backward pass needs."""

    normal: FloatArray  # (samples * pixels, channels), flat: mean 0 and variance 1
    sums: FloatArray  # the same, scaled and shifted; then the gradient with respect to them
    inverse: FloatArray  # (channels,): reciprocal of the standard deviation
    factors: FloatArray  # (3, channels): what one thread computes of the sums for all
    parts: npt.NDArray[np.float64]  # (PARTS, 2, channels): sums over each part of the batch


class BatchNorm(Layer):
    """Normalises every channel over the batch, then applies a learned scale and shift.

    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", ICML 2015. The statistics are always those of the batch at hand, as in the
    program ``hardmaru/resnet-cppn-gan-tensorflow``: the output of a sample depends on the others.

    Parameters
    ----------
    shape : tuple of int
        Shape of a sample; the channels come last.
    activation : str or BoundActivation
        Applied to the result.
    """

    def __init__(self, shape: Shape, activation: str | BoundActivation = "identity") -> None:
        self._channels = shape[-1]
        super().__init__(shape, shape, 2 * padded_size(self._channels), 2 * self._channels)
        self._activation = BoundActivation.of(activation)

    def init_params(self, params: FloatArray, rng: np.random.Generator) -> None:
        """Draw the scales from a normal with mean 1 and standard deviation 0.02; shifts are 0."""
        drawn = rng.standard_normal(self._channels, dtype=np.float32)
        params[: self._channels] = 1.0 + np.float32(0.02) * drawn

    def named_params(self, params: FloatArray) -> dict[str, FloatArray]:
        """Return "weight" (the scales) and "bias" (the shifts), a number for each channel."""
        scales, shifts = params.reshape(2, -1)[:, : self._channels]
        return {"weight": scales, "bias": shifts}

    def make_cache(self, batch_size: int) -> BatchNormCache:
        size = batch_size * int(np.prod(self.in_shape))
        return BatchNormCache(
            aligned_zeros(size),
            aligned_zeros(size),
            np.zeros(self._channels, dtype=np.float32),
            np.zeros((3, self._channels), dtype=np.float32),
            np.zeros((PARTS, 2, self._channels)),
        )

    def forward(self, call: Call) -> None:
        """Normalise, scale and shift; each thread takes whole parts of the batch."""
        x, y = call.x.reshape(-1, self._channels), call.y.reshape(-1)
        call.pool.run_kernel(_forward_kernel, self._activation, call.params, x, y, call.cache)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Differentiate through the statistics of the batch, too."""
        call.pool.run_kernel(_backward_kernel, self._activation, call.params, call.cache, grads)


@kernel
def _forward_kernel(activation, params, x, y, cache, worker):
    counts, thread, threads = worker
    rows, channels = x.shape
    normal, sums, inverse, factors, parts = cache
    means = factors[0]
    count, shifts = parts.shape[0], params.size // 2
    for part in range(thread, count, threads):
        total, squares = parts[part, 0], parts[part, 1]
        for j in range(channels):
            total[j] = squares[j] = 0.0
        for i in range(rows * part // count, rows * (part + 1) // count):
            for j in range(channels):
                value = np.float64(x[i, j])
                total[j] += value
                squares[j] += value * value
    barrier(counts, thread, threads)
    if thread == 0:
        for j in range(channels):
            total_, squares_ = 0.0, 0.0
            for part in range(count):
                total_ += parts[part, 0, j]
                squares_ += parts[part, 1, j]
            mean = total_ / rows
            variance = max(squares_ / rows - mean * mean, 0.0)
            means[j] = mean
            inverse[j] = 1.0 / np.sqrt(variance + EPSILON)
    barrier(counts, thread, threads)
    for part in range(thread, count, threads):
        first, stop = rows * part // count, rows * (part + 1) // count
        for i in range(first, stop):
            own = vector(normal, i * channels, channels)
            scaled = vector(sums, i * channels, channels)
            for j in range(channels):
                value = (x[i, j] - means[j]) * inverse[j]
                own[j] = value
                scaled[j] = params[j] * value + params[shifts + j]
        part_sums = Matrix(sums, first * channels, channels, 1)
        part_y = Matrix(y, first * channels, channels, 1)
        values, constants = (stop - first) * channels, constants_of(activation.constants, 0)
        activate(part_sums, part_y, 1, values, activation.code, constants)


@kernel
def _backward_kernel(activation, params, cache, grads, worker):
    counts, thread, threads = worker
    normal, sums, parts = cache.normal, cache.sums, cache.parts
    channels, grad_y = cache.inverse.size, grads.y
    rows = grad_y.size // channels
    count, shifts = parts.shape[0], params.size // 2
    for part in range(thread, count, threads):
        grad_scale, grad_shift = parts[part, 0], parts[part, 1]
        for j in range(channels):
            grad_scale[j] = grad_shift[j] = 0.0
        first, stop = rows * part // count, rows * (part + 1) // count
        constants = constants_of(activation.constants, 0)
        values = (stop - first) * channels
        part_sums = Matrix(sums, first * channels, channels, 1)
        differentiate(part_sums, 1, values, activation.code, constants)
        for i in range(first, stop):
            deltas = vector(sums, i * channels, channels)
            own = vector(normal, i * channels, channels)
            above = vector(grad_y, i * channels, channels)
            for j in range(channels):
                deltas[j] *= above[j]
                grad_shift[j] += np.float64(deltas[j])
                grad_scale[j] += np.float64(deltas[j] * own[j])
    barrier(counts, thread, threads)
    grad_scales, grad_shifts = parts[0, 0], parts[0, 1]
    if thread == 0:
        for part in range(1, count):
            for j in range(channels):
                grad_scales[j] += parts[part, 0, j]
                grad_shifts[j] += parts[part, 1, j]
        # Mean and variance depend on every sample, too: equations of section 3.
        for j in range(channels):
            cache.factors[0, j] = params[j] * cache.inverse[j]
            cache.factors[1, j] = grad_scales[j] / rows
            cache.factors[2, j] = grad_shifts[j] / rows
    barrier(counts, thread, threads)
    if grads.x.size > 0:
        _to_input(cache, grads.x, thread, threads)
    target = grads.params
    if target.size > 0 and thread == 0:
        for j in range(channels):
            if not grads.add:
                target[j] = target[shifts + j] = np.float32(0.0)
            target[j] += np.float32(grads.scale * grad_scales[j])
            target[shifts + j] += np.float32(grads.scale * grad_shifts[j])


@inner
def _to_input(cache, grad_x, thread, threads):
    """Write the gradient with respect to the input."""
    normal, sums = cache.normal, cache.sums
    channels, count = cache.inverse.size, cache.parts.shape[0]
    rows = grad_x.size // channels
    factors, scales, shares = cache.factors[0], cache.factors[1], cache.factors[2]
    for part in range(thread, count, threads):
        for i in range(rows * part // count, rows * (part + 1) // count):
            deltas = vector(sums, i * channels, channels)
            own = vector(normal, i * channels, channels)
            below = vector(grad_x, i * channels, channels)
            for j in range(channels):
                below[j] = factors[j] * (deltas[j] - shares[j] - own[j] * scales[j])
