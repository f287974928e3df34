"""Pixel coordinates of pictures without a target: x, y and the radius."""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.arrays import FloatArray

INPUTS = ("x", "y", "r")
"""Names of the coordinates; r is the distance from the centre."""


def pixel_coordinates(
    width: int, height: int, scale: float, rows: range | None = None
) -> FloatArray:
    """Return x, y and radius of the pixels of a picture, or of some rows: float32 (rows, width, 3).

    x and y are 0 at the centre, and plus and minus ``scale`` at the middle of the nearer sides.
    """
    rows = range(height) if rows is None else rows
    unit = scale / max((min(width, height) - 1) / 2, 0.5)
    x = (np.arange(width) - (width - 1) / 2) * unit
    y = (np.arange(rows.start, rows.stop) - (height - 1) / 2) * unit
    coordinates = np.empty((len(rows), width, len(INPUTS)), dtype=np.float32)
    coordinates[..., 0] = x
    coordinates[..., 1] = y[:, np.newaxis]
    # `np.hypot` is slower: it avoids overflow, of which squared coordinates are far.
    np.sqrt(x * x + (y * y)[:, np.newaxis], out=coordinates[..., 2], casting="same_kind")
    return coordinates
