"""Kernels of chroma at full resolution, by local regression on luma.

Guided filter of He, Sun and Tang, "Guided image filtering", 2013, at the resolution of chroma, with
windows of 3x3. Windows count by how well they fit: by the inverse of what the regression leaves.

Planes are those of `padded_plane`. Sums of three rows go to lines, with a vector more at both ends,
where the edge is repeated.
"""

from __future__ import annotations

import numpy as np

from fit_image.images.formats.jpeg_cosines import WIDTH
from fit_image.nn.runtime import simd
from fit_image.nn.runtime.jit import inner, kernel

_GRAINS = np.float32(7)
"""Variance of luma below which nothing but grain is seen, in units of `grain_kernel`'s."""

_LINES = 5


def lines_size(columns: int) -> int:
    """Return the numbers that the kernels need for planes of so many columns, with padding."""
    return (_LINES + 2) * _line(columns)


def _line(columns):
    return columns + 2 * WIDTH


_line_size = inner(_line)


@inner
def _rows_around(plane, row):
    """Return the offsets of a row and its neighbours."""
    rows, stride = plane.shape
    return max(row - 1, 0) * stride, row * stride, min(row + 1, rows - 1) * stride


@inner
def _sum_rows(a, rows, line, lines, columns):
    """Fill a line with sums of three rows."""
    one, at = simd.broadcast(np.float32(1)), line * _line_size(a.shape[1]) + WIDTH
    up, own, low = rows
    for j in range(0, columns, WIDTH):
        total = simd.fma(simd.load(a, up + j), one, simd.load(a, own + j))
        simd.store(lines, at + j, simd.fma(simd.load(a, low + j), one, total))
    lines[at - 1], lines[at + columns] = lines[at], lines[at + columns - 1]


@inner
def _sum_products(a, b, rows, line, lines, columns):
    """Fill a line with sums of products of three rows."""
    nothing, at = simd.broadcast(np.float32(0)), line * _line_size(a.shape[1]) + WIDTH
    up, own, low = rows
    for j in range(0, columns, WIDTH):
        total = simd.fma(simd.load(a, up + j), simd.load(b, up + j), nothing)
        total = simd.fma(simd.load(a, own + j), simd.load(b, own + j), total)
        simd.store(lines, at + j, simd.fma(simd.load(a, low + j), simd.load(b, low + j), total))
    lines[at - 1], lines[at + columns] = lines[at], lines[at + columns - 1]


@inner
def _nine(lines, at):
    """Return the sums of three places of a line."""
    one = simd.broadcast(np.float32(1))
    total = simd.fma(simd.load_unaligned(lines, at - 1), one, simd.load(lines, at))
    return simd.fma(simd.load_unaligned(lines, at + 1), one, total)


@inner
def _mean(lines, at):
    return simd.fma(
        _nine(lines, at), simd.broadcast(np.float32(1 / 9)), simd.broadcast(np.float32(0))
    )


@inner
def _covariance(products, a, b):
    """Return the mean product less the product of means."""
    negative = simd.fma(a, simd.broadcast(np.float32(-1)), simd.broadcast(np.float32(0)))
    return simd.fma(negative, b, products)


@kernel
def grain_kernel(luma, grains, lines, first, last):
    """Fill ``grains`` (rows, columns of blocks) with the least variance in each block.

    Grain is everywhere; of edges and texture, something in most blocks is flat.
    """
    columns, size = 8 * grains.shape[1], _line_size(luma.shape[1])
    nothing = simd.broadcast(np.float32(0))
    least = 2 * size
    for i in range(first, last):
        for y in range(8 * i, 8 * i + 8):
            rows = _rows_around(luma, y)
            _sum_rows(luma, rows, 0, lines, columns)
            _sum_products(luma, luma, rows, 1, lines, columns)
            for j in range(0, columns, WIDTH):
                mean = _mean(lines, WIDTH + j)
                variance = _covariance(_mean(lines, size + WIDTH + j), mean, mean)
                variance = simd.maximum(variance, nothing)
                if y > 8 * i:
                    variance = simd.minimum(variance, simd.load(lines, least + j))
                simd.store(lines, least + j, variance)
        for block in range(grains.shape[1]):
            grain = lines[least + 8 * block]
            for x in range(1, 8):
                grain = min(grain, lines[least + 8 * block + x])
            grains[i, block] = grain


@inner
def _spread(values, row, lines, at):
    """Fill a line with the value of each pixel's block."""
    for block in range(values.shape[1]):
        for x in range(8):
            lines[at + 8 * block + x] = values[row, block]


@inner
def _fit(lines, at, size, noise):
    """Fit lines to the neighbourhoods of pixels: weights, slopes and offsets, times the weight."""
    one, nothing = simd.broadcast(np.float32(1)), simd.broadcast(np.float32(0))
    mean, chroma_mean = _mean(lines, at), _mean(lines, at + size)
    variance = _covariance(_mean(lines, at + 2 * size), mean, mean)
    variance = simd.fma(simd.maximum(variance, nothing), one, noise)
    chroma_variance = _covariance(_mean(lines, at + 3 * size), chroma_mean, chroma_mean)
    chroma_variance = simd.maximum(chroma_variance, nothing)
    covariance = _covariance(_mean(lines, at + 4 * size), mean, chroma_mean)
    trust, grain = simd.load(lines, at + 5 * size), simd.load(lines, at + 6 * size)
    over_variance = simd.reciprocal(variance)
    slope = simd.fma(covariance, over_variance, nothing)
    explained = simd.fma(slope, covariance, nothing)
    left_over = simd.maximum(_covariance(chroma_variance, slope, covariance), nothing)
    weight = simd.reciprocal(simd.fma(left_over, one, one))
    over = simd.reciprocal(simd.fma(chroma_variance, one, one))
    correlation = simd.minimum(simd.fma(explained, over, nothing), one)
    certainty = simd.fma(correlation, correlation, nothing)
    certainty = simd.fma(certainty, certainty, nothing)
    clear = simd.fma(simd.fma(grain, simd.broadcast(-_GRAINS), nothing), over_variance, one)
    certainty = simd.fma(certainty, simd.maximum(clear, nothing), nothing)
    slope = simd.fma(slope, simd.fma(_covariance(one, trust, one), certainty, trust), nothing)
    weighted = simd.fma(weight, slope, nothing)
    return weight, weighted, _covariance(simd.fma(weight, chroma_mean, nothing), weighted, mean)


@kernel
def fit_kernel(planes, trusts, grains, noise, fitted, lines, first, last):
    """Fill three planes with weighted regressions of chroma on luma.

    ``planes`` are luma and chroma. ``trusts`` (rows, columns of blocks) is 1 where a slope counts
    as it is, and 0 where it is multiplied by the squared correlation, and by how far luma varies
    more than by ``grains``.
    """
    luma, chroma = planes
    columns, stride = 8 * trusts.shape[1], luma.shape[1]
    size, more = _line_size(stride), simd.broadcast(noise)
    weights, slopes, offsets = fitted
    for row in range(8 * first, 8 * last):
        if row % 8 == 0:
            _spread(trusts, row // 8, lines, WIDTH + 5 * size)
            _spread(grains, row // 8, lines, WIDTH + 6 * size)
        rows = _rows_around(luma, row)
        _sum_rows(luma, rows, 0, lines, columns)
        _sum_rows(chroma, rows, 1, lines, columns)
        _sum_products(luma, luma, rows, 2, lines, columns)
        _sum_products(chroma, chroma, rows, 3, lines, columns)
        _sum_products(luma, chroma, rows, 4, lines, columns)
        for j in range(0, columns, WIDTH):
            weight, slope, offset = _fit(lines, WIDTH + j, size, more)
            simd.store(weights, row * stride + j, weight)
            simd.store(slopes, row * stride + j, slope)
            simd.store(offsets, row * stride + j, offset)


@kernel
def mean_kernel(planes, trusts, fitted, slopes, offsets, lines, first, last):
    """Fill planes with the weighted means of lines in each neighbourhood.

    Where ``trusts`` is 0, the lines are moved to go through the pixel itself.
    """
    luma, chroma = planes
    columns, stride = 8 * trusts.shape[1], luma.shape[1]
    size, nothing = _line_size(stride), simd.broadcast(np.float32(0))
    minus = simd.broadcast(np.float32(-1))
    for row in range(8 * first, 8 * last):
        if row % 8 == 0:
            _spread(trusts, row // 8, lines, WIDTH + 5 * size)
        rows = _rows_around(luma, row)
        for index in range(3):
            _sum_rows(fitted[index], rows, index, lines, columns)
        for j in range(0, columns, WIDTH):
            at = WIDTH + j
            share = simd.reciprocal(_nine(lines, at))
            slope = simd.fma(share, _nine(lines, at + size), nothing)
            offset = simd.fma(share, _nine(lines, at + 2 * size), nothing)
            place = row * stride + j
            through = _covariance(simd.load(chroma, place), slope, simd.load(luma, place))
            trust = simd.load(lines, at + 5 * size)
            simd.store(slopes, place, slope)
            simd.store(offsets, place, simd.fma(trust, simd.fma(through, minus, offset), through))


@inner
def _neighbour(place, size, count):
    """Return the cell of a pixel, the next cell, and the share of that one."""
    own = place // size
    middle = np.float32(0.5)
    within = (np.float32(place - own * size) + middle) / np.float32(size) - middle
    other = own + 1 if within > 0 else own - 1
    return own, min(max(other, 0), count - 1), abs(within)


@inner
def _blend(plane, columns, neighbour, line):
    """Interpolate between two rows; ``line`` has a place more at both ends, which repeat."""
    i, other, share = neighbour
    one, two, inside = plane[i, :columns], plane[other, :columns], line[1 : columns + 1]
    for j in range(columns):
        inside[j] = one[j] + share * (two[j] - one[j])
    line[0], line[columns + 1] = line[1], line[columns]


@inner
def _apply_to_pairs(slopes, offsets, seen, row):
    """Fill a row with two pixels for each place of lines, but for the outermost two places."""
    quarter = np.float32(0.25)
    for j in range(slopes.size - 2):
        slope, offset = slopes[j + 1], offsets[j + 1]
        left = slope + quarter * (slopes[j] - slope)
        right = slope + quarter * (slopes[j + 2] - slope)
        row[2 * j] = left * seen[2 * j] + (offset + quarter * (offsets[j] - offset))
        row[2 * j + 1] = right * seen[2 * j + 1] + (offset + quarter * (offsets[j + 2] - offset))


@kernel
def apply_kernel(luma, slopes, offsets, component, chroma, scratch, first, last):
    """Fill chroma with the lines, interpolated, of luma; ``component`` tells their resolution.

    ``scratch`` is that of `fit_kernel`.
    """
    rows, columns = component.quantised.shape
    down, across = component.down, component.across
    slope_line, offset_line = scratch[: columns + 2], scratch[columns + 2 : 2 * columns + 4]
    for y in range(8 * first * down, 8 * last * down):
        neighbour = _neighbour(y, down, rows)
        _blend(slopes, columns, neighbour, slope_line)
        _blend(offsets, columns, neighbour, offset_line)
        seen, row = luma[y], chroma[y]
        if across == 2:
            _apply_to_pairs(slope_line, offset_line, seen, row)
            continue
        for k in range(across):
            own, other, share = _neighbour(across + k, across, columns + 2)
            for j in range(columns):
                at, near, far = across * j + k, own + j, other + j
                slope = slope_line[near] + share * (slope_line[far] - slope_line[near])
                offset = offset_line[near] + share * (offset_line[far] - offset_line[near])
                row[at] = slope * seen[at] + offset
