"""Convolution of many channels as a matrix product, of patches that lie in the images themselves.

Rows of images are laid with a border of zeros, a strip at a time, and the product reads the
patches there. The gradient with respect to the input is a convolution of the same kind, with the
kernel flipped (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
chapter 4); that with respect to the weights is the sum of the outer products of all patches and
their deltas, of which a tile at a time stays in registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fit_image.nn.kernels.addition import add_range
from fit_image.nn.layers import affine
from fit_image.nn.layers.convolution.bordered import (
    Bordered,
    add_outer,
    correlate,
    lay,
    vectors_of_group,
)
from fit_image.nn.layers.convolution.cache import CachedConvolution, add_parts
from fit_image.nn.layers.convolution.geometry import Geometry
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.runtime.arrays import FloatArray, Matrix, copy, padded_size, vector
from fit_image.nn.runtime.barrier import barrier, next_task
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.simd import WIDTH
from fit_image.nn.runtime.tiles import ROWS

_STRIP = 1 << 16
"""Numbers, about, of a strip of rows with its border, which stays in the second-level cache."""


class _Plan(NamedTuple):
    """Constants of all calls."""

    geometry: Geometry
    activation: BoundActivation
    rows: int  # of a strip


class _Scratch(NamedTuple):
    """Memory of a thread, for a strip."""

    inputs: Bordered
    deltas: Bordered
    filters: FloatArray  # see `bordered.correlate`
    outputs: FloatArray  # sums, or the gradient with respect to the input, with padding


class ImplicitGemmConvolution(CachedConvolution):
    """Convolution with stride 1; `conv2d.Conv2D` uses it where no other is faster.

    Parameters
    ----------
    strip : int
        Numbers, about, of the rows that a thread takes at a time, with their border. Does not
        change the result.
    """

    def __init__(
        self, geometry: Geometry, activation: BoundActivation, strip: int = _STRIP
    ) -> None:
        most = max(geometry.in_channels, geometry.out_channels)
        rows = max(strip // _pitch(geometry, most), 1)
        while rows > 1 and _laid_rows(geometry, rows) * _pitch(geometry, most) > strip:
            rows -= 1
        side, channels, units = geometry.kernel_size, geometry.in_channels, geometry.out_channels
        laid, pixels = _laid_rows(geometry, rows), rows * geometry.width
        widest = padded_size(max(channels, units))
        sizes = (
            padded_size(laid * _pitch(geometry, channels)),
            # Vectors that are not full are loaded whole.
            padded_size(laid * _pitch(geometry, units) + WIDTH),
            padded_size(2 * (pixels + ROWS)),
            padded_size(2 * (pixels + ROWS)),
            (side * side * max(channels, units) + 1) * widest,
            pixels * widest,
        )
        plan, kernels = _Plan(geometry, activation, rows), (_forward_kernel, _backward_kernel)
        super().__init__(geometry, plan, kernels, sizes)

    def _arrange(self, vectors: Sequence[FloatArray]) -> _Scratch:
        geometry, (x, d, *places, filters, outputs) = self._geometry, vectors
        side, channels, units = geometry.kernel_size, geometry.in_channels, geometry.out_channels
        shape = geometry.height, geometry.width
        before = side, geometry.above, geometry.before
        back = side, side - 1 - geometry.above, side - 1 - geometry.before
        x_places, d_places = (each.view(np.int64) for each in places)
        inputs = Bordered(x, x_places, *before, *shape, channels, _pitch(geometry, channels))
        deltas = Bordered(d, d_places, *back, *shape, units, _pitch(geometry, units))
        return _Scratch(inputs, deltas, filters, outputs)


def _pitch(geometry: Geometry, channels: int) -> int:
    """Return the numbers of a row with its border."""
    return (geometry.width + geometry.kernel_size - 1) * channels


def _laid_rows(geometry: Geometry, rows: int) -> int:
    """Return how many rows, with borders, are laid for a strip of so many, at most."""
    images = (rows + geometry.height - 2) // geometry.height + 1
    return rows + images * (geometry.kernel_size - 1)


@kernel
def _forward_kernel(plan, params, x, skip, y, sums, scratch, worker):
    geometry, inputs = plan.geometry, scratch.inputs
    width, channels = geometry.width, geometry.in_channels
    units, columns = geometry.out_channels, geometry.columns
    rows = y.size // (width * units)
    height = max(min(plan.rows, -(-rows // worker.threads)), 1)
    _pack(geometry, params, scratch.filters)
    first = next_task(worker.counts, worker.threads, 0) * height
    while first < rows:
        stop = min(first + height, rows)
        start, pixels = first * width, (stop - first) * width
        lay(Matrix(x, 0, channels, 1), first, stop, inputs)
        # Without a backward pass nobody needs the sums.
        kept = sums.size > 0
        own = Matrix(sums if kept else scratch.outputs, start * columns if kept else 0, columns, 1)
        correlate(inputs, pixels, scratch.filters, units, own)
        target = Matrix(y, start * units, units, 1)
        affine.apply(plan.activation, own, target, pixels, 0, columns)
        if skip.size > 0:
            add_range(skip, y, start * units, (start + pixels) * units)
        first = next_task(worker.counts, worker.threads, 0) * height


@inner
def _pack(geometry, params, filters):
    """Write the weights and biases as `correlate` takes them."""
    columns, depth = geometry.columns, geometry.fan_in
    vectors, done, at = -(-geometry.out_channels // WIDTH), 0, 0
    while done < vectors:
        count = vectors_of_group(vectors - done)
        for k in range(depth):
            weights = vector(params, k * columns + done * WIDTH, count * WIDTH)
            copy(weights, vector(filters, at, count * WIDTH))
            at += count * WIDTH
        done += count
    copy(vector(params, depth * columns, vectors * WIDTH), vector(filters, at, vectors * WIDTH))


@inner
def _pack_flipped(geometry, params, filters):
    """Write the flipped kernel, with a filter for every input channel, and biases of zero."""
    channels, units, columns = geometry.in_channels, geometry.out_channels, geometry.columns
    taps = geometry.kernel_size * geometry.kernel_size
    vectors, done, at = -(-channels // WIDTH), 0, 0
    while done < vectors:
        count, first = vectors_of_group(vectors - done), done * WIDTH
        for tap in range(taps - 1, -1, -1):
            for u in range(units):
                weights = vector(filters, at, count * WIDTH)
                for i in range(count * WIDTH):
                    weights[i] = np.float32(0.0)
                for i in range(min(count * WIDTH, channels - first)):
                    weights[i] = params[(tap * channels + first + i) * columns + u]
                at += count * WIDTH
        done += count
    for i in range(vectors * WIDTH):
        filters[at + i] = np.float32(0.0)


@kernel
def _backward_kernel(plan, params, x, cache, grads, scratch, worker):
    geometry, inputs, deltas = plan.geometry, scratch.inputs, scratch.deltas
    height, width, channels = geometry.height, geometry.width, geometry.in_channels
    units, columns, fan_in = geometry.out_channels, geometry.columns, geometry.fan_in
    samples, count = grads.y.size // (height * width * units), cache.parts.shape[0]
    if grads.x.size > 0:
        _pack_flipped(geometry, params, scratch.filters)
    block = max(plan.rows // height, 1)
    part = next_task(worker.counts, worker.threads, 0)
    while part < count:
        own = cache.parts[part]
        if grads.params.size > 0:
            for i in range(own.size):
                own[i] = np.float32(0.0)
        end = samples * (part + 1) // count
        for image in range(samples * part // count, end, block):
            top, bottom = image * height, min(image + block, end) * height
            start, pixels = top * width, (bottom - top) * width
            sums = Matrix(cache.sums, start * columns, columns, 1)
            above = Matrix(grads.y, start * units, units, 1)
            affine.to_deltas(plan.activation, sums, above, pixels)
            if grads.params.size > 0:
                affine.add_bias_grad(sums, pixels, 0, columns, own, fan_in * columns)
            for first in range(top, bottom, plan.rows):
                stop = min(first + plan.rows, bottom)
                lay(Matrix(cache.sums, 0, columns, 1), first, stop, deltas)
                if grads.params.size > 0:
                    lay(Matrix(x, 0, channels, 1), first, stop, inputs)
                    add_outer(inputs, deltas, stop - first, Matrix(own, 0, columns, 1))
                if grads.x.size > 0:
                    _to_input(plan, scratch, first, stop, grads.x)
        part = next_task(worker.counts, worker.threads, 0)
    barrier(worker.counts, worker.thread, worker.threads)
    if grads.params.size > 0:
        add_parts(geometry, cache.parts, grads, worker)


@inner
def _to_input(plan, scratch, first, stop, grad_x):
    """Write the gradient with respect to some rows of the input."""
    width, channels = plan.geometry.width, plan.geometry.in_channels
    start, pixels = first * width, (stop - first) * width
    if channels % WIDTH == 0:
        below = Matrix(grad_x, start * channels, channels, 1)
        correlate(scratch.deltas, pixels, scratch.filters, channels, below)
    else:
        across = -(-channels // WIDTH) * WIDTH
        below = Matrix(scratch.outputs, 0, across, 1)
        correlate(scratch.deltas, pixels, scratch.filters, channels, below)
        for pixel in range(pixels):
            numbers = vector(scratch.outputs, pixel * across, channels)
            copy(numbers, vector(grad_x, (start + pixel) * channels, channels))
