"""Kernels that move planes towards what a JPEG file says, and scale planes of chroma.

Planes are float32 (rows, columns), of `padded_plane`, colours in -128..127, whole blocks. A kernel
works on the rows of blocks, or of units, ``first`` to ``last``. A unit is the least that holds
whole blocks of all components.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.images.formats.jpeg_cosines import (
    MOST_COLUMNS,
    TILE,
    TILE_COLUMNS,
    WIDTH,
    load_tile,
    store_tile,
    tile_from_cosines,
    tile_to_cosines,
    widen,
)
from fit_image.images.ycbcr import BLUE_OF_CB, GREEN_OF_CB, GREEN_OF_CR, LUMA, RED_OF_CR
from fit_image.nn.runtime import simd
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import inner, kernel

_GROUPS = WIDTH // 8
_CHANGES = 2 * TILE + 8 * MOST_COLUMNS

PROJECT_SCRATCH = _CHANGES + MOST_COLUMNS + 2 * WIDTH
"""Numbers that `project_kernel` needs."""

NOTHING, CLIP, PROJECT = 0, 1, 2
"""Work left to do with a unit."""


class Component(NamedTuple):
    """A component of a JPEG, at its own resolution.

    Attributes
    ----------
    plane, before : float32 (rows, columns)
        Its samples; and these before they were moved, which are the same at full resolution, where
        the samples are the picture's plane.
    quantised : int16 (rows, columns)
    steps : float32 (8, WIDTH)
        See `steps_of`.
    down, across : int
        Pixels of the picture for one of the component's.
    reach : float32
        How far `project_kernel` lets coefficients be from the file's, in quantisation steps.
    """

    plane: FloatArray
    before: FloatArray
    quantised: npt.NDArray[np.int16]
    steps: FloatArray
    down: Any
    across: Any
    reach: np.float32


@inner
def _shrink_rows(plane, component, row, begin, end):
    """Set columns of a row of ``component.before`` to the means of the pixels of each."""
    down, across = component.down, component.across
    small = component.before[row, begin:end]
    share = np.float32(1) / np.float32(down * across)
    if down == 2 and across == 2:
        upper = plane[2 * row, 2 * begin : 2 * end]
        lower = plane[2 * row + 1, 2 * begin : 2 * end]
        for j in range(small.size):
            upper_two = upper[2 * j] + upper[2 * j + 1]
            small[j] = (upper_two + (lower[2 * j] + lower[2 * j + 1])) * share
        return
    for j in range(small.size):
        total = np.float32(0)
        for y in range(down):
            for x in range(across):
                total += plane[down * row + y, across * (begin + j) + x]
        small[j] = total * share


@inner
def _add_change(plane, component, row, begin, end):
    """Add what columns of a row have changed to all pixels that each stands for."""
    down, across = component.down, component.across
    before, after = component.before[row, begin:end], component.plane[row, begin:end]
    for y in range(down * row, down * row + down):
        pixels = plane[y, across * begin : across * end]
        if across == 2:
            for j in range(before.size):
                change = after[j] - before[j]
                pixels[2 * j] += change
                pixels[2 * j + 1] += change
        else:
            for j in range(before.size):
                for x in range(across):
                    pixels[across * j + x] += after[j] - before[j]


@inner
def _project_row(source, target, component, row, begin, end, basis, scratch):
    """Move the columns of a row of blocks into the intervals of their coefficients."""
    width = simd.broadcast(np.float32(2) * component.reach)
    minus_reach, nothing = simd.broadcast(-component.reach), simd.broadcast(np.float32(0))
    steps = component.steps
    for start in range(begin, end, MOST_COLUMNS):
        stop = min(start + MOST_COLUMNS, end)
        widen(component.quantised, row, start, stop, scratch, 2 * TILE)
        for left in range(start, stop, TILE_COLUMNS):
            load_tile(source, row, left, stop - WIDTH, scratch)
            tile_to_cosines(scratch, basis)
            for group in range(_GROUPS):
                column = min(left + group * WIDTH, stop - WIDTH)
                for y in range(8):
                    at = (8 * group + y) * WIDTH
                    step = simd.load(steps, y * WIDTH)
                    number = simd.load(scratch, 2 * TILE + y * MOST_COLUMNS + column - start)
                    low = simd.fma(number, step, simd.fma(step, minus_reach, nothing))
                    found = simd.maximum(simd.load(scratch, at), low)
                    simd.store(scratch, at, simd.minimum(found, simd.fma(step, width, low)))
            tile_from_cosines(scratch, basis)
            store_tile(target, row, left, stop - WIDTH, scratch)


@inner
def _project(plane, component, rows, begin, end, basis, scratch):
    """Project blocks of a component, and more of them to fill whole vectors."""
    width = component.quantised.shape[1]
    wide_begin = begin // WIDTH * WIDTH
    wide_end = -(-end // WIDTH) * WIDTH
    first, last = rows
    for row in range(first, last):
        if component.down * component.across == 1:
            _project_row(plane, plane, component, row, wide_begin, wide_end, basis, scratch)
            continue
        before, after = component.before, component.plane
        for y in range(8 * row, 8 * row + 8):
            _shrink_rows(plane, component, y, wide_begin, min(wide_end, width))
        _project_row(before, after, component, row, wide_begin, wide_end, basis, scratch)
        for y in range(8 * row, 8 * row + 8):
            _add_change(plane, component, y, begin, end)


@inner
def _clip_colours(luma, blue, red, changes):
    """Clip colours to red, green and blue in 0..255; add up how far they were beyond."""
    low, high = np.float32(-128), np.float32(127)
    for j in range(luma.size):
        y, cb, cr = luma[j], blue[j], red[j]
        r = y + np.float32(RED_OF_CR) * cr
        b = y + np.float32(BLUE_OF_CB) * cb
        g = y - np.float32(GREEN_OF_CB) * cb - np.float32(GREEN_OF_CR) * cr
        r, g, b = (
            min(max(r, low), high) - r,
            min(max(g, low), high) - g,
            min(max(b, low), high) - b,
        )
        y = np.float32(LUMA[0]) * r + np.float32(LUMA[1]) * g + np.float32(LUMA[2]) * b
        luma[j] += y
        blue[j] += (b - y) * np.float32(1 / BLUE_OF_CB)
        red[j] += (r - y) * np.float32(1 / RED_OF_CR)
        changes[j] += abs(r) + abs(g) + abs(b)


@inner
def _clip_levels(levels, changes):
    """Clip levels to 0..255; add up how far they were beyond."""
    for j in range(levels.size):
        level = levels[j]
        change = min(max(level, np.float32(-128)), np.float32(127)) - level
        levels[j] = level + change
        changes[j] += abs(change)


@inner
def _clip(planes, count, rows, begin, end, changes):
    first, last = rows
    for x in range(changes.size):
        changes[x] = np.float32(0)
    for y in range(first, last):
        if count == 3:
            _clip_colours(
                planes[0][y, begin:end], planes[1][y, begin:end], planes[2][y, begin:end], changes
            )
        else:
            for p in range(3):
                _clip_levels(planes[p][y, begin:end], changes)


@kernel
def project_kernel(planes, components, is_luma, basis, todo, scratch, first, last):
    """Move planes towards the intervals of their coefficients, and into the range of colours.

    Parameters
    ----------
    planes : three float32 (rows, columns)
        At full resolution.
    components : three of Component
        All the same where the first is the only one.
    is_luma : (bool, bool)
        Whether there are components of chroma; and whether planes are luma and chroma.
    basis : float32 (8, 8)
        Discrete cosine transform, a row for each cosine.
    todo : uint8 (rows, columns of units)
        What is to be done; set to what is to be done again, as clipping has moved colours.
    scratch : float32, flat
        `PROJECT_SCRATCH` numbers.
    """
    down = components[0].quantised.shape[0] // (8 * todo.shape[0])
    size = components[0].quantised.shape[1] // todo.shape[1]
    most = max(MOST_COLUMNS // size, 1)  # of whole vectors
    for i in range(first, last):
        begin = 0
        while begin < todo.shape[1]:
            own, end = todo[i, begin], begin + 1
            while end < todo.shape[1] and todo[i, end] == own and end % most:
                end += 1
            if own == PROJECT:
                for p in range(3 if is_luma[0] else 1):
                    each = components[p]
                    rows = i * down // each.down, (i + 1) * down // each.down
                    across = size // each.across
                    _project(planes[p], each, rows, across * begin, across * end, basis, scratch)
            if own != NOTHING:
                # What was projected to fill whole vectors, too.
                left = size * begin // WIDTH * WIDTH
                right = min(-(-size * end // WIDTH) * WIDTH, size * todo.shape[1])
                changes = scratch[_CHANGES : _CHANGES + right - left]
                rows = 8 * down * i, 8 * down * (i + 1)
                _clip(planes, 3 if is_luma[1] else 1, rows, left, right, changes)
                for unit in range(begin, end):
                    total = np.float32(0)
                    for x in range(size * unit - left, size * (unit + 1) - left):
                        total += changes[x]
                    if own == CLIP or total == np.float32(0):
                        todo[i, unit] = NOTHING
            begin = end


@kernel
def shrink_kernel(plane, component, first, last):
    """Fill ``component.before`` with the means of the pixels of ``plane`` that each stands for."""
    for row in range(8 * first, 8 * last):
        _shrink_rows(plane, component, row, 0, component.quantised.shape[1])


@kernel
def add_change_kernel(plane, component, first, last):
    """Add what ``component.plane`` has changed from ``component.before`` to a plane's pixels."""
    for row in range(8 * first, 8 * last):
        _add_change(plane, component, row, 0, component.quantised.shape[1])
