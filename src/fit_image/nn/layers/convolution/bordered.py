"""Rows of images laid in memory with their border of zeros, and products with neighbourhoods.

The pixels of a row of a neighbourhood, with all their channels, lie one after the other. So the
patches that im2col would copy are there already, in a few runs each, and a matrix product reads
them where they lie (Chetlur et al., "cuDNN: efficient primitives for deep learning", 2014).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.nn.runtime.arrays import FloatArray, Matrix, copy, vector
from fit_image.nn.runtime.jit import inner
from fit_image.nn.runtime.simd import WIDTH, broadcast, load
from fit_image.nn.runtime.tiles import (
    MOST_VECTORS,
    ROWS,
    Factors,
    add_products,
    listed,
    load_tile,
    repeat_row,
    spaced,
    store_tile,
)

_PIXELS = 64
"""Pixels, about, that are added to a gradient at a time: they stay in the first-level cache."""


class Bordered(NamedTuple):
    """Rows of images with the zeros around them, for neighbourhoods of side x side pixels."""

    data: FloatArray
    places: npt.NDArray[np.int64]  # offset in `data` of the neighbourhood of every pixel
    side: int
    above: int  # rows of zeros above the image
    before: int  # columns of zeros left of it
    height: int
    width: int
    channels: int
    pitch: int  # from one row to the next


@inner
def lay(source, first, stop, target):
    """Lay rows ``first`` to ``stop`` of the images of a batch, which are counted through.

    ``source`` is of type `Matrix`, with a row for every pixel.
    """
    height, width, pitch = target.height, target.width, target.pitch
    at, pixel, row = 0, 0, first
    while row < stop:
        top = row % height
        rows = min(height - top, stop - row)
        for k in range(rows):
            for x in range(width):
                target.places[pixel] = at + k * pitch + x * target.channels
                pixel += 1
        for k in range(-target.above, rows + target.side - 1 - target.above):
            inside = 0 <= top + k < height
            _lay_row(source, (row + k) * width, inside, target, vector(target.data, at, pitch))
            at += pitch
        row += rows
    for k in range(ROWS):
        target.places[pixel + k] = target.places[pixel - 1]


@inner
def _lay_row(source, pixel, inside, target, memory):
    """Lay the row that begins with this pixel, or one of zeros."""
    channels, width = target.channels, target.width if inside else 0
    start, begin = source.start + pixel * source.row, target.before * channels
    end = begin + width * channels
    for i in range(begin):
        memory[i] = np.float32(0.0)
    if source.row == channels:
        size = width * channels
        copy(vector(source.data, start, size), vector(memory, begin, size))
    else:
        for x in range(width):
            numbers = vector(source.data, start + x * source.row, channels)
            copy(numbers, vector(memory, begin + x * channels, channels))
    for i in range(end, memory.size):
        memory[i] = np.float32(0.0)


@inner
def vectors_of_group(rest):
    """Return how many of the ``rest`` of the vectors are next; no group has one of several."""
    return 2 if rest == 4 else min(rest, MOST_VECTORS)


@inner
def correlate(source, pixels, filters, outputs, target):
    """Write the weighted sums of some pixels' neighbourhoods in ``outputs`` channels.

    ``source`` is of type `Bordered`, ``target`` of type `Matrix`, with a row for every pixel.
    ``filters`` are weights and biases: of each group of vectors a row for every number of a
    neighbourhood, then the biases of all.
    """
    vectors, depth = -(-outputs // WIDTH), source.side * source.side * source.channels
    done = 0
    while done < vectors:
        count, column = vectors_of_group(vectors - done), done * WIDTH
        bias = vectors * WIDTH * depth + column
        sums = Matrix(target.data, target.start + column, target.row, 1)
        b0 = load(filters, bias)
        if count == 3:
            b1, b2 = load(filters, bias + WIDTH), load(filters, bias + 2 * WIDTH)
            _correlate((b0, b1, b2), source, pixels, filters, column * depth, sums)
        elif count == 2:
            b1 = load(filters, bias + WIDTH)
            _correlate((b0, b1), source, pixels, filters, column * depth, sums)
        else:
            _correlate((b0,), source, pixels, filters, column * depth, sums)
        done += count


@inner
def _correlate(biases, source, pixels, filters, start, target):
    """`correlate` for a group of vectors whose weights begin at ``start``."""
    columns, run = len(biases) * WIDTH, source.side * source.channels
    for pixel in range(0, pixels, ROWS):
        tile, places = repeat_row(biases), listed(source.places, pixel)
        for k in range(source.side):
            numbers = Factors(source.data, k * source.pitch, 1)
            weights = Factors(filters, start + k * run * columns, columns)
            tile = add_products(tile, run, numbers, places, weights)
        # Where there are fewer pixels than a tile has rows, the last is computed several times.
        last = min(ROWS, pixels - pixel) - 1
        store_tile(target.data, spaced(target.row, last), target.start + pixel * target.row, tile)


@inner
def add_outer(source, deltas, rows, grads):
    """Add the outer products of neighbourhoods and deltas of all pixels in some rows.

    ``source`` and ``deltas`` are of type `Bordered`, ``grads`` of type `Matrix`, with a row for
    every number of a neighbourhood. Vectors that are not full leave in ``grads`` what has no
    meaning.
    """
    width, run, units = source.width, source.side * source.channels, deltas.channels
    vectors, chunk = -(-units // WIDTH), max(_PIXELS // width, 1)
    zero = broadcast(np.float32(0.0))
    for first in range(0, rows, chunk):
        pixels = first * width, min(first + chunk, rows) * width
        for k in range(source.side):
            for i in range(0, run, ROWS):
                done, start = 0, grads.start + (k * run + i) * grads.row
                while done < vectors:
                    count, column = vectors_of_group(vectors - done), done * WIDTH
                    target = Matrix(grads.data, start + column, grads.row, 1)
                    place = k * source.pitch + i, column, min(ROWS, run - i) - 1
                    if count == 3:
                        _add_outer((zero, zero, zero), source, deltas, pixels, place, target)
                    elif count == 2:
                        _add_outer((zero, zero), source, deltas, pixels, place, target)
                    else:
                        _add_outer((zero,), source, deltas, pixels, place, target)
                    done += count


@inner
def _add_outer(zeros, source, deltas, pixels, place, target):
    """`add_outer` for a tile, whose numbers and deltas are at ``place`` from those of a pixel."""
    (first, stop), (at, column, last) = pixels, place
    width, channels, units = source.width, source.channels, deltas.channels
    centre = deltas.above * deltas.pitch + deltas.before * units + column
    rows = spaced(target.row, last)
    tile = load_tile(repeat_row(zeros), target.data, rows, target.start)
    for pixel in range(first, stop, width):
        numbers = Factors(source.data, source.places[pixel] + at, channels)
        vectors = Factors(deltas.data, deltas.places[pixel] + centre, units)
        tile = add_products(tile, width, numbers, spaced(1, last), vectors)
    store_tile(target.data, rows, target.start, tile)
