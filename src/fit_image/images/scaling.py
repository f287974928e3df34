"""Scale pictures with a Lanczos filter."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.images.decoding import Colour, flatten_alpha

_LANCZOS_RADIUS = 3  # pixels of the smaller picture
_STRIP_PIXELS = 1 << 19  # scaled at once, so that temporary arrays stay small


def size_within(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """Return the width and height of a larger picture scaled down to at most ``max_pixels``."""
    # Rounding the short side down, and the long one to match it, keeps the aspect ratio best.
    short, long = sorted(size)
    new_short = max(1, math.isqrt(max_pixels * short // long))
    new_long = min(max_pixels // new_short, round(long * new_short / short))
    return (new_short, new_long) if size[0] == short else (new_long, new_short)


def downscale(
    picture: Image.Image, size: tuple[int, int], *, strip_pixels: int = _STRIP_PIXELS
) -> Image.Image:
    """Scale a picture down; in mode RGBA, colours are weighted by alpha.

    Pillow does so too, but in bytes, which leaves few shades where alpha is small, as it is along
    every scaled edge. ``size`` is width and height; ``strip_pixels`` of the picture are scaled at
    once in mode RGBA, which changes nothing but memory.
    """
    if picture.mode != "RGBA":
        return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    width, height = size
    step = picture.height / height
    radius = _LANCZOS_RADIUS * step
    levels = np.empty((height, width, 4), np.uint8)
    rows = max(1, int(strip_pixels / (step * picture.width)))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        start, stop = top * step, min(bottom * step, picture.height)
        first = max(0, math.floor(start - radius))
        last = min(picture.height, math.ceil(stop + radius))
        source = np.asarray(picture.crop((0, first, picture.width, last)))
        box = (0, start - first, picture.width, stop - first)
        levels[top:bottom] = _downscale_strip(source, (width, bottom - top), box)
    return Image.fromarray(levels)


def to_image(levels: npt.NDArray[np.uint8]) -> Image.Image:
    """Make a Pillow image of uint8 (height, width, channels)."""
    return Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels)


def resize(
    levels: npt.NDArray[np.uint8],
    width: int,
    height: int,
    box: tuple[float, float, float, float] | None = None,
) -> npt.NDArray[np.uint8]:
    """Scale a picture (uint8, height x width x 1 or 3), or a box in it, to any size."""
    scaled = to_image(levels).resize((width, height), Image.Resampling.LANCZOS, box)
    return np.asarray(scaled).reshape(height, width, levels.shape[2])


def thumbnail(
    levels: npt.NDArray[np.uint8], width: int, height: int, background: Colour
) -> npt.NDArray[np.uint8]:
    """Scale a picture (uint8, height x width x 1, 3 or 4) to any size, quickly, and flatten it.

    Returns uint8 (height, width, 3), over the background colour.
    """
    picture = to_image(levels)
    if picture.mode != "RGBA":  # whose colours must not be mixed with those that are hidden
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    flat = flatten_alpha(picture, background)
    return np.asarray(flat.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0))


def crop_and_resize(
    levels: npt.NDArray[np.uint8], width: int, height: int
) -> npt.NDArray[np.uint8]:
    """Crop the centre of a picture to the aspect ratio of a size, and scale it to that size."""
    rows, columns, _ = levels.shape
    if (columns, rows) == (width, height):
        return levels
    # Cropped columns and rows, of both sides together.
    across = max(0.0, columns - rows * width / height)
    along = max(0.0, rows - columns * height / width)
    box = (across / 2, along / 2, columns - across / 2, rows - along / 2)
    return resize(levels, width, height, box)


def _downscale_strip(
    source: npt.NDArray[np.uint8], size: tuple[int, int], box: tuple[float, float, float, float]
) -> npt.NDArray[np.float32]:
    def scaled(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.array(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS, box))

    weights = source[..., 3].astype(np.float32)
    alpha = scaled(weights)
    planes = [scaled(source[..., channel] * weights) for channel in range(3)]
    for colour in planes:
        np.divide(colour, alpha, out=colour, where=alpha > 0)
    levels: npt.NDArray[np.float32] = np.stack([*planes, alpha], axis=2).clip(0, 255)
    return np.rint(levels)
