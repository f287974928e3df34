"""Convolution as a matrix product: the patches of some images are laid in the rows of a matrix.

One gemm then computes the sums of all output channels (Chellapilla et al., "High performance
convolutional neural networks for document processing", 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fit_image.nn.kernels.addition import add_range
from fit_image.nn.kernels.gemm import PANEL, gemm
from fit_image.nn.layers import affine
from fit_image.nn.layers.affine import AffineLayout
from fit_image.nn.layers.convolution.cache import CachedConvolution, add_parts
from fit_image.nn.layers.convolution.geometry import Geometry
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.runtime.arrays import FloatArray, Matrix, vector
from fit_image.nn.runtime.barrier import barrier
from fit_image.nn.runtime.jit import inner, kernel

_BLOCK_ROWS = 192
"""Patches, about, that a thread lays out at a time: they stay in the second-level cache."""


class _Plan(NamedTuple):
    """Constants of all calls."""

    geometry: Geometry
    activation: BoundActivation


class _Scratch(NamedTuple):
    """Memory of a thread, for as many images as are taken at a time."""

    patches: FloatArray  # in rows
    sums: FloatArray  # where the batch's are not kept
    panel: FloatArray  # see `fit_image.nn.kernels.gemm.PANEL`


class Im2colConvolution(CachedConvolution):
    """Convolution by im2col and gemm; `conv2d.Conv2D` uses it for strides beyond 1."""

    def __init__(self, geometry: Geometry, activation: BoundActivation) -> None:
        pixels = geometry.out_height * geometry.out_width
        rows = max(_BLOCK_ROWS // pixels, 1) * pixels
        sizes = rows * geometry.row, rows * geometry.columns, PANEL
        plan, kernels = _Plan(geometry, activation), (_forward_kernel, _backward_kernel)
        super().__init__(geometry, plan, kernels, sizes)

    def _arrange(self, vectors: Sequence[FloatArray]) -> _Scratch:
        return _Scratch(*vectors)


@inner
def _im2col(geometry, x, first, images, patches):
    """Lay the patches of some images in rows."""
    height, width, channels = geometry.height, geometry.width, geometry.in_channels
    side = geometry.kernel_size
    run, line = side * channels, width * channels
    at = 0
    for image in range(first, first + images):
        for row in range(geometry.out_height):
            top = row * geometry.stride - geometry.above
            for column in range(geometry.out_width):
                left = column * geometry.stride - geometry.before
                # Values of a row of the patch that lie before the image, and in it.
                out = max(-left, 0) * channels
                inside = min(side, width - left) * channels - out
                for k in range(side):
                    target = vector(patches, at + k * run, run)
                    if 0 <= top + k < height:
                        start = (image * height + top + k) * line + left * channels + out
                        source = vector(x, start, inside)
                        for i in range(out):
                            target[i] = np.float32(0.0)
                        middle = vector(target, out, inside)
                        for i in range(inside):
                            middle[i] = source[i]
                        for i in range(out + inside, run):
                            target[i] = np.float32(0.0)
                    else:
                        for i in range(run):
                            target[i] = np.float32(0.0)
                for i in range(side * run, geometry.row):
                    patches[at + i] = np.float32(0.0)
                at += geometry.row


@inner
def _col2im(geometry, patches, first, images, grad_x):
    """Add the patches of some images where they were taken from."""
    height, width, channels = geometry.height, geometry.width, geometry.in_channels
    side = geometry.kernel_size
    run, line = side * channels, width * channels
    size = height * line
    target = vector(grad_x, first * size, images * size)
    for i in range(target.size):
        target[i] = np.float32(0.0)
    at = 0
    for image in range(first, first + images):
        for row in range(geometry.out_height):
            top = row * geometry.stride - geometry.above
            for column in range(geometry.out_width):
                left = column * geometry.stride - geometry.before
                out = max(-left, 0) * channels
                inside = min(side, width - left) * channels - out
                for k in range(max(-top, 0), min(side, height - top)):
                    start = (image * height + top + k) * line + left * channels + out
                    place = vector(grad_x, start, inside)
                    patch = vector(patches, at + k * run + out, inside)
                    for i in range(inside):
                        place[i] += patch[i]
                at += geometry.row


@inner
def _layout_of(geometry):
    """Return the layout of the matrix of weights."""
    fan_in, columns = geometry.fan_in, geometry.columns
    biases = fan_in * columns
    return AffineLayout(fan_in, geometry.out_channels, geometry.row, columns, columns, 1, biases)


@kernel
def _forward_kernel(plan, params, x, skip, y, sums, scratch, worker):
    geometry = plan.geometry
    pixels = geometry.out_height * geometry.out_width
    columns, units, patches = geometry.columns, geometry.out_channels, scratch.patches
    layout = _layout_of(geometry)
    samples, block = y.size // (pixels * units), patches.size // (pixels * geometry.row)
    for first in range(worker.thread * block, samples, worker.threads * block):
        images = min(block, samples - first)
        rows, start = images * pixels, first * pixels
        _im2col(geometry, x, first, images, patches)
        # Without a backward pass nobody needs the sums.
        kept = sums.size > 0
        own = Matrix(sums if kept else scratch.sums, start * columns if kept else 0, columns, 1)
        inputs, target = Matrix(patches, 0, geometry.row, 1), Matrix(y, start * units, units, 1)
        affine.add_up(layout, params, inputs, own, rows, 0, columns, scratch.panel)
        affine.apply(plan.activation, own, target, rows, 0, columns)
        if skip.size > 0:
            add_range(skip, y, start * units, (start + rows) * units)


@kernel
def _backward_kernel(plan, params, x, cache, grads, scratch, worker):
    geometry = plan.geometry
    pixels = geometry.out_height * geometry.out_width
    fan_in, columns, row = geometry.fan_in, geometry.columns, geometry.row
    units, patches, count = geometry.out_channels, scratch.patches, cache.parts.shape[0]
    samples, block = grads.y.size // (pixels * units), patches.size // (pixels * row)
    for part in range(worker.thread, count, worker.threads):
        own = cache.parts[part]
        if grads.params.size > 0:
            for i in range(own.size):
                own[i] = np.float32(0.0)
        stop = samples * (part + 1) // count
        for first in range(samples * part // count, stop, block):
            images = min(block, stop - first)
            rows, start = images * pixels, first * pixels
            deltas = Matrix(cache.sums, start * columns, columns, 1)
            above = Matrix(grads.y, start * units, units, 1)
            affine.to_deltas(plan.activation, deltas, above, rows)
            if grads.params.size > 0:
                _im2col(geometry, x, first, images, patches)
                turned, target = Matrix(patches, 0, 1, row), Matrix(own, 0, columns, 1)
                gemm(fan_in, columns, rows, turned, deltas, target, scratch.panel, True)
                affine.add_bias_grad(deltas, rows, 0, columns, own, fan_in * columns)
            if grads.x.size > 0:
                weights, below = Matrix(params, 0, 1, columns), Matrix(patches, 0, row, 1)
                gemm(rows, fan_in, columns, deltas, weights, below, scratch.panel, False)
                _col2im(geometry, patches, first, images, grads.x)
    barrier(worker.counts, worker.thread, worker.threads)
    if grads.params.size > 0:
        add_parts(geometry, cache.parts, grads, worker)
