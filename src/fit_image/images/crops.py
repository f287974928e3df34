"""Square crops of many pictures at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fit_image.images.colours import to_float


def random_crops(
    pictures: npt.NDArray[np.uint8], side: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Crop a square out of each picture at a uniformly random offset.

    Augmentation by translation: a picture of 28 x 28 yields 9 different ones of 26 x 26.

    Parameters
    ----------
    pictures : ndarray of uint8, shape (count, height, width, channels)
    side : int
        Side of the squares in pixels.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (count, side, side, channels)
        Colours in 0..1; C-contiguous, and new.

    Raises
    ------
    ValueError
        If the squares do not fit in the pictures.
    """
    offsets = rng.integers(0, _largest_offset(pictures, side) + 1, (len(pictures), 2))
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (side, side), axis=(1, 2))
    squares = windows[np.arange(len(pictures)), offsets[:, 0], offsets[:, 1]]
    return to_float(np.ascontiguousarray(squares.transpose(0, 2, 3, 1)))


def centre_crop(pictures: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.float32]:
    """Crop the central square out of each picture, as in `random_crops`.

    An odd margin is one pixel smaller at the top or left.
    """
    top, left = _largest_offset(pictures, side) // 2
    return to_float(np.ascontiguousarray(pictures[:, top : top + side, left : left + side]))


def _largest_offset(pictures: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.int64]:
    """Return the largest row and column that a square may begin at."""
    height, width = pictures.shape[1:3]
    if not 1 <= side <= min(height, width):
        raise ValueError(f"a square of {side} does not fit in pictures of {width} x {height}")
    return np.array((height - side, width - side), np.int64)
