"""Coordinates of pixels, of pictures at the size that a network has learned and at any other.

Pixels are squares with their coordinates in the middle. Drawn at K times the size of the learned
picture, pixel i has the coordinate (i + 1/2) / K - 1/2 in pixels of that picture.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fit_image.nn.runtime.arrays import FloatArray

INPUTS = ("x", "y", "r")
"""Names of centred coordinates; r is the distance from the centre."""


def pixel_coordinates(count: int, start: float, stop: float) -> npt.NDArray[np.float64]:
    """Return the coordinates of ``count`` pixels of equal size along a side of the learned picture.

    ``start`` and ``stop`` are their outer edges. All are in pixels of the learned picture: its
    edges are 0 and the number of its pixels, and these have the coordinates 0, 1, 2, ...
    """
    # Multiplied before it is divided: exact at the learned size.
    return start + (np.arange(count) + 0.5) * (stop - start) / count - 0.5


def unit_coordinates(count: int, side: int, start: float = 0.0, stop: float = 1.0) -> FloatArray:
    """Return the inputs (float32) of ``count`` pixels along a side of ``side`` learned pixels.

    They are 0 and 1 for the first and the last learned pixel. ``start`` and ``stop`` are the outer
    edges in multiples of the side: 0 and 1 for the whole.
    """
    pixels = pixel_coordinates(count, start * side, stop * side)
    return (pixels / max(side - 1, 1)).astype(np.float32)


def centred_coordinates(
    size: tuple[int, int], side: float, unit: float, rows: range | None = None
) -> FloatArray:
    """Return x, y and radius of the pixels of a picture, or of some rows: float32 (rows, width, 3).

    All are 0 in the centre.

    Parameters
    ----------
    size : tuple of int
        Width and height in pixels.
    side : float
        Pixels of the learned picture along the shorter side.
    unit : float
        Length of a pixel of the learned picture.
    rows : range, optional
        Default: all.
    """
    x, y = (_centred(count, count * side / min(size)) * unit for count in size)
    if rows is not None:
        y = y[rows.start : rows.stop]
    coordinates = np.empty((len(y), len(x), len(INPUTS)), dtype=np.float32)
    coordinates[..., 0] = x
    coordinates[..., 1] = y[:, np.newaxis]
    # `np.hypot` is slower: it avoids overflow, of which squared coordinates are far.
    np.sqrt(x * x + (y * y)[:, np.newaxis], out=coordinates[..., 2], casting="same_kind")
    return coordinates


def _centred(count: int, extent: float) -> npt.NDArray[np.float64]:
    return pixel_coordinates(count, -extent / 2, extent / 2) + 0.5
