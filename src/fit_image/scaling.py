"""Scaling pictures down, antialiased."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

_LANCZOS_REACH = 3  # of the filter to both sides, in pixels of the smaller picture
_BAND_PIXELS = 1 << 19  # scaled at once, to keep temporary arrays far below the picture itself


def fitted(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """Return the width and height of a larger picture scaled down to at most ``max_pixels``."""
    # Rounding the short side down and the long one to match it keeps the aspect best.
    short, long = sorted(size)
    new_short = max(1, math.isqrt(max_pixels * short // long))
    new_long = min(max_pixels // new_short, round(long * new_short / short))
    return (new_short, new_long) if size[0] == short else (new_long, new_short)


def scaled(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a picture in a smaller size; of mode RGBA, its colours count as much as their alpha.

    Pillow does so too, but in bytes: where alpha is small, which it is around every edge that is
    scaled, that leaves few of the colours.
    """
    if picture.mode != "RGBA":
        return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    width, height = size
    step = picture.height / height
    reach = _LANCZOS_REACH * step
    levels = np.empty((height, width, 4), np.uint8)
    rows = max(1, int(_BAND_PIXELS / (step * picture.width)))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        start, stop = top * step, min(bottom * step, picture.height)
        first = max(0, math.floor(start - reach))
        last = min(picture.height, math.ceil(stop + reach))
        source = np.asarray(picture.crop((0, first, picture.width, last)))
        box = (0, start - first, picture.width, stop - first)
        levels[top:bottom] = _scaled_band(source, (width, bottom - top), box)
    return Image.fromarray(levels)


def resized(levels: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return a picture (uint8, height x width x 1 or 3) in another size, larger or smaller."""
    picture = Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels)
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS)).reshape(
        height, width, levels.shape[2]
    )


def covering(levels: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return the middle of a picture in another size: as much of it as has the size's aspect."""
    rows, columns, channels = levels.shape
    if (columns, rows) == (width, height):
        return levels
    # What is cut off at both sides together, in pixels of the picture as it is.
    across = max(0.0, columns - rows * width / height)
    along = max(0.0, rows - columns * height / width)
    box = (across / 2, along / 2, columns - across / 2, rows - along / 2)
    picture = Image.fromarray(levels[..., 0] if channels == 1 else levels)
    scaled = picture.resize((width, height), Image.Resampling.LANCZOS, box)
    return np.asarray(scaled).reshape(height, width, channels)


def _scaled_band(
    source: npt.NDArray[np.uint8], size: tuple[int, int], box: tuple[float, float, float, float]
) -> npt.NDArray[np.float32]:
    def resized(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.array(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS, box))

    weights = source[..., 3].astype(np.float32)
    alpha = resized(weights)
    planes = [resized(source[..., channel] * weights) for channel in range(3)]
    for colour in planes:
        np.divide(colour, alpha, out=colour, where=alpha > 0)
    levels: npt.NDArray[np.float32] = np.stack([*planes, alpha], axis=2).clip(0, 255)
    return np.rint(levels)
