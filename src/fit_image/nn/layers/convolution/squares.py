"""Squares of 4 x 4 pixels and what Winograd's convolution makes of them; see winograd_transforms.

What is transformed lies in 36 matrices, one for each place of the 6 x 6, with a row for each of
some squares, or of a filter's inputs, and a column for each channel. A matrix of squares has `SOME`
rows, of which the last may be unused, and begins `matrix_size` numbers behind the one before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import alwaysinline, inner
from fit_image.nn.runtime.simd import (
    WIDTH,
    broadcast,
    fma,
    load,
    load_unaligned,
    prefetch,
    store,
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
def place_of(squares, number):
    """Return the image of a square, and the first row and column of its pixels."""
    image, rest = divmod(number, squares.down * squares.across)
    return image, rest // squares.across * 4, rest % squares.across * 4


@inner
def _prefetch(squares, image, row, column, rows):
    """Prefetch four pixels of each of some rows, which may lie beyond the image."""
    first = (image * squares.height + row) * squares.width + column
    for i in range(rows):
        at = (first + i * squares.width) * squares.channels
        for c in range(0, 4 * squares.channels, _LINE):
            prefetch(squares.data, at + c)


@inner
def _pixel(squares, image, row, column, channel):
    """Return a vector of a pixel's channels, or zeros beyond the image."""
    alwaysinline()
    if 0 <= row < squares.height and 0 <= column < squares.width:
        pixel = (image * squares.height + row) * squares.width + column
        return load_unaligned(squares.data, pixel * squares.channels + channel)
    return broadcast(np.float32(0.0))


@inner
def _pixels_4(squares, image, row, column, channel):
    """Return four pixels below one another."""
    alwaysinline()
    if row >= 0 and row + 4 <= squares.height and 0 <= column < squares.width:
        pixel, step = (image * squares.height + row) * squares.width + column, squares.channels
        at, line = pixel * step + channel, squares.width * step
        return (
            load_unaligned(squares.data, at),
            load_unaligned(squares.data, at + line),
            load_unaligned(squares.data, at + 2 * line),
            load_unaligned(squares.data, at + 3 * line),
        )
    return (
        _pixel(squares, image, row, column, channel),
        _pixel(squares, image, row + 1, column, channel),
        _pixel(squares, image, row + 2, column, channel),
        _pixel(squares, image, row + 3, column, channel),
    )


@inner
def transform_inputs(squares, first, stop, memory, target):
    """Write B' D B of the patches of some squares."""
    channels, size = squares.channels, size_of(squares.channels)
    for number in range(first, stop):
        image, top, left = place_of(squares, number)
        _prefetch(squares, image, top - 1, left + 9, 6)
        for c in range(0, channels, WIDTH):
            for j in range(6):
                column = left - 1 + j
                above = _pixel(squares, image, top - 1, column, c)
                p = _pixels_4(squares, image, top, column, c)
                below = _pixel(squares, image, top + 4, column, c)
                patch = above, p[0], p[1], p[2], p[3], below
                store_6(memory, j * WIDTH, _ROW, from_inputs(patch))
            at = (number - first) * channels + c
            for i in range(6):
                row = from_inputs(load_6(memory, i * _ROW, WIDTH))
                store_6(target, at + i * 6 * size, size, row)


@inner
def transform_deltas(squares, first, stop, memory, target):
    """Write A Y A' of some squares."""
    channels, size = squares.channels, size_of(squares.channels)
    for number in range(first, stop):
        image, top, left = place_of(squares, number)
        _prefetch(squares, image, top, left + 8, 4)
        for c in range(0, channels, WIDTH):
            for j in range(4):
                pixels = _pixels_4(squares, image, top, left + j, c)
                store_6(memory, j * WIDTH, _ROW, from_deltas(pixels))
            at = (number - first) * channels + c
            for i in range(6):
                row = from_deltas(load_4(memory, i * _ROW, WIDTH))
                store_6(target, at + i * 6 * size, size, row)


@inner
def transform_outputs(source, first, stop, memory, biases, squares):
    """Write A' M A of some squares, plus biases (a vector; none if it is empty)."""
    channels, size = squares.channels, size_of(squares.channels)
    one, bias = broadcast(np.float32(1.0)), broadcast(np.float32(0.0))
    for number in range(first, stop):
        image, top, left = place_of(squares, number)
        rows, columns = min(4, squares.height - top), min(4, squares.width - left)
        _prefetch(squares, image, top, left + 4, 4)
        for c in range(0, channels, WIDTH):
            at = (number - first) * channels + c
            for j in range(6):
                store_4(
                    memory, j * WIDTH, _ROW, to_outputs(load_6(source, at + j * size, 6 * size))
                )
            if biases.size > 0:
                bias = load(biases, c)
            for i in range(rows):
                y = to_outputs(load_6(memory, i * _ROW, WIDTH))
                pixel = (image * squares.height + top + i) * squares.width + left
                to = pixel * channels + c
                store(squares.data, to, fma(one, bias, y[0]))
                if columns > 1:
                    store(squares.data, to + channels, fma(one, bias, y[1]))
                if columns > 2:
                    store(squares.data, to + 2 * channels, fma(one, bias, y[2]))
                if columns > 3:
                    store(squares.data, to + 3 * channels, fma(one, bias, y[3]))


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
