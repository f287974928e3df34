"""Types of colours, and the conversions between them.

`to_float` is the conversion of integers to floats, which gathering samples repeats
(`fit_image.apps.pixels.samples`, `fit_image.apps.unjpeg.patches`); `to_uint8` that of floats to
bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.images.inputs import real_colours

COLOUR_TYPES = (np.uint8, np.uint16, np.float32)
"""Types of colours in arrays: black is 0, full brightness `max_level`."""


def max_level(dtype: npt.DTypeLike) -> int:
    """Return the level of full brightness in a type of colours: 1, 255 or 65535."""
    dtype = np.dtype(dtype)
    return int(np.iinfo(dtype).max) if dtype.kind == "u" else 1


def to_float(colours: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Convert uint8 or uint16 colours to float32 in 0..1; floats are returned without a copy."""
    if colours.dtype.kind != "u":
        return colours
    floats: npt.NDArray[np.float32] = np.divide(colours, max_level(colours.dtype), dtype=np.float32)
    return floats


def to_uint8(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Convert colours of any shape to bytes.

    Floats are clipped to 0..1, scaled to 0..255 and rounded, NaN becomes 0; uint16 is scaled from
    0..65535; uint8 is returned without a copy.
    """
    pixels = real_colours(pixels)
    if pixels.dtype == np.uint8:
        return pixels
    levels = clipped(to_float(pixels))
    levels *= 255
    np.rint(levels, out=levels)
    return levels.astype(np.uint8)


def clipped(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return colours clipped to 0..1, a new array; NaN becomes 0."""
    colours: npt.NDArray[Any] = np.fmax(pixels, 0)  # unlike maximum, turns NaN into 0
    np.fmin(colours, 1, out=colours)
    return colours
