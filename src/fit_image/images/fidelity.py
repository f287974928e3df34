"""Measures of how near a picture is to its original: PSNR; and of luma, PSNR-B and SSIM, too."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.errors import InputError
from fit_image.images.colours import clipped, to_float
from fit_image.images.decoding import row_strips
from fit_image.images.inputs import real_colours
from fit_image.images.ycbcr import LUMA

_BLOCK = 8

# Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004.
_RADIUS, _DEVIATION = 5, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class Fidelity(NamedTuple):
    """How near a picture is to its original: PSNR over red, green and blue; the rest of luma."""

    psnr: float
    luma_psnr: float
    ssim: float
    psnr_b: float


def fidelity(picture: npt.NDArray[np.uint8], original: npt.NDArray[np.uint8]) -> Fidelity:
    """Measure a picture, uint8 (height, width, 3), against its original."""
    luma, clean = picture @ np.array(LUMA), original @ np.array(LUMA)
    error = float(np.square(luma - clean).mean())
    return Fidelity(
        psnr(picture, original),
        _decibels(error),
        ssim(luma, clean),
        _decibels(error + blocking(luma)),
    )


def psnr(picture: npt.NDArray[Any], target: npt.NDArray[Any]) -> float:
    """Return the peak signal-to-noise ratio in dB: -10 log10 of the mean squared error.

    The mean is over all pixels and channels; the ratio is infinite if the two pictures are equal.
    `InputError` if their shapes differ.

    Parameters
    ----------
    picture, target : ndarray of float, uint8 or uint16, shape (height, width, channels)
        Floats are colours in 0..1; ``picture`` is clipped to that range.
    """
    picture, target = real_colours(np.asarray(picture)), real_colours(np.asarray(target))
    if picture.shape != target.shape:
        raise InputError(f"the shapes of the pictures differ: {picture.shape}, {target.shape}")
    total = 0.0
    for rows in row_strips(*picture.shape[:2]):
        levels = clipped(to_float(picture[rows]))
        error = np.subtract(levels, to_float(target[rows]), dtype=np.float64)
        total += float(np.square(error, out=error).sum())
    return -10 * math.log10(total / picture.size) if total else math.inf


def ssim(luma: npt.NDArray[np.float64], clean: npt.NDArray[np.float64]) -> float:
    """Return the mean structural similarity of two planes in 0..255.

    Windows are Gaussian, 11 x 11, wholly inside; smaller planes have one window, all of them.
    """
    if min(luma.shape) <= 2 * _RADIUS:
        means = luma.mean(), clean.mean()
        moments = np.square(luma).mean(), np.square(clean).mean(), (luma * clean).mean()
    else:
        means = _blurred(luma), _blurred(clean)
        moments = _blurred(luma**2), _blurred(clean**2), _blurred(luma * clean)
    one, two = means
    variances = moments[0] - one * one + moments[1] - two * two
    covariance = moments[2] - one * two
    numerator = (2 * one * two + _C1) * (2 * covariance + _C2)
    return float(np.mean(numerator / ((one * one + two * two + _C1) * (variances + _C2))))


def blocking(luma: npt.NDArray[np.float64]) -> float:
    """Return the blocking effect factor, which PSNR-B adds to the mean squared error.

    Yim and Bovik, "Quality assessment of deblocked images", 2011, of blocks of 8 x 8. It is not
    defined for a picture of one row or column, where 0 is returned.
    """
    at_edges = between = 0.0
    edges = others = 0
    for axis in (0, 1):
        steps = np.square(np.diff(luma, axis=axis)).sum(axis=1 - axis)
        is_edge = np.arange(1, len(steps) + 1) % _BLOCK == 0
        at_edges += float(steps[is_edge].sum())
        between += float(steps[~is_edge].sum())
        edges += int(is_edge.sum()) * luma.shape[1 - axis]
        others += int((~is_edge).sum()) * luma.shape[1 - axis]
    if not edges or not others:
        return 0.0
    at_edges, between = at_edges / edges, between / others
    if at_edges <= between or min(luma.shape) < 2:
        return 0.0
    return math.log2(_BLOCK) / math.log2(min(luma.shape)) * (at_edges - between)


def _blurred(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    places = np.arange(-_RADIUS, _RADIUS + 1)
    weights = np.exp(-(places**2) / (2 * _DEVIATION**2))
    weights /= weights.sum()
    for axis in (0, 1):
        length = plane.shape[axis] - 2 * _RADIUS
        parts = [plane.take(range(k, k + length), axis=axis) for k in range(2 * _RADIUS + 1)]
        plane = sum((w * part for w, part in zip(weights, parts, strict=True)), 0 * parts[0])
    return plane


def _decibels(error: float) -> float:
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)
