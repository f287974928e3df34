"""Inputs of the convolutional networks."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from fit_image.apps.unjpeg.floor.screens import coarseness
from fit_image.apps.unjpeg.residual.kernels import FACTOR, INPUTS, features_kernel
from fit_image.images.formats.jpeg import tables_of_quality
from fit_image.images.formats.jpeg_planes import JpegPlanes
from fit_image.nn.runtime.arrays import FloatArray

_FINE = 0.3
"""Above 1, the mean of quantisation steps from which the network counts wholly."""


class Damage(NamedTuple):
    """How strongly a picture was compressed: root mean squares of quantisation steps, in levels.

    ``has_blocks`` tells whether blocks begin at the first pixel; else, where they lie is unknown.
    """

    luma: float
    chroma: float
    has_blocks: bool = True

    @classmethod
    def of(cls, jpeg: JpegPlanes) -> Self:
        """Return the damage of a JPEG file."""
        tables = [plane.table for plane in jpeg.planes]
        return cls(coarseness(tables[0]), coarseness(tables[-1]))

    @classmethod
    def of_quality(cls, quality: int) -> Self:
        """Return the damage by libjpeg's tables of a quality, 1 to 100, to pixels alone."""
        luma, chroma = map(coarseness, tables_of_quality(quality))
        return cls(luma, chroma, has_blocks=False)

    @property
    def trust(self) -> np.float32:
        """Factor of the network's outputs, 0..1: with steps of 1, there is nothing to learn."""
        return np.float32(min(max((self.luma - 1) / _FINE, 0.0), 1.0))

    @property
    def unit(self) -> np.float32:
        """Levels for 1 of the network's outputs."""
        return np.float32(self.luma + 1)


def damage_numbers(damage: Damage) -> tuple[np.float32, ...]:
    """Return the damage as `features_kernel` takes it."""
    logarithms = (np.float32(np.log2(each) / 4) for each in (damage.luma, damage.chroma))
    return damage.unit, *logarithms, np.float32(damage.has_blocks)


def make_features(
    planes: tuple[FloatArray, ...], decoded: FloatArray, damage: Damage
) -> FloatArray:
    """Return the network's input of one sample; see `features_kernel`."""
    rows, columns = decoded.shape
    features = np.empty((rows // FACTOR, columns // FACTOR, INPUTS), np.float32)
    sums = np.empty(columns, np.float32)
    features_kernel(planes, decoded, damage_numbers(damage), sums, features, 0, len(features))
    return features
