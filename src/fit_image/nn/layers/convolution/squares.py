"""Squares of 4 x 4 pixels and what Winograd's convolution makes of them; see winograd_transforms.

What is transformed lies in 36 matrices, one for each place of the 6 x 6, with a row for each of
some squares, or of a filter's inputs, and a column for each channel. A matrix of squares has `SOME`
rows, of which the last may be unused, and begins `matrix_size` numbers behind the one before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.kernels.addition import add_range
from fit_image.nn.layers.convolution.winograd_transforms import (
    from_deltas,
    from_inputs,
    from_weights,
    load_3,
    load_4,
    load_6,
    store_3,
    store_4,
    store_6,
    to_outputs,
    to_weights,
)
from fit_image.nn.runtime.arrays import FloatArray, Matrix, copy, vector
from fit_image.nn.runtime.jit import inner
from fit_image.nn.runtime.simd import (
    WIDTH,
    broadcast,
    fma,
    load,
    prefetch,
    prefetch_far,
)

SOME = 32
"""Squares that are transformed at a time: their matrices stay in the second-level cache."""

PLACES = 36

_ROW = 6 * WIDTH  # of the memory for one transform

_LINE = 16
"""Numbers of a line of a cache."""


def matrix_size(channels: int) -> int:
    """Return the numbers of a matrix of squares, and a line more.

    Places whose distance is a multiple of a page would push one another out of the cache.
    """
    return SOME * channels + _LINE


size_of = inner(matrix_size)
"""`matrix_size` for kernels."""


class Squares(NamedTuple):
    """Images whose channels come last and fill vectors, seen as squares that are counted through.

    Those at the right and lower edge may reach beyond the image.
    """

    data: FloatArray
    height: int
    width: int
    channels: int
    down: int  # squares of a column
    across: int  # of a row


@inner
def _place_of(squares, number):
    """Return the image of a square, and the first row and column of its pixels."""
    image, rest = divmod(number, squares.down * squares.across)
    return image, rest // squares.across * 4, rest % squares.across * 4


@inner
def transform_inputs(squares, first, stop, scratch, target):
    """Write B' D B of the patches of some squares."""
    channels, size = squares.channels, size_of(squares.channels)
    for number in range(first, stop):
        start = (number - first) * channels
        image, top, left = _place_of(squares, number)
        fetch_square(squares, number + 2)
        # Images may be read-only, which is another type.
        if _is_inside(squares, top - 1, left - 1, 6):
            patch = _pixels(squares, image, top - 1, left - 1)
            _transform_inputs(patch, scratch.square, target, start, size)
        else:
            _lay(squares, (image, top - 1, left - 1), 6, scratch.patch)
            patch = Matrix(scratch.patch, 0, 6 * channels, channels)
            _transform_inputs(patch, scratch.square, target, start, size)


@inner
def _transform_inputs(patch, memory, target, start, size):
    channels = patch.column
    for c in range(0, channels, WIDTH):
        for j in range(6):
            column = load_6(patch.data, patch.start + j * channels + c, patch.row)
            store_6(memory, j * WIDTH, _ROW, from_inputs(column))
        for i in range(6):
            row = from_inputs(load_6(memory, i * _ROW, WIDTH))
            store_6(target, start + c + i * 6 * size, size, row)


@inner
def transform_deltas(squares, first, stop, scratch, target):
    """Write A Y A' of some squares."""
    channels, size = squares.channels, size_of(squares.channels)
    for number in range(first, stop):
        start = (number - first) * channels
        image, top, left = _place_of(squares, number)
        fetch_square(squares, number + 2)
        if _is_inside(squares, top, left, 4):
            patch = _pixels(squares, image, top, left)
            _transform_deltas(patch, scratch.square, target, start, size)
        else:
            _lay(squares, (image, top, left), 4, scratch.patch)
            patch = Matrix(scratch.patch, 0, 4 * channels, channels)
            _transform_deltas(patch, scratch.square, target, start, size)


@inner
def _transform_deltas(patch, memory, target, start, size):
    channels = patch.column
    for c in range(0, channels, WIDTH):
        for j in range(4):
            column = load_4(patch.data, patch.start + j * channels + c, patch.row)
            store_6(memory, j * WIDTH, _ROW, from_deltas(column))
        for i in range(6):
            row = from_deltas(load_4(memory, i * _ROW, WIDTH))
            store_6(target, start + c + i * 6 * size, size, row)


@inner
def fetch_square(squares, number):
    """Prefetch the pixels of a square, and a row above and below, which may not exist."""
    image, top, left = _place_of(squares, number)
    for i in range(-1, 5):
        row = _pixels(squares, image, top + i, left)
        for c in range(0, 4 * squares.channels, _LINE):
            prefetch_far(squares.data, row.start + c)


@inner
def claim_square(squares, number):
    """Prefetch the pixels of a square, which are to be written; some may not exist."""
    image, top, left = _place_of(squares, number)
    for i in range(4):
        row = _pixels(squares, image, top + i, left)
        for c in range(0, 4 * squares.channels, _LINE):
            prefetch(squares.data, row.start + c)


@inner
def _is_inside(squares, top, left, side):
    """Return whether all pixels of a patch are the image's."""
    inside = top >= 0 and top + side <= squares.height
    return inside and left >= 0 and left + side <= squares.width


@inner
def _pixels(squares, image, row, column):
    """Return the image from a pixel on: rows of pixels, columns of channels."""
    first = (image * squares.height + row) * squares.width + column
    line = squares.width * squares.channels
    return Matrix(squares.data, first * squares.channels, line, squares.channels)


@inner
def _lay(squares, place, side, patch):
    """Copy the pixels of a patch, with zeros beyond the image."""
    (image, top, left), channels = place, squares.channels
    for i in range(side):
        for j in range(side):
            pixel = vector(patch, (i * side + j) * channels, channels)
            if _is_inside(squares, top + i, left + j, 1):
                own = _pixels(squares, image, top + i, left + j)
                copy(vector(own.data, own.start, channels), pixel)
            else:
                for c in range(channels):
                    pixel[c] = np.float32(0.0)


@inner
def transform_outputs(source, index, memory, biases, pixels):
    """Write A' M A of a square, plus biases (a vector; none if it is empty)."""
    channels = pixels.size // 16
    size = size_of(channels)
    one, bias = broadcast(np.float32(1.0)), broadcast(np.float32(0.0))
    for c in range(0, channels, WIDTH):
        at = index * channels + c
        for j in range(6):
            column = load_6(source, at + j * size, 6 * size)
            store_4(memory, j * WIDTH, _ROW, to_outputs(column))
        if biases.size > 0:
            bias = load(biases, c)
        for i in range(4):
            y = to_outputs(load_6(memory, i * _ROW, WIDTH))
            sums = (
                fma(one, bias, y[0]),
                fma(one, bias, y[1]),
                fma(one, bias, y[2]),
                fma(one, bias, y[3]),
            )
            store_4(pixels, i * 4 * channels + c, channels, sums)


@inner
def add_square(squares, number, pixels):
    """Add a square of an image to 4 x 4 pixels."""
    image, top, left = _place_of(squares, number)
    size = min(4, squares.width - left) * squares.channels
    for i in range(min(4, squares.height - top)):
        own = _pixels(squares, image, top + i, left)
        add_range(
            vector(own.data, own.start, size),
            vector(pixels, i * 4 * squares.channels, size),
            0,
            size,
        )


@inner
def store_square(pixels, squares, number):
    """Write 4 x 4 pixels to a square, as far as it is in the image."""
    image, top, left = _place_of(squares, number)
    size = min(4, squares.width - left) * squares.channels
    for i in range(min(4, squares.height - top)):
        own = _pixels(squares, image, top + i, left)
        copy(vector(pixels, i * 4 * squares.channels, size), vector(own.data, own.start, size))


@inner
def transform_weights(inputs, outputs, weights, memory, filters):
    """Write G W G' of all filters; ``weights`` is (3, 3, inputs, outputs), flat."""
    size = inputs * outputs
    for at in range(0, size, WIDTH):
        for j in range(3):
            column = from_weights(load_3(weights, j * size + at, 3 * size))
            store_6(memory, j * WIDTH, _ROW, column)
        for i in range(6):
            row = from_weights(load_3(memory, i * _ROW, WIDTH))
            store_6(filters, i * 6 * size + at, size, row)


@inner
def transform_weight_grads(inputs, outputs, filters, memory, grads):
    """Write G' U G; ``grads`` is (3, 3, inputs, outputs), flat."""
    size = inputs * outputs
    for at in range(0, size, WIDTH):
        for j in range(6):
            column = to_weights(load_6(filters, j * size + at, 6 * size))
            store_3(memory, j * WIDTH, _ROW, column)
        for i in range(3):
            row = to_weights(load_6(memory, i * _ROW, WIDTH))
            store_3(grads, i * 3 * size + at, size, row)
