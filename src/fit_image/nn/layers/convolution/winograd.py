"""Winograd's convolution of 3 x 3: squares of outputs, with a quarter of the products.

Patches and filters are transformed, such that a convolution becomes 36 products of matrices, and
so do both of its gradients; see winograd_transforms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import activate, constants_of
from fit_image.nn.layers import affine
from fit_image.nn.layers.convolution.bordered import vectors_of_group
from fit_image.nn.layers.convolution.cache import CachedConvolution, add_parts
from fit_image.nn.layers.convolution.geometry import Geometry
from fit_image.nn.layers.convolution.squares import (
    PLACES,
    SOME,
    Squares,
    add_square,
    claim_square,
    fetch_square,
    matrix_size,
    size_of,
    store_square,
    transform_deltas,
    transform_inputs,
    transform_outputs,
    transform_weight_grads,
    transform_weights,
)
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.runtime.arrays import FloatArray, Matrix, vector
from fit_image.nn.runtime.barrier import barrier, next_task
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.simd import WIDTH, broadcast
from fit_image.nn.runtime.tiles import (
    ROWS,
    Factors,
    add_products,
    load_tile,
    repeat_row,
    spaced,
    store_tile,
)

_MULTIPLE = 16
"""Of channels, which must fill vectors."""

_MOST_FILTERS, _FILTERS_OF_SQUARE = 128 * 128, 1024
"""With more, of pairs of channels, and for each square of an image, transforming the filters and
their gradient takes too long."""

_MOST_WASTE = 1.5
"""Pixels of the squares beside those of the image, at most."""


class _Plan(NamedTuple):
    """Constants of all calls."""

    geometry: Geometry
    activation: BoundActivation
    down: int  # squares of a column of an image
    across: int  # of a row


class _Scratch(NamedTuple):
    """Memory of a thread."""

    square: FloatArray  # for one transform
    patch: FloatArray  # of 6 x 6 pixels, or two of 4 x 4
    filters: FloatArray  # (36, inputs, outputs)
    inputs: FloatArray  # 36 matrices of squares
    outputs: FloatArray
    grads: FloatArray  # like the filters
    flipped: FloatArray  # weights before they are transformed


def is_winograd(geometry: Geometry) -> bool:
    """Return whether Winograd's convolution is possible, and the fastest."""
    down, across = _squares(geometry)
    filters = geometry.in_channels * geometry.out_channels
    return (
        geometry.kernel_size == 3
        and geometry.stride == 1
        and geometry.in_channels % _MULTIPLE == 0
        and geometry.out_channels % _MULTIPLE == 0
        and filters <= min(_MOST_FILTERS, _FILTERS_OF_SQUARE * down * across)
        and 16 * down * across <= _MOST_WASTE * geometry.height * geometry.width
    )


def _squares(geometry: Geometry) -> tuple[int, int]:
    return -(-geometry.height // 4), -(-geometry.width // 4)


class WinogradConvolution(CachedConvolution):
    """Convolution of 3 x 3 with stride 1; `conv2d.Conv2D` uses it where channels fill vectors."""

    def __init__(self, geometry: Geometry, activation: BoundActivation) -> None:
        plan = _Plan(geometry, activation, *_squares(geometry))
        channels, units = geometry.in_channels, geometry.out_channels
        filters, matrices = PLACES * channels * units, PLACES * matrix_size(max(channels, units))
        patch = PLACES * max(channels, units)
        sizes = PLACES * WIDTH, patch, filters, matrices, matrices, filters, 9 * channels * units
        super().__init__(geometry, plan, (_forward_kernel, _backward_kernel), sizes)

    def _arrange(self, vectors: Sequence[FloatArray]) -> _Scratch:
        return _Scratch(*vectors)


@kernel
def _forward_kernel(plan, params, x, skip, y, sums, scratch, worker):
    geometry = plan.geometry
    channels, units, weights = geometry.in_channels, geometry.out_channels, geometry.fan_in
    source, skipped = _squares_of(plan, x, channels), _squares_of(plan, skip, units)
    target, before = _squares_of(plan, y, units), _squares_of(plan, sums, units)
    count = y.size // (geometry.height * geometry.width * units) * plan.down * plan.across
    biases = vector(params, weights * units, units)
    size, constants = 16 * units, constants_of(plan.activation.constants, 0)
    pixels, values = vector(scratch.patch, 0, size), vector(scratch.patch, size, size)
    transform_weights(channels, units, params, scratch.square, scratch.filters)
    first = next_task(worker.counts, worker.threads, 0) * SOME
    while first < count:
        stop = min(first + SOME, count)
        later = next_task(worker.counts, worker.threads, 0) * SOME
        transform_inputs(source, first, stop, scratch, scratch.inputs)
        for place in range(PLACES):
            _multiply(place, stop - first, channels, units, scratch)
            # During products memory would be idle.
            if place < SOME and later + place < count:
                fetch_square(source, later + place)
            if place < stop - first:
                claim_square(target, first + place)
        for number in range(first, stop):
            transform_outputs(scratch.outputs, number - first, scratch.square, biases, pixels)
            # Without a backward pass nobody needs the sums.
            if sums.size > 0:
                store_square(pixels, before, number)
            # In place the compiler would not take vectors.
            own, active = Matrix(pixels, 0, 1, 1), Matrix(values, 0, 1, 1)
            activate(own, active, 1, size, plan.activation.code, constants)
            if skip.size > 0:
                add_square(skipped, number, values)
            store_square(values, target, number)
        first = later


@inner
def _squares_of(plan, data, channels):
    geometry = plan.geometry
    return Squares(data, geometry.height, geometry.width, channels, plan.down, plan.across)


@kernel
def _backward_kernel(plan, params, x, cache, grads, scratch, worker):
    geometry, square = plan.geometry, scratch.square
    channels, units, fan_in = geometry.in_channels, geometry.out_channels, geometry.fan_in
    area, of_image = geometry.height * geometry.width, plan.down * plan.across
    samples, count = grads.y.size // (area * units), cache.parts.shape[0]
    inputs, deltas = _squares_of(plan, x, channels), _squares_of(plan, cache.sums, units)
    below, nothing = _squares_of(plan, grads.x, channels), vector(params, 0, 0)
    values = vector(scratch.patch, 0, 16 * channels)
    if grads.x.size > 0:
        _flip(geometry, params, scratch.flipped)
        transform_weights(units, channels, scratch.flipped, square, scratch.filters)
    part = next_task(worker.counts, worker.threads, 0)
    while part < count:
        begin, end = samples * part // count, samples * (part + 1) // count
        start, pixels = begin * area * units, (end - begin) * area
        sums = Matrix(cache.sums, start, units, 1)
        affine.to_deltas(plan.activation, sums, Matrix(grads.y, start, units, 1), pixels)
        own = cache.parts[part]
        if grads.params.size > 0:
            _clear(own)
            _clear(scratch.grads)
            affine.add_bias_grad(sums, pixels, 0, units, own, fan_in * units)
        for first in range(begin * of_image, end * of_image, SOME):
            stop = min(first + SOME, end * of_image)
            if grads.params.size > 0:
                transform_inputs(inputs, first, stop, scratch, scratch.inputs)
                transform_deltas(deltas, first, stop, scratch, scratch.outputs)
                _add_outer(stop - first, channels, units, scratch)
            if grads.x.size > 0:
                transform_inputs(deltas, first, stop, scratch, scratch.inputs)
                for place in range(PLACES):
                    _multiply(place, stop - first, units, channels, scratch)
                for number in range(first, stop):
                    transform_outputs(scratch.outputs, number - first, square, nothing, values)
                    store_square(values, below, number)
        if grads.params.size > 0:
            transform_weight_grads(channels, units, scratch.grads, square, own)
        part = next_task(worker.counts, worker.threads, 0)
    barrier(worker.counts, worker.thread, worker.threads)
    if grads.params.size > 0:
        add_parts(geometry, cache.parts, grads, worker)


@inner
def _clear(numbers):
    for i in range(numbers.size):
        numbers[i] = np.float32(0.0)


@inner
def _flip(geometry, params, flipped):
    """Write the flipped weights, (3, 3, out channels, in channels)."""
    channels, units = geometry.in_channels, geometry.out_channels
    for tap in range(9):
        for u in range(units):
            row = vector(flipped, (tap * units + u) * channels, channels)
            for m in range(channels):
                row[m] = params[((8 - tap) * channels + m) * units + u]


@inner
def _multiply(place, count, inputs, outputs, scratch):
    """Write the products of the transformed inputs of some squares and the filters of a place."""
    zero, done = broadcast(np.float32(0.0)), 0
    numbers = Factors(scratch.inputs, place * size_of(inputs), inputs)
    while done < outputs // WIDTH:
        vectors, column = vectors_of_group(outputs // WIDTH - done), done * WIDTH
        weights = Factors(scratch.filters, place * inputs * outputs + column, outputs)
        target = Factors(scratch.outputs, place * size_of(outputs) + column, outputs)
        if vectors == 3:
            _product((zero, zero, zero), count, numbers, weights, target)
        elif vectors == 2:
            _product((zero, zero), count, numbers, weights, target)
        else:
            _product((zero,), count, numbers, weights, target)
        done += vectors


@inner
def _product(zeros, count, numbers, weights, target):
    """`_multiply` for a group of vectors; the arguments are matrices with rows ``step`` apart."""
    depth = numbers.step
    for i in range(0, count, ROWS):
        last = min(ROWS, count - i) - 1
        row = Factors(numbers.data, numbers.start + i * depth, 1)
        tile = add_products(repeat_row(zeros), depth, row, spaced(depth, last), weights)
        start = target.start + i * target.step
        store_tile(target.data, spaced(target.step, last), start, tile)


@inner
def _add_outer(count, inputs, outputs, scratch):
    """Add the outer products of transformed inputs and deltas of some squares."""
    zero = broadcast(np.float32(0.0))
    for place in range(PLACES):
        numbers = Factors(scratch.inputs, place * size_of(inputs), inputs)
        done = 0
        while done < outputs // WIDTH:
            vectors, column = vectors_of_group(outputs // WIDTH - done), done * WIDTH
            deltas = Factors(scratch.outputs, place * size_of(outputs) + column, outputs)
            target = Factors(scratch.grads, place * inputs * outputs + column, outputs)
            if vectors == 3:
                _outer((zero, zero, zero), count, numbers, deltas, target)
            elif vectors == 2:
                _outer((zero, zero), count, numbers, deltas, target)
            else:
                _outer((zero,), count, numbers, deltas, target)
            done += vectors


@inner
def _outer(zeros, count, numbers, deltas, target):
    """`_add_outer` for a group of vectors; arguments as in `_product`."""
    rows = spaced(target.step, ROWS - 1)
    for m in range(0, numbers.step, ROWS):
        start = target.start + m * target.step
        tile = load_tile(repeat_row(zeros), target.data, rows, start)
        column = Factors(numbers.data, numbers.start + m, numbers.step)
        tile = add_products(tile, count, column, spaced(1, ROWS - 1), deltas)
        store_tile(target.data, rows, start, tile)
