"""Features of blocks and their surroundings, which tell whether a network's changes help."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.floor.screens import block_counts, box_mean, coarseness
from fit_image.apps.unjpeg.residual.block_kernels import BANDS, neighbours_kernel, spectrum_kernel
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.formats.jpeg_planes import JpegPlanes, Plane
from fit_image.nn.runtime.arrays import FloatArray

BLOCK_FEATURES = 21

_RADIUS = 2
"""Of the square of blocks whose mean is taken."""

_SOME, _LITTLE, _LEAST_CHANGE = 0.2, 0.05, 1e-4
"""Added to energies and changes, in units of the squared `coarseness`."""

_NO_CHROMA = -6.0
"""Logarithm of the energy of the chroma of grey pictures, in place of minus infinity."""

Means = npt.NDArray[np.float64]


def block_features(
    jpeg: JpegPlanes, screens: FloatArray, changes: Sequence[npt.NDArray[np.floating]]
) -> FloatArray:
    """Describe each block and its surroundings.

    Photographs and screens have most of their energy in low frequencies, or many coefficients.
    Chessboards, stripes, hatching and waves have few and high ones, or blocks that are all equal,
    or edges that lie on the borders of blocks. These are told from blocks on both sides: a ramp of
    d levels from block to block has a first coefficient of 2.28 d, and an edge of d a pixel beside
    the border one of 1.39 d, so that it is no 0 where d is above 0.22 or 0.36 of its quantisation
    step. (Deblocking in H.264 tells edges from damage by such a bound, too: List et al., "Adaptive
    deblocking filter", 2003.)

    Parameters
    ----------
    jpeg : JpegPlanes
        Of RGB files, red counts as luma, and green and blue as chroma.
    screens : float32 (rows, columns of blocks)
        How much each block belongs to a screen; see `screen_shares`.
    changes : sequence of floating (rows, columns)
        What a network would add to luma and chroma (of RGB files as well), in levels.

    Returns
    -------
    float32 (rows, columns of blocks, `BLOCK_FEATURES`)
        Means, shares and deviations are those of 5x5 blocks around each; beyond the picture's edge,
        the blocks there are repeated. The energy of a block is the sum of its squared coefficients,
        in squared levels, without the first, which is its mean. E is the mean energy of luma, and C
        that of chroma: the sum of both planes' blocks, at their own resolution, where one of luma
        lies. S and T are the `coarseness` of the tables of luma and of the last plane.

        Of luma:

        - 0: log2(E / S^2 + 0.05)
        - 1 to 5: the mean energy in each of five bands of frequencies / (E + 0.2 S^2)
        - 6: the share of coefficients that are not 0
        - 7: the share of blocks that repeat; as for 8 to 10, see `neighbours_kernel`
        - 8: feature 9 / (feature 10 + 0.3)
        - 9, 10: the mean numbers of edges on a block's borders, and of all steps there, 0 to 4
        - 11: the mean of ``screens``
        - 12: log2(S)
        - 13: the mean energy of a block's largest coefficient / (E + 0.2 S^2)
        - 14: the standard deviation of log2(energy of a block / S^2 + 0.05); squares are rounded to
          float32, so that it may be up to 0.004 where all blocks are alike
        - 15: the share of blocks with at most one coefficient that is not 0: those of one level,
          but also those of one cosine around middle grey

        Of chroma (C = 0, T = S, and -6 as feature 18, if the picture is grey):

        - 16: log2(C / T^2 + 0.05)
        - 17: log2(T / S)
        - 18: log2((C + 0.2 T^2) / (E + 0.2 S^2))

        Of the mean squares of changes:

        - 19: log2(that of luma / S^2 + 0.0001)
        - 20: log2(that of both planes of chroma, 0 if the picture is grey, / T^2 + 0.0001)
    """
    luma, *chroma = jpeg.planes
    rows, columns = screens.shape
    energies = _energies(luma)
    borders, edges, repeats = (np.empty((rows, columns), np.uint8) for _ in range(3))
    quantised = np.ascontiguousarray(luma.quantised)
    neighbours_kernel(quantised, luma.table, borders, edges, repeats, 0, rows)
    counts, step = block_counts(quantised), coarseness(luma.table)
    own = energies[..., :BANDS].sum(axis=2)
    energy = _mean(own)
    some = energy + _SOME * step**2
    logarithm = np.log2(own / step**2 + _LITTLE)
    variance = _mean(logarithm**2) - _mean(logarithm) ** 2
    features = [
        np.log2(energy / step**2 + _LITTLE),
        *(_mean(energies[..., band]) / some for band in range(BANDS)),
        _mean(counts) / BLOCK**2,
        _mean(repeats),
        _mean(edges) / (_mean(borders) + 0.3),
        _mean(edges),
        _mean(borders),
        _mean(screens),
        np.log2(step),
        _mean(energies[..., BANDS]) / some,
        np.sqrt(np.maximum(variance, 0)),
        _mean(counts <= 1),
    ]
    of_chroma: list[Means | float] = [np.log2(_LITTLE), 0.0, _NO_CHROMA]
    change, *chroma_changes = (_mean(_mean_square(each)) for each in changes)
    change_of_chroma: Means | float = 0.0
    if chroma:
        coarse = coarseness(chroma[-1].table)
        of_colours = _mean(np.sum([_at_luma(each, luma) for each in chroma], axis=0))
        of_chroma = [
            np.log2(of_colours / coarse**2 + _LITTLE),
            np.log2(coarse / step),
            np.log2((of_colours + _SOME * coarse**2) / some),
        ]
        change_of_chroma = sum(chroma_changes) / coarse**2
    features = [
        *features,
        *of_chroma,
        np.log2(change / step**2 + _LEAST_CHANGE),
        np.log2(change_of_chroma + _LEAST_CHANGE),
    ]
    whole = np.empty((rows, columns, BLOCK_FEATURES), np.float32)
    for index, each in enumerate(features):
        whole[..., index] = each
    return whole


def _mean(values: npt.NDArray[np.generic]) -> Means:
    return box_mean(values, _RADIUS)


def _energies(plane: Plane) -> FloatArray:
    rows, columns = (side // BLOCK for side in plane.quantised.shape)
    energies = np.empty((rows, columns, BANDS + 1), np.float32)
    spectrum_kernel(np.ascontiguousarray(plane.quantised), plane.table, energies, 0, rows)
    return energies


def _at_luma(plane: Plane, luma: Plane) -> FloatArray:
    """Return the energy of the block of chroma that lies where each block of luma does."""
    energy: FloatArray = _energies(plane)[..., :BANDS].sum(axis=2)
    down, across = plane.down // luma.down, plane.across // luma.across
    rows, columns = (side // BLOCK for side in luma.quantised.shape)
    return energy.repeat(down, axis=0).repeat(across, axis=1)[:rows, :columns]


def _mean_square(change: npt.NDArray[np.floating]) -> FloatArray:
    rows, columns = (side // BLOCK for side in change.shape)
    squares = np.square(change, dtype=np.float32).reshape(rows, BLOCK, columns, BLOCK)
    means: FloatArray = squares.mean(axis=(1, 3))
    return means
