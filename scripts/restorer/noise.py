"""Noise of cameras and films, which is no damage and must stay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Picture = npt.NDArray[np.uint8]

_CLOUDS = 0.25
"""Share of pictures that give way to soft clouds of colour, under the noise."""

_STRONGEST = 14.0
"""Standard deviation in levels."""

_SOFT = 0.4
"""Share of noise that is blurred, as that of scaled pictures."""


def with_noise(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return a picture with Gaussian noise, the same in all colours or one in each."""
    height, width, _ = picture.shape
    base = _clouds(height, width, rng) if rng.random() < _CLOUDS else picture.astype(np.float32)
    deviation = _STRONGEST * rng.random() ** 2
    grain = rng.normal(0, 1, (height, width, 1 if rng.random() < 0.6 else 3))
    grain = np.broadcast_to(grain, picture.shape)
    if rng.random() < _SOFT:
        grain = _blurred(grain, rng.uniform(0.4, 1.2))
    return np.clip(np.rint(base + deviation * grain), 0, 255).astype(np.uint8)


def _clouds(height: int, width: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    coarse = rng.integers(0, 256, (*rng.integers(3, 30, 2), 3), dtype=np.uint8)
    soft = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    contrast = rng.uniform(0.2, 1)
    grey = np.float32((1 - contrast) * rng.uniform(0, 255))
    return np.asarray(soft, np.float32) * np.float32(contrast) + grey


def _blurred(grain: npt.NDArray[np.float64], radius: float) -> npt.NDArray[np.float64]:
    """Return noise blurred, of a deviation of 1 again."""
    planes = []
    for index in range(3):
        levels = Image.fromarray((grain[..., index] * 30 + 128).clip(0, 255).astype(np.uint8))
        planes.append(np.asarray(levels.filter(ImageFilter.GaussianBlur(radius)), np.float64))
    blurred = np.stack(planes, axis=-1)
    blurred -= blurred.mean()
    return blurred / max(float(blurred.std()), 1e-3)
