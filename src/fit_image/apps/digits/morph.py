"""Closed walks through the latent space."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fit_image.nn.runtime.arrays import FloatArray


def walk(anchors: FloatArray, steps: int, kind: str) -> Iterator[FloatArray]:
    """Yield latents on a closed path: from each anchor to the next, and back to the first.

    Parameters
    ----------
    anchors : float32 (anchors, latent)
    steps : int
        From one anchor to the next.
    kind : str
        A key of `fit_image.config.registry.WALKS`.

    Yields
    ------
    float32 (latent,)
        ``len(anchors) * steps`` times; the first is the first anchor.
    """
    for before, after in zip(anchors, np.roll(anchors, -1, axis=0), strict=True):
        for step in range(steps):
            share = step / steps
            if kind == "sinusoidal":
                share = (1.0 - math.cos(math.pi * share)) / 2
            yield before + np.float32(share) * (after - before)
