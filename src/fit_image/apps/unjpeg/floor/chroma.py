"""Kernels of chroma at full resolution, by local regression on luma.

Guided filter of He, Sun and Tang, "Guided image filtering", 2013, at the resolution of chroma, with
windows of 3x3. Windows count by how well they fit: by the inverse of what the regression leaves.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.jit import inner, kernel

_GRAINS = np.float32(7)
"""Variance of luma below which nothing but grain is seen, in units of `grain_kernel`'s."""


@inner
def _nine(plane, up, i, low, left, j, right):
    """Return the sum of a pixel's neighbourhood."""
    return (
        (plane[up, left] + plane[up, j] + plane[up, right])
        + (plane[i, left] + plane[i, j] + plane[i, right])
        + (plane[low, left] + plane[low, j] + plane[low, right])
    )


@inner
def _nine_products(a, b, up, i, low, left, j, right):
    """Return the sum of products in a pixel's neighbourhood."""
    return (
        (a[up, left] * b[up, left] + a[up, j] * b[up, j] + a[up, right] * b[up, right])
        + (a[i, left] * b[i, left] + a[i, j] * b[i, j] + a[i, right] * b[i, right])
        + (a[low, left] * b[low, left] + a[low, j] * b[low, j] + a[low, right] * b[low, right])
    )


@inner
def _variance(luma, up, i, low, left, j, right):
    """Return the variance of a pixel's neighbourhood."""
    ninth = np.float32(1 / 9)
    mean = _nine(luma, up, i, low, left, j, right) * ninth
    squares = _nine_products(luma, luma, up, i, low, left, j, right) * ninth
    return max(squares - mean * mean, np.float32(0))


@kernel
def grain_kernel(luma, grains, first, last):
    """Fill ``grains`` (rows, columns of blocks) with the least variance in each block.

    Grain is everywhere; of edges and texture, something in most blocks is flat.
    """
    rows, columns = luma.shape
    for i in range(first, last):
        for block in range(columns // 8):
            least = np.float32(1e9)
            for y in range(8 * i, 8 * i + 8):
                up, low = max(y - 1, 0), min(y + 1, rows - 1)
                for x in range(8 * block, 8 * block + 8):
                    left, right = max(x - 1, 0), min(x + 1, columns - 1)
                    least = min(least, _variance(luma, up, y, low, left, x, right))
            grains[i, block] = least


@inner
def _fit(luma, chroma, trust, grain, noise, places, lines):
    """Fit a line to the neighbourhood of a pixel: weight, slope and offset, times the weight."""
    up, i, low, left, j, right = places
    ninth = np.float32(1 / 9)
    mean = _nine(luma, up, i, low, left, j, right) * ninth
    chroma_mean = _nine(chroma, up, i, low, left, j, right) * ninth
    squares = _nine_products(luma, luma, up, i, low, left, j, right) * ninth
    chroma_squares = _nine_products(chroma, chroma, up, i, low, left, j, right) * ninth
    products = _nine_products(luma, chroma, up, i, low, left, j, right) * ninth
    variance = max(squares - mean * mean, np.float32(0)) + noise
    chroma_variance = max(chroma_squares - chroma_mean * chroma_mean, np.float32(0))
    covariance = products - mean * chroma_mean
    slope = covariance / variance
    explained = slope * covariance
    left_over = max(chroma_variance - explained, np.float32(0)) + np.float32(1)
    correlation = min(explained / (chroma_variance + np.float32(1)), np.float32(1))
    certainty = correlation * correlation
    clear = max(np.float32(1) - _GRAINS * grain / variance, np.float32(0))
    slope *= trust + (np.float32(1) - trust) * certainty * certainty * clear
    weight = np.float32(1) / left_over
    lines[0, i, j] = weight
    lines[1, i, j] = weight * slope
    lines[2, i, j] = weight * (chroma_mean - slope * mean)


@kernel
def fit_kernel(luma, chroma, trusts, grains, noise, lines, first, last):
    """Fill ``lines`` (3, rows, columns) with weighted regressions of chroma on luma.

    ``trusts`` (rows, columns of blocks) is 1 where a slope counts as it is, and 0 where it is
    multiplied by the squared correlation, and by how far luma varies more than by ``grains``.
    """
    rows, columns = luma.shape
    for i in range(8 * first, 8 * last):
        up, low = max(i - 1, 0), min(i + 1, rows - 1)
        for block in range(columns // 8):
            trust, grain = trusts[i // 8, block], grains[i // 8, block]
            for j in range(8 * block, 8 * block + 8):
                places = (up, i, low, max(j - 1, 0), j, min(j + 1, columns - 1))
                _fit(luma, chroma, trust, grain, noise, places, lines)


@kernel
def mean_kernel(luma, chroma, trusts, lines, slopes, offsets, first, last):
    """Fill planes with the weighted means of lines in each neighbourhood.

    Where ``trusts`` is 0, the lines are moved to go through the pixel itself.
    """
    weights, weighted_slopes, weighted_offsets = lines[0], lines[1], lines[2]
    rows, columns = weights.shape
    for i in range(8 * first, 8 * last):
        up, low = max(i - 1, 0), min(i + 1, rows - 1)
        for j in range(columns):
            left, right = max(j - 1, 0), min(j + 1, columns - 1)
            trust = trusts[i // 8, j // 8]
            total = np.float32(1) / _nine(weights, up, i, low, left, j, right)
            slope = total * _nine(weighted_slopes, up, i, low, left, j, right)
            offset = total * _nine(weighted_offsets, up, i, low, left, j, right)
            slopes[i, j] = slope
            through = chroma[i, j] - slope * luma[i, j]
            offsets[i, j] = through + trust * (offset - through)


@inner
def _neighbour(place, size, count):
    """Return the cell of a pixel, the next cell, and the share of that one."""
    own = place // size
    middle = np.float32(0.5)
    within = (np.float32(place - own * size) + middle) / np.float32(size) - middle
    other = own + 1 if within > 0 else own - 1
    return own, min(max(other, 0), count - 1), abs(within)


@inner
def _blend(plane, i, other, share, line):
    """Interpolate between two rows; ``line`` has a place more at both ends, which repeat."""
    one, two = plane[i], plane[other]
    for j in range(one.size):
        line[j + 1] = one[j] + share * (two[j] - one[j])
    line[0], line[one.size + 1] = line[1], line[one.size]


@kernel
def apply_kernel(luma, slopes, offsets, down, across, chroma, scratch, first, last):
    """Fill chroma with the lines, interpolated, of luma; ``down`` x ``across`` pixels a line.

    ``scratch`` has room for two rows of lines and two numbers more for each.
    """
    rows, columns = slopes.shape
    slope_line, offset_line = scratch[: columns + 2], scratch[columns + 2 :]
    for y in range(8 * first * down, 8 * last * down):
        i, other_i, share_i = _neighbour(y, down, rows)
        _blend(slopes, i, other_i, share_i, slope_line)
        _blend(offsets, i, other_i, share_i, offset_line)
        seen, row = luma[y], chroma[y]
        for k in range(across):
            own, other, share = _neighbour(across + k, across, columns + 2)
            for j in range(columns):
                at, near, far = across * j + k, own + j, other + j
                slope = slope_line[near] + share * (slope_line[far] - slope_line[near])
                offset = offset_line[near] + share * (offset_line[far] - offset_line[near])
                row[at] = slope * seen[at] + offset
