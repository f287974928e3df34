"""Planes of luma and chroma, 0 for grey of 128, and of red, green and blue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fit_image.images.ycbcr import FROM_RGB, OFFSETS
from fit_image.nn.runtime.arrays import FloatArray

_FROM_RGB, _TO_RGB = (each.astype(np.float32) for each in (FROM_RGB, np.linalg.inv(FROM_RGB)))


def luma_of(planes: Sequence[FloatArray]) -> FloatArray:
    """Return the luma of red, green and blue, or of changes of these."""
    return _weighted(_FROM_RGB[:1], planes)[0]


def from_rgb(planes: Sequence[FloatArray]) -> list[FloatArray]:
    """Return red, green and blue, or changes of these, as luma and chroma."""
    return _weighted(_FROM_RGB, planes)


def to_rgb(planes: Sequence[FloatArray]) -> list[FloatArray]:
    """Return luma and chroma, or changes of these, as red, green and blue."""
    return _weighted(_TO_RGB, planes)


def centred_planes(ycbcr: FloatArray, shape: tuple[int, ...]) -> list[FloatArray]:
    """Return luma and chroma (height, width, 3) in 0..1 as planes, in levels around 0.

    They have another shape; the edge is repeated.
    """
    middle = 128, 255 * OFFSETS[1], 255 * OFFSETS[2]
    centred = ycbcr * np.float32(255) - np.array(middle, np.float32)
    more = [(0, whole - side) for whole, side in zip(shape, ycbcr.shape, strict=False)]
    return [np.ascontiguousarray(np.pad(centred[..., n], more, mode="edge")) for n in range(3)]


def _weighted(matrix: FloatArray, planes: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the weighted sums of three planes, for each row of a matrix."""
    return [sum((row[n] * planes[n] for n in range(1, 3)), row[0] * planes[0]) for row in matrix]
