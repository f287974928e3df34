"""Kernels that measure blocks and their neighbours, for those of rows ``first`` to ``last``."""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.jit import inner, kernel

BANDS = 5
_TOPS = (2, 8, 20, 42)
"""Highest squared frequencies of the bands but the last."""

_RAMP, _LEVEL = np.float32(0.36), np.float32(0.02)
"""Of the first quantisation step: the highest step between blocks that an edge a pixel beside
their border may leave without coefficients; and one below which there is no edge at all."""


@kernel
def spectrum_kernel(quantised, table, energies, first, last):
    """Fill ``energies`` (rows, columns of blocks, `BANDS` + 1), in squared levels.

    Bands are of squared frequencies (down and across, 0 to 7) up to each of `_TOPS`, and above. The
    last is that of the largest coefficient. The mean of a block is none of them.
    """
    for i in range(first, last):
        for j in range(energies.shape[1]):
            own = energies[i, j]
            for band in range(BANDS + 1):
                own[band] = np.float32(0)
            for v in range(8):
                for u in range(8):
                    number = quantised[8 * i + v, 8 * j + u]
                    if number == 0 or u + v == 0:
                        continue
                    place, band = u * u + v * v, 0
                    for top in _TOPS:
                        band += place > top
                    level = np.float32(number) * table[v, u]
                    own[band] += level * level
                    own[BANDS] = max(own[BANDS], level * level)


@inner
def _has_waves(quantised, i, j, down):
    """Tell whether a block varies from column to column, or from row to row if ``down``."""
    for y in range(8):
        for x in range(8):
            frequency = y if down else x
            if frequency > 0 and quantised[8 * i + y, 8 * j + x] != 0:
                return True
    return False


@inner
def _step(quantised, table, one, other, down):
    """Return the root mean square of the step between two blocks, in levels."""
    (i, j), (k, m) = one, other
    total = np.float32(0)
    for n in range(8):
        y, x = (0, n) if down else (n, 0)
        change = np.float32(quantised[8 * k + y, 8 * m + x]) - np.float32(
            quantised[8 * i + y, 8 * j + x]
        )
        total += (change * table[y, x]) ** 2
    return np.sqrt(total) / np.float32(8)


@inner
def _is_repeated(quantised, one, other):
    """Tell whether two blocks are equal, and not of one colour."""
    (i, j), (k, m) = one, other
    varied = False
    for y in range(8):
        for x in range(8):
            number = quantised[8 * i + y, 8 * j + x]
            if number != quantised[8 * k + y, 8 * m + x]:
                return False
            varied |= number != 0 and x + y > 0
    return varied


@kernel
def neighbours_kernel(quantised, table, borders, edges, repeats, first, last):
    """Fill uint8 arrays (rows, columns of blocks) with what the four neighbours of blocks tell.

    Parameters
    ----------
    borders : uint8
        Those with a step between, where neither block has coefficients across the border: of a
        root mean square above 0.02 of the quantisation step of the first such coefficient.
    edges : uint8
        Those of them whose step, above 0.36 of it, is an edge on the border: a ramp, or an edge
        beside it, would have left coefficients.
    repeats : uint8
        1 where there is an equal block both beside and above or below, else 0, as where the block
        is of one colour.
    """
    rows, columns = borders.shape
    for i in range(first, last):
        for j in range(columns):
            border, edge, beside, upright = 0, 0, False, False
            for side in range(4):
                down = side > 1
                away = 2 * (side % 2) - 1
                k, m = (i + away, j) if down else (i, j + away)
                if min(k, m) < 0 or k == rows or m == columns:
                    continue
                if _is_repeated(quantised, (i, j), (k, m)):
                    beside |= not down
                    upright |= down
                if _has_waves(quantised, i, j, down) or _has_waves(quantised, k, m, down):
                    continue
                step = _step(quantised, table, (i, j), (k, m), down)
                first_step = table[1, 0] if down else table[0, 1]
                border += step > _LEVEL * first_step
                edge += step > _RAMP * first_step
            borders[i, j], edges[i, j] = border, edge
            repeats[i, j] = beside and upright
