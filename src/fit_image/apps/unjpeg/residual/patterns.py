"""Which blocks show patterns that the networks have never seen, and take for damage."""

from __future__ import annotations

import numpy as np

from fit_image.apps.unjpeg.floor.screens import block_counts, box_mean, coarseness
from fit_image.apps.unjpeg.residual.pattern_kernels import (
    BANDS,
    neighbours_kernel,
    spectrum_kernel,
)
from fit_image.images.formats.jpeg_planes import Plane
from fit_image.nn.runtime.arrays import FloatArray

_RADIUS = 2
"""Of the square of blocks that is looked at."""

_LEAST, _MOST = 0.0, 1.0
"""Scores between which the network's share goes from 1 to 0."""


def network_shares(luma: Plane, screens: FloatArray) -> FloatArray:
    """Return how much the network's changes count in each block, 0..1.

    Photographs and screens have most of their energy in low frequencies, or many coefficients.
    Chessboards, stripes, hatching and waves have few and high ones, or blocks that are all
    equal, or edges that lie on the borders of blocks. These are told from blocks on both sides:
    a ramp of d levels from block to block has a first coefficient of 2.28 d, and an edge of d a
    pixel beside the border one of 1.39 d, so that it is no 0 where d is above 0.22 or 0.36
    of its quantisation step. (Deblocking in H.264 tells edges from damage by such a bound, too:
    List et al., "Adaptive deblocking filter", 2003.)

    A logistic regression. Its weights minimise the loss in what is restored, with the network or
    without, of drawn patterns, photographs and screens, at qualities 5 to 100; those of equal
    blocks and of edges, which photographs have not, were enlarged then, and the scores between
    which shares fall were raised, so that striped cloth keeps what the network gains.

    Parameters
    ----------
    luma : Plane
    screens : float32 (rows, columns of blocks)
        How much each block belongs to a screen; see `screen_shares`.

    Returns
    -------
    float32 (rows, columns of blocks)
    """
    rows, columns = screens.shape
    quantised = np.ascontiguousarray(luma.quantised)
    energies = np.empty((rows, columns, BANDS), np.float32)
    spectrum_kernel(quantised, luma.table, energies, 0, rows)
    borders, edges, repeats = (np.empty((rows, columns), np.uint8) for _ in range(3))
    neighbours_kernel(quantised, luma.table, borders, edges, repeats, 0, rows)
    low, middle, high, higher = (box_mean(energies[..., n], _RADIUS) for n in range(4))
    all_energy = box_mean(energies.sum(axis=2), _RADIUS)
    square = coarseness(luma.table) ** 2
    some = all_energy + 0.2 * square
    score = (
        0.277 * np.log2(all_energy / square + 0.05)
        - 2.585 / 64 * box_mean(block_counts(quantised), _RADIUS)
        - (4.858 * low + 2.293 * middle + 1.933 * high + 0.894 * higher) / some
        + 6.000 * box_mean(repeats, _RADIUS)
        + 4.500 * box_mean(edges, _RADIUS) / (box_mean(borders, _RADIUS) + 0.3)
        - 4.474 * box_mean(screens, _RADIUS)
        + 0.127
    )
    shares: FloatArray = ((_MOST - score) / (_MOST - _LEAST)).astype(np.float32)
    return np.clip(shares, 0, 1, out=shares)
