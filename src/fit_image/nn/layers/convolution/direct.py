"""Direct convolution of few channels: images are laid out in planes, along whose rows vectors run.

The rows of a plane follow one another at once, with the zero padding between them. So the
neighbours of a pixel lie at fixed distances, the same for all pixels, and a weight is multiplied by
a vector of neighbours: no lane is idle, however few the channels, except those between two rows.
The gradient with respect to the input is a convolution of the same kind, with the kernel flipped
(Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import activate, constants_of, differentiate
from fit_image.nn.layers.convolution.geometry import Geometry
from fit_image.nn.layers.convolution.planes import (
    Filters,
    Image,
    Planes,
    add_outer,
    correlate,
    from_planes,
    to_planes,
)
from fit_image.nn.layers.kernel_args import BoundActivation, Grads
from fit_image.nn.layers.layer import PARTS, Call
from fit_image.nn.runtime.arrays import FloatArray, Matrix, aligned_zeros, vector
from fit_image.nn.runtime.barrier import barrier, share
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.simd import WIDTH, broadcast, fma, hsum, load
from fit_image.nn.runtime.threads import ThreadPool

_MOST_CHANNELS, _MOST_WEIGHTS = 16, 4096
"""With more, matrix products are as fast, and the gradient, kept in vectors, is large."""


class DirectCache(NamedTuple):
    """Values of a batch that the backward pass needs, and memory for it."""

    sums: FloatArray  # (samples, channels, size), flat; then slopes of the activation
    parts: FloatArray  # (PARTS, parameters without padding, WIDTH): the gradient, in vectors


class _Plan(NamedTuple):
    """Sizes of the planes, and what else is the same in all calls."""

    geometry: Geometry
    activation: BoundActivation
    pitch: int  # distance from one row of a plane to the next
    size: int  # of a plane of outputs: rows, the gaps between them, and the last vector
    length: int  # of a plane with zero padding
    first: int  # offset of the image in a plane of inputs
    first_back: int  # and in a plane of gradients


class _Scratch(NamedTuple):
    """Memory of a thread, for one sample."""

    inputs: FloatArray  # planes with padding
    outputs: FloatArray  # planes of outputs, or of the gradient, then with padding
    below: FloatArray  # planes of the gradient with respect to the input
    filters: FloatArray  # weights and biases in the order of `Filters`


def is_direct(geometry: Geometry) -> bool:
    """Return whether direct convolution is the faster algorithm."""
    few = geometry.out_channels <= _MOST_CHANNELS
    return few and geometry.fan_in * geometry.out_channels <= _MOST_WEIGHTS and geometry.stride == 1


class DirectConvolution:
    """Convolution in planes; `conv2d.Conv2D` uses it for few channels."""

    def __init__(self, geometry: Geometry, activation: BoundActivation) -> None:
        padding = geometry.kernel_size - 1
        pitch = geometry.width + padding
        size = -(-geometry.height * pitch // WIDTH) * WIDTH
        self._plan = _Plan(
            geometry,
            activation,
            pitch,
            size,
            -(-(size + padding * (pitch + 1)) // WIDTH) * WIDTH,
            geometry.above * pitch + geometry.before,
            (padding - geometry.above) * pitch + padding - geometry.before,
        )

    def make_cache(self, batch_size: int) -> DirectCache:
        """Return memory for the weighted sums of a batch, and for the gradient in parts."""
        geometry = self._plan.geometry
        units = geometry.out_channels
        return DirectCache(
            aligned_zeros(batch_size * units * self._plan.size),
            aligned_zeros(PARTS, (geometry.fan_in + 1) * units * WIDTH),
        )

    def forward(self, call: Call) -> None:
        """Compute ``call.y``; threads take whole samples."""
        arguments = self._plan, call.params, call.x.reshape(-1), call.y.reshape(-1), call.cache
        memory = self._scratch(call.pool, self._plan.size, 0)
        call.pool.run_kernel(_forward_kernel, *arguments, memory=memory)

    def backward(self, call: Call, grads: Grads) -> None:
        """Compute the gradients; threads take parts of the batch."""
        arguments = self._plan, call.params, call.x.reshape(-1), call.cache, grads
        memory = self._scratch(call.pool, self._plan.length, self._plan.size)
        call.pool.run_kernel(_backward_kernel, *arguments, memory=memory)

    def _scratch(self, pool: ThreadPool, out_length: int, below_length: int) -> list[_Scratch]:
        geometry, length = self._plan.geometry, self._plan.length
        channels, units = geometry.in_channels, geometry.out_channels
        planes = channels * length, units * out_length, channels * below_length
        sizes = *planes, (geometry.fan_in + 1) * units
        return [_Scratch(*map(aligned_zeros, sizes)) for _ in range(pool.threads)]


@kernel
def _forward_kernel(plan, params, x, y, cache, scratch, worker):
    geometry, activation = plan.geometry, plan.activation
    height, width, channels = geometry.height, geometry.width, geometry.in_channels
    units, side, columns = geometry.out_channels, geometry.kernel_size, geometry.columns
    weights = scratch.filters
    for u in range(units):
        for m in range(channels):
            for tap in range(side * side):
                weight = params[(tap * channels + m) * columns + u]
                weights[(u * channels + m) * side * side + tap] = weight
        weights[geometry.fan_in * units + u] = params[geometry.fan_in * columns + u]
    filters = Filters(weights, side, channels, units, True)
    pixels, count = height * width, units * plan.size
    samples = y.size // (pixels * units)
    first, stop = share(samples, worker)
    for sample in range(first, stop):
        start = sample * count
        image = Image(x, sample * pixels * channels, height, width, channels)
        to_planes(image, Planes(scratch.inputs, plan.first, plan.pitch, plan.length))
        correlate(
            Planes(scratch.inputs, 0, plan.pitch, plan.length),
            filters,
            Planes(cache.sums, start, plan.pitch, plan.size),
        )
        constants = constants_of(activation.constants, 0)
        sums, values = Matrix(cache.sums, start, count, 1), Matrix(scratch.outputs, 0, count, 1)
        activate(sums, values, 1, count, activation.code, constants)
        outputs = Planes(scratch.outputs, 0, plan.pitch, plan.size)
        from_planes(outputs, Image(y, sample * pixels * units, height, width, units))


@kernel
def _backward_kernel(plan, params, x, cache, grads, scratch, worker):
    geometry = plan.geometry
    height, width, channels = geometry.height, geometry.width, geometry.in_channels
    units, pixels, pitch = geometry.out_channels, geometry.height * geometry.width, plan.pitch
    _flip(geometry, params, scratch.filters)
    flipped = Filters(scratch.filters, geometry.kernel_size, units, channels, False)
    samples, count = grads.y.size // (pixels * units), cache.parts.shape[0]
    for part in range(worker.thread, count, worker.threads):
        own = cache.parts[part]
        if grads.params.size > 0:
            for i in range(own.size):
                own[i] = np.float32(0.0)
        for sample in range(samples * part // count, samples * (part + 1) // count):
            image = Image(grads.y, sample * pixels * units, height, width, units)
            _lay_deltas(plan, image, cache.sums, sample, scratch.outputs)
            deltas = Planes(scratch.outputs, plan.first_back, pitch, plan.length)
            if grads.params.size > 0:
                image = Image(x, sample * pixels * channels, height, width, channels)
                to_planes(image, Planes(scratch.inputs, plan.first, pitch, plan.length))
                inputs = Planes(scratch.inputs, 0, pitch, plan.length)
                add_outer(geometry.kernel_size, plan.size, inputs, channels, deltas, units, own)
            if grads.x.size > 0:
                below = Planes(scratch.below, 0, pitch, plan.size)
                correlate(Planes(scratch.outputs, 0, pitch, plan.length), flipped, below)
                start = sample * pixels * channels
                from_planes(below, Image(grads.x, start, height, width, channels))
    barrier(worker.counts, worker.thread, worker.threads)
    if grads.params.size > 0:
        _add_parts(geometry, cache.parts, grads, worker)


@inner
def _flip(geometry, params, weights):
    """Write the flipped kernel, with a filter for every input channel."""
    channels, units = geometry.in_channels, geometry.out_channels
    taps, columns = geometry.kernel_size * geometry.kernel_size, geometry.columns
    for u in range(units):
        for m in range(channels):
            for tap in range(taps):
                weight = params[(tap * channels + m) * columns + u]
                weights[(m * units + u) * taps + taps - 1 - tap] = weight


@inner
def _lay_deltas(plan, image, sums, sample, target):
    """Lay the gradient with respect to the sums of a sample in planes."""
    activation, units, count = plan.activation, image.channels, plan.size
    start = sample * units * count
    constants = constants_of(activation.constants, 0)
    sums_of_sample = Matrix(sums, start, units * count, 1)
    differentiate(sums_of_sample, 1, units * count, activation.code, constants)
    to_planes(image, Planes(target, plan.first_back, plan.pitch, plan.length))
    for u in range(units):
        for y in range(image.height):
            slopes = vector(sums, start + u * count + y * plan.pitch, image.width)
            offset = u * plan.length + plan.first_back + y * plan.pitch
            row = vector(target, offset, image.width)
            for x in range(image.width):
                row[x] *= slopes[x]


@inner
def _add_parts(geometry, parts, grads, worker):
    """Add the gradients of the parts in order; each thread does a share of the numbers."""
    units, channels, columns = geometry.out_channels, geometry.in_channels, geometry.columns
    taps = geometry.kernel_size * geometry.kernel_size
    count, target, scale = (geometry.fan_in + 1) * units, grads.params, np.float32(grads.scale)
    one = broadcast(np.float32(1.0))
    first, stop = share(count, worker)
    for i in range(first, stop):
        vectors = load(parts[0], i * WIDTH)
        for part in range(1, parts.shape[0]):
            vectors = fma(load(parts[part], i * WIDTH), one, vectors)
        k, u = i // units, i % units
        row = k % taps * channels + k // taps if k < geometry.fan_in else k
        if not grads.add:
            target[row * columns + u] = np.float32(0.0)
        target[row * columns + u] += scale * hsum(vectors)
