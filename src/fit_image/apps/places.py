"""Where the pixels of a picture lie, as networks see it that no picture was given to."""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.arrays import FloatArray

INPUTS = ("x", "y", "r")
"""What is seen of a place: the last is its distance from the middle."""


def places(width: int, height: int, scale: float, rows: range | None = None) -> FloatArray:
    """Return x, y and radius of pixels.

    Parameters
    ----------
    width, height : int
        Of the whole picture.
    scale : float
        x and y are 0 in the middle, and plus and minus this at the middles of the nearer sides.
    rows : range, optional
        The rows that are wanted. Default: all.

    Returns
    -------
    float32 (rows, width, 3)
    """
    rows = range(height) if rows is None else rows
    unit = scale / max((min(width, height) - 1) / 2, 0.5)
    x = (np.arange(width) - (width - 1) / 2) * unit
    y = (np.arange(rows.start, rows.stop) - (height - 1) / 2) * unit
    seen = np.empty((len(rows), width, len(INPUTS)), dtype=np.float32)
    seen[..., 0] = x
    seen[..., 1] = y[:, np.newaxis]
    # Squares of places are far from too large or small, which `np.hypot` takes its time to avoid.
    np.sqrt(x * x + (y * y)[:, np.newaxis], out=seen[..., 2], casting="same_kind")
    return seen
