"""The filters that restore a strip without a network."""

from __future__ import annotations

import numpy as np

from fit_image.apps.unjpeg.floor.screens import coarseness, screen_shares
from fit_image.apps.unjpeg.floor.strip import Smoothing, Strip
from fit_image.nn.runtime.arrays import FloatArray

_SMOOTHINGS = 5
_CALMING = 0.8
"""Of the deviation of each smoothing after the first."""

_CHROMA_WEIGHT, _NEARNESS = 0.05, 0.03
_COARSE = 4.0
"""Coarseness above which chroma is expanded again from smoothed luma."""

_FINEST, _FINE = 1.0, 1.3
"""Coarseness between which smoothing goes from the least to the usual."""

_LEAST_DEVIATION = 1.0

_REACH = 0.44
"""Measured: filters that go to the ends of intervals, 0.5, are more often wrong."""


def filter_strip(strip: Strip) -> FloatArray:
    """Expand chroma by regression on luma, and smooth screens between their edges.

    After each step, every coefficient is moved back into the middle 88% of the interval that the
    file tells (projection onto convex sets; Zakhor, "Iterative procedures for reduction of blocking
    effects in transform image coding", 1992).

    Returns
    -------
    float32 (rows, columns of blocks)
        How much each block belongs to a screen, 0..1.
    """
    luma = strip.jpeg.planes[0]
    shares = strip.active.astype(np.float32) * screen_shares(strip.full[0], luma)
    strip.expand_chroma(shares)
    strip.project(_REACH)
    if not shares.any():
        return shares
    coarse = coarseness(luma.table)
    deviation = _deviation(coarse)
    chroma_weight, results = _chroma_weight(strip), strip.empty_planes()
    for index in range(_SMOOTHINGS):
        strip.smooth(shares, Smoothing(deviation, chroma_weight, _NEARNESS), results)
        strip.project(_REACH)
        deviation *= _CALMING
        if index == 0 and coarse > _COARSE:
            strip.expand_chroma(shares)
            strip.project(_REACH)
    return shares


def _chroma_weight(strip: Strip) -> float:
    """Return the weight of squared differences of chroma, of luma's.

    At full resolution differences of chroma are known as exactly as its steps tell, and letters
    smoothed for subpixels, whose luma is even, differ in nothing else.
    """
    luma, *chroma = strip.jpeg.planes
    if not chroma or chroma[0].down * chroma[0].across > 1:
        return _CHROMA_WEIGHT
    ratio = _usual_deviation(coarseness(luma.table)) / _usual_deviation(coarseness(chroma[0].table))
    return max(_CHROMA_WEIGHT, ratio**2)


def _usual_deviation(coarse: float) -> float:
    deviation: float = 3.0 * coarse**0.6  # measured: the best of 1 to 50
    return deviation


def _deviation(coarse: float) -> float:
    """Return the deviation of the first smoothing, in levels."""
    usual = _usual_deviation(coarse)
    if coarse >= _FINE:
        return usual
    # Of steps of 1, levels are known nearly: faint shades are no damage.
    share = max(coarse - _FINEST, 0.0) / (_FINE - _FINEST)
    return _LEAST_DEVIATION + share * (usual - _LEAST_DEVIATION)
