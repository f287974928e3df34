"""Square crops of many pictures at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.images.io import to_float


def crops(
    pictures: npt.NDArray[np.uint8], offsets: npt.NDArray[np.integer[Any]], side: int
) -> npt.NDArray[np.float32]:
    """Crop a square out of each picture, each at its own offset.

    Parameters
    ----------
    pictures : ndarray of uint8, shape (count, height, width, channels)
    offsets : ndarray of int, shape (count, 2)
        Row and column of each square's first pixel.
    side : int
        Side of the squares in pixels, 1 or more.

    Returns
    -------
    ndarray of float32, shape (count, side, side, channels)
        Colours in 0..1; C-contiguous, and new.

    Raises
    ------
    ValueError
        If a square reaches outside its picture, or the numbers of offsets and pictures differ.
    """
    farthest = _farthest(pictures, side)
    if offsets.shape != (len(pictures), 2):
        raise ValueError(f"offsets of shape {offsets.shape} for {len(pictures)} pictures")
    if ((offsets < 0) | (offsets > farthest)).any():
        raise ValueError(f"offsets beyond 0..{farthest[0]} and 0..{farthest[1]}")
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (side, side), axis=(1, 2))
    squares = windows[np.arange(len(pictures)), offsets[:, 0], offsets[:, 1]]
    return to_float(np.ascontiguousarray(squares.transpose(0, 2, 3, 1)))


def random_crops(
    pictures: npt.NDArray[np.uint8], side: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Crop a square out of each picture at a uniformly random offset; see `crops`.

    Augmentation by translation: a picture of 28 x 28 yields 9 different ones of 26 x 26.
    """
    farthest = _farthest(pictures, side)
    return crops(pictures, rng.integers(0, farthest + 1, (len(pictures), 2)), side)


def centre_crop(pictures: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.float32]:
    """Crop the central square out of each picture; see `crops`.

    An odd margin is one pixel smaller at the top or left.
    """
    top, left = _farthest(pictures, side) // 2
    return to_float(np.ascontiguousarray(pictures[:, top : top + side, left : left + side]))


def _farthest(pictures: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.int64]:
    """Return the largest row and column that a square may begin at."""
    height, width = pictures.shape[1:3]
    if not 1 <= side <= min(height, width):
        raise ValueError(f"a square of {side} does not fit in pictures of {width} x {height}")
    return np.array((height - side, width - side), np.int64)
