"""Images in planes, one for each channel, along whose rows vectors run.

The rows of a plane follow one another, with the zero padding around the image. What kernels write
between two rows has no meaning, and is not copied out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.runtime.arrays import FloatArray, vector
from fit_image.nn.runtime.jit import inner
from fit_image.nn.runtime.simd import (
    WIDTH,
    broadcast,
    broadcast_load,
    fma,
    load,
    load_unaligned,
    store,
)

_RUN = 32 * WIDTH
"""Numbers of every plane in a block, which stays in the first-level cache."""


class Planes(NamedTuple):
    """Planes of one sample: channel m, row y and column x is at start + m length + y pitch + x."""

    data: FloatArray
    start: int
    pitch: int
    length: int


class Image(NamedTuple):
    """One sample of a batch whose channels come last."""

    data: FloatArray
    start: int
    height: int
    width: int
    channels: int


class Filters(NamedTuple):
    """Weights (out channels, in channels, side, side), flat, and the biases behind them."""

    data: FloatArray
    side: int
    in_channels: int
    out_channels: int
    biased: bool  # whether there are biases


@inner
def to_planes(image, planes):
    """Lay an image out in planes."""
    width, channels = image.width, image.channels
    data, pixels = planes.data, image.data
    for y in range(image.height):
        for m in range(channels):
            row = vector(data, planes.start + m * planes.length + y * planes.pitch, width)
            source = vector(pixels, image.start + y * width * channels, width * channels)
            for x in range(width):
                row[x] = source[x * channels + m]


@inner
def from_planes(planes, image):
    """Copy an image out of planes."""
    width, channels = image.width, image.channels
    data, pixels = planes.data, image.data
    for y in range(image.height):
        for m in range(channels):
            row = vector(data, planes.start + m * planes.length + y * planes.pitch, width)
            target = vector(pixels, image.start + y * width * channels, width * channels)
            for x in range(width):
                target[x * channels + m] = row[x]


@inner
def correlate(source, filters, target):
    """Write the weighted sums at all pixels of the target; the source has zero padding."""
    weights, side, maps, biases = filters.data, filters.side, filters.in_channels, filters.biased
    units, count, pitch = filters.out_channels, target.length, source.pitch
    data, sums = source.data, target.data
    fan_in = maps * side * side
    for v in range(0, count, 3 * WIDTH):
        # Where there are fewer vectors or units than a step takes, the last is computed again.
        last = (count - v) // WIDTH - 1
        v1, v2 = min(1, last) * WIDTH, min(2, last) * WIDTH
        for u in range(0, units, 4):
            last = units - 1 - u
            u1, u2, u3 = u + min(1, last), u + min(2, last), u + min(3, last)
            s00 = s01 = s02 = _bias(weights, units * fan_in + u, biases)
            s10 = s11 = s12 = _bias(weights, units * fan_in + u1, biases)
            s20 = s21 = s22 = _bias(weights, units * fan_in + u2, biases)
            s30 = s31 = s32 = _bias(weights, units * fan_in + u3, biases)
            w0, w1, w2, w3 = u * fan_in, u1 * fan_in, u2 * fan_in, u3 * fan_in
            k = 0
            for m in range(maps):
                for dy in range(side):
                    at = source.start + m * source.length + v + dy * pitch
                    for dx in range(side):
                        x0 = load_unaligned(data, at + dx)
                        x1 = load_unaligned(data, at + dx + v1)
                        x2 = load_unaligned(data, at + dx + v2)
                        w = broadcast_load(weights, w0 + k)
                        s00, s01 = fma(w, x0, s00), fma(w, x1, s01)
                        s02 = fma(w, x2, s02)
                        w = broadcast_load(weights, w1 + k)
                        s10, s11 = fma(w, x0, s10), fma(w, x1, s11)
                        s12 = fma(w, x2, s12)
                        w = broadcast_load(weights, w2 + k)
                        s20, s21 = fma(w, x0, s20), fma(w, x1, s21)
                        s22 = fma(w, x2, s22)
                        w = broadcast_load(weights, w3 + k)
                        s30, s31 = fma(w, x0, s30), fma(w, x1, s31)
                        s32 = fma(w, x2, s32)
                        k += 1
            start = target.start + v
            t0, t1 = start + u * count, start + u1 * count
            t2, t3 = start + u2 * count, start + u3 * count
            store(sums, t0, s00), store(sums, t0 + v1, s01), store(sums, t0 + v2, s02)
            store(sums, t1, s10), store(sums, t1 + v1, s11), store(sums, t1 + v2, s12)
            store(sums, t2, s20), store(sums, t2 + v1, s21), store(sums, t2 + v2, s22)
            store(sums, t3, s30), store(sums, t3 + v1, s31), store(sums, t3 + v2, s32)


@inner
def _bias(weights, index, biases):
    return broadcast_load(weights, index) if biases else broadcast(np.float32(0.0))


@inner
def add_outer(side, count, inputs, maps, deltas, units, sums):
    """Add the gradient with respect to the weights and biases of one sample, still in vectors.

    ``inputs`` and ``deltas`` are of type `Planes`, and ``count`` is the length of the sums over
    their pixels; ``sums`` holds a vector for every parameter (in channel, y, x, out channel).
    """
    pitch, length = inputs.pitch, inputs.length
    x_data, d_data = inputs.data, deltas.data
    for start in range(0, count, _RUN):
        stop = min(start + _RUN, count)
        for m in range(maps):
            for dy in range(side):
                for dx in range(0, side, 3):
                    last = side - 1 - dx
                    b, c = min(1, last), min(2, last)
                    x = inputs.start + m * length + dy * pitch + dx
                    for u in range(0, units, 4):
                        last = units - 1 - u
                        u1, u2, u3 = min(1, last), min(2, last), min(3, last)
                        g0 = (((m * side + dy) * side + dx) * units + u) * WIDTH
                        g1, g2 = g0 + b * units * WIDTH, g0 + c * units * WIDTH
                        h1, h2, h3 = u1 * WIDTH, u2 * WIDTH, u3 * WIDTH
                        s00, s01 = load(sums, g0), load(sums, g0 + h1)
                        s02, s03 = load(sums, g0 + h2), load(sums, g0 + h3)
                        s10, s11 = load(sums, g1), load(sums, g1 + h1)
                        s12, s13 = load(sums, g1 + h2), load(sums, g1 + h3)
                        s20, s21 = load(sums, g2), load(sums, g2 + h1)
                        s22, s23 = load(sums, g2 + h2), load(sums, g2 + h3)
                        d0 = deltas.start + u * length
                        d1, d2, d3 = d0 + u1 * length, d0 + u2 * length, d0 + u3 * length
                        for p in range(start, stop, WIDTH):
                            x0 = load_unaligned(x_data, x + p)
                            x1 = load_unaligned(x_data, x + b + p)
                            x2 = load_unaligned(x_data, x + c + p)
                            d = load_unaligned(d_data, d0 + p)
                            s00, s10 = fma(x0, d, s00), fma(x1, d, s10)
                            s20 = fma(x2, d, s20)
                            d = load_unaligned(d_data, d1 + p)
                            s01, s11 = fma(x0, d, s01), fma(x1, d, s11)
                            s21 = fma(x2, d, s21)
                            d = load_unaligned(d_data, d2 + p)
                            s02, s12 = fma(x0, d, s02), fma(x1, d, s12)
                            s22 = fma(x2, d, s22)
                            d = load_unaligned(d_data, d3 + p)
                            s03, s13 = fma(x0, d, s03), fma(x1, d, s13)
                            s23 = fma(x2, d, s23)
                        store(sums, g0, s00), store(sums, g0 + h1, s01)
                        store(sums, g0 + h2, s02), store(sums, g0 + h3, s03)
                        store(sums, g1, s10), store(sums, g1 + h1, s11)
                        store(sums, g1 + h2, s12), store(sums, g1 + h3, s13)
                        store(sums, g2, s20), store(sums, g2 + h1, s21)
                        store(sums, g2 + h2, s22), store(sums, g2 + h3, s23)
    one = broadcast(np.float32(1.0))
    for u in range(units):
        at = (maps * side * side * units + u) * WIDTH
        added = load(sums, at)
        for p in range(0, count, WIDTH):
            added = fma(load_unaligned(d_data, deltas.start + u * length + p), one, added)
        store(sums, at, added)
