"""Kernels for the places of estimated coefficients in the intervals that a JPEG file tells.

A place is the distance from the middle of the interval, in quantisation steps: from -0.5 to 0.5, or
beyond where the estimate contradicts the file.
"""

from __future__ import annotations

import numpy as np

from fit_image.images.formats.jpeg_cosines import (
    TILE_COLUMNS,
    WIDTH,
    load_tile,
    store_tile,
    tile_from_cosines,
    tile_to_cosines,
)
from fit_image.nn.runtime.jit import inner, kernel

_GROUPS = WIDTH // 8
_HALF, _BLOCK = np.float32(0.5), np.float32(8)

_SPREAD = np.float32(1.2)
"""Of places, before they are clipped and shrunk: most estimates are too near to the JPEG."""

ZERO, INWARD, OUTWARD = range(3)
"""Coefficients that are 0 in the file; others, estimated nearer to 0 than that, or farther."""


@inner
def _slot(slot, left, columns):
    """Return the column of a block of a tile in its plane, and where it lies in the tile."""
    group, side = slot // _GROUPS, slot % _GROUPS
    return min(left + group * WIDTH, columns - WIDTH) + 8 * side, 8 * (group * WIDTH + side)


@inner
def _any(active, row, left):
    """Tell whether a tile has blocks that are active."""
    found = False
    for j in range(left // 8, min((left + TILE_COLUMNS) // 8, active.shape[1])):
        found |= active[row, j] != 0
    return found


@inner
def _place(coefficient, number, step):
    """Return the place of a coefficient; tables of broken programs have steps of 0."""
    return coefficient / max(step, np.float32(1)) - np.float32(number)


@inner
def _measure(scratch, at, numbers, steps, measures):
    """Set the mean squares of what a block's places are beyond the intervals, and within."""
    beyond, within = np.float32(0), np.float32(0)
    for y in range(8):
        for x in range(8):
            place = _place(scratch[at + y * WIDTH + x], numbers[y, x], steps[y, x])
            clipped = min(max(place, -_HALF), _HALF)
            beyond += (place - clipped) ** 2
            within += clipped**2
    measures[0], measures[1] = beyond / np.float32(64), within / np.float32(64)


@kernel
def measure_kernel(samples, component, active, basis, measures, scratch, first, last):
    """Measure how far a component's samples are from the middles of the intervals.

    Parameters
    ----------
    samples : float32 (rows, columns)
        Of `padded_plane`.
    component : Component
    active : uint8 (rows, columns of blocks)
        0 for blocks that are left out.
    measures : float32 (rows, columns of blocks, 2)
        Filled with the mean squares of what places are beyond -0.5..0.5, and of the rest.
    scratch : float32, flat
        `COSINES_SCRATCH` numbers.
    """
    columns = samples.shape[1]
    for i in range(first, last):
        for left in range(0, columns, TILE_COLUMNS):
            if not _any(active, i, left):
                continue
            load_tile(samples, i, left, columns - WIDTH, scratch)
            tile_to_cosines(scratch, basis)
            for slot in range(_GROUPS * _GROUPS):
                column, at = _slot(slot, left, columns)
                j = column // 8
                if j < active.shape[1] and active[i, j]:
                    numbers = component.quantised[8 * i : 8 * i + 8, column : column + 8]
                    _measure(scratch, at, numbers, component.steps, measures[i, j])


@inner
def _calibrate(scratch, at, numbers, steps, factors):
    """Move a block's coefficients to calibrated places."""
    zero, inward, outward = factors[ZERO], factors[INWARD], factors[OUTWARD]
    is_flat = True
    for y in range(8):
        for x in range(8):
            number = np.float32(numbers[y, x])
            place = _SPREAD * _place(scratch[at + y * WIDTH + x], number, steps[y, x])
            factor = outward if place * number > 0 else inward
            factor = zero if number == 0 else factor
            place = factor * min(max(place, -_HALF), _HALF)
            coefficient = (number + place) * steps[y, x]
            scratch[at + y * WIDTH + x] = coefficient
            is_flat &= coefficient == 0 or y + x == 0
    if is_flat:  # the encoder's levels were whole numbers
        scratch[at] = _BLOCK * np.rint(scratch[at] / _BLOCK)


@kernel
def calibrate_kernel(samples, component, active, factors, basis, scratch, first, last):
    """Move an estimate's coefficients to calibrated places, within the intervals.

    Parameters
    ----------
    samples, active, basis, scratch
        See `measure_kernel`.
    component : Component
        Its plane is filled, blocks that are not active with the samples; it may be these.
    factors : float32 (rows, columns of blocks, 3)
        Of the places of coefficients of the kinds `ZERO`, `INWARD` and `OUTWARD`; where all are 0,
        the component's block becomes that of the JPEG, but for one of one level, which becomes the
        nearest whole one.
    """
    columns = samples.shape[1]
    for i in range(first, last):
        for left in range(0, columns, TILE_COLUMNS):
            load_tile(samples, i, left, columns - WIDTH, scratch)
            if _any(active, i, left):
                tile_to_cosines(scratch, basis)
                for slot in range(_GROUPS * _GROUPS):
                    column, at = _slot(slot, left, columns)
                    j = column // 8
                    if j < active.shape[1] and active[i, j]:
                        numbers = component.quantised[8 * i : 8 * i + 8, column : column + 8]
                        _calibrate(scratch, at, numbers, component.steps, factors[i, j])
                tile_from_cosines(scratch, basis)
            store_tile(component.plane, i, left, columns - WIDTH, scratch)
