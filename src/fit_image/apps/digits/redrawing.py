"""Comparing reconstructions with their sources, pixel by pixel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.runtime.arrays import FloatArray

# Of a pixel drawn: beyond, the gradient of the cross-entropy by the pixel grows no more.
_MARGIN = np.float32(1e-4)


class Posterior(NamedTuple):
    """Outputs of an encoder, all float32 (samples, latent).

    ``scaled`` are latents drawn with ``noise``, as the generator takes them.
    """

    mean: FloatArray
    log_variance: FloatArray
    noise: FloatArray
    scaled: FloatArray


def pixel_entropy(
    drawn: FloatArray, pictures: FloatArray, weight: float
) -> tuple[float, FloatArray]:
    """Return ``weight`` times the mean cross-entropy of pixels in 0..1, and its gradient."""
    factor = np.float32(weight / drawn.size)
    limited = np.clip(drawn, _MARGIN, 1 - _MARGIN)
    losses = pictures * np.log(limited) + (1 - pictures) * np.log(1 - limited)
    gradient: FloatArray = factor * (limited - pictures) / (limited * (1 - limited))
    return -float(weight * losses.mean(dtype=np.float64)), gradient
