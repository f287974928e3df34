"""Which blocks of a picture show a screen: text, lines and areas on a background of one colour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.floor.measures import count_kernel, tone_kernel
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.formats.jpeg_planes import Plane
from fit_image.nn.runtime.arrays import FloatArray

_FAINT = 2.4
"""Levels between the darkest and the lightest pixel of blocks that are no part of a screen, in
units of `coarseness`, up to `_COARSEST`."""

_COARSEST = 30.0

_UNSURE = 0.1
"""Probability below which a block is no part of a screen; above 1 less this, it is one wholly."""


def coarseness(table: FloatArray) -> float:
    """Return the root mean square of the quantisation steps of the 16 lowest frequencies."""
    return float(np.sqrt(np.square(table[:4, :4]).mean()))


def screen_shares(luma: FloatArray, plane: Plane) -> FloatArray:
    """Return how much each block belongs to a screen, 0..1.

    A logistic regression. Its weights minimise the error of the filtered blocks of rendered pages,
    beside that of photographs as they are, at qualities 10 to 95.

    Parameters
    ----------
    luma : float32 (rows, columns)
        As decoded, -128..127.
    plane : Plane
        Whose coefficients these are.
    """
    step = coarseness(plane.table)
    varied = block_counts(plane.quantised) > 1
    flat = ~varied
    shape = varied.shape
    low, high, outer = (np.empty(shape, np.float32) for _ in range(3))
    tone_kernel(luma, low, high, outer, 0, shape[0])
    span = high - low
    outer[span < 4] = 0.5  # nothing but rounding
    background = np.minimum(_deviation(low), _deviation(high))
    score = (
        1.717 * np.log2(box_mean(flat, 1) + 0.03)  # flat blocks close by
        + 2.266 * np.log2(box_mean(flat, 5) + 0.03)  # and in the wider neighbourhood
        - 1.170 * np.log2((span + 2) / step)
        + 41.66 * box_mean(outer, 3)  # pixels are dark or light, with little between
        - 1.399 * np.log2((background + 1) / step)  # the same darkest or lightest level around
        - 2.728 * np.log2(step)
        - 2.986
    )
    contrast = box_mean(span * varied, 3) / np.maximum(box_mean(varied, 3), 0.02)
    probability = 1 / (1 + np.exp(-np.clip(score, -30, 30)))
    shares: FloatArray = (probability - _UNSURE).astype(np.float32) / np.float32(1 - 2 * _UNSURE)
    np.clip(shares, 0, 1, out=shares)
    # Areas without strong edges are more likely soft parts of a photograph.
    shares *= np.clip(contrast / (_FAINT * min(step, _COARSEST)) - 1, 0, 1)
    return shares


def block_counts(quantised: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    """Return how many coefficients of each block are not 0."""
    rows, columns = (side // BLOCK for side in quantised.shape)
    counts = np.empty((rows, columns), np.uint8)
    count_kernel(np.ascontiguousarray(quantised), counts, 0, rows)
    return counts


def box_mean(values: npt.NDArray[np.generic], radius: int) -> npt.NDArray[np.float64]:
    """Return the mean of the square around each value; the edge is repeated."""
    size = 2 * radius + 1
    wide = np.pad(values.astype(np.float64), radius, mode="edge")
    sums = np.pad(wide.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums = sums[size:] - sums[:-size]
    mean: npt.NDArray[np.float64] = (sums[:, size:] - sums[:, :-size]) / size**2
    return mean


def _deviation(values: FloatArray) -> npt.NDArray[np.float64]:
    """Return the standard deviation of each value and its eight neighbours."""
    centred = values.astype(np.float64) - values.mean()
    variance = box_mean(centred**2, 1) - box_mean(centred, 1) ** 2
    deviation: npt.NDArray[np.float64] = np.sqrt(np.maximum(variance, 0))
    return deviation
