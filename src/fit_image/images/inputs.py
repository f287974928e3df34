"""Pictures in Python: arrays of any real type, and Pillow images."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from fit_image.errors import InputError, one_line

TAKEN = (
    "the path of a file as text, a Pillow image, or an array (height, width, channels) of uint8, "
    "uint16, bool, or floats in 0..1"
)


def as_array(image: Any) -> npt.NDArray[Any]:
    """Return an image that is an array or can become one; `InputError` for anything else."""
    if not (isinstance(image, np.ndarray) or hasattr(image, "__array__")):
        raise InputError(f"an image is {TAKEN}; not {type(image).__name__}")
    return real_colours(np.asarray(image))


def real_colours(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return colours of any real type as uint8, uint16 or floats, without a copy if they are.

    Truth values are black and white; integers other than uint16 are colours in 0..255.

    Raises
    ------
    InputError
        If the numbers are not real, or integers out of range.
    """
    kind, bits = array.dtype.kind, 8 * array.dtype.itemsize
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if kind == "f":
        return array
    if kind == "u" and bits <= 16:
        return array.astype(f"u{bits // 8}", copy=False)  # in the machine's order of bytes
    if kind not in "iu":
        raise InputError(f"an image is {TAKEN}; not an array of {array.dtype}")
    if array.size and not (array.min() >= 0 and array.max() <= 255):
        found = f"not in {array.min()}..{array.max()}"
        raise InputError(f"an image of {array.dtype} has colours in 0..255, {found}; use uint16")
    return array.astype(np.uint8)


def as_picture(image: Any) -> npt.NDArray[Any]:
    """Return `as_array` as uint8, uint16 or float32; an array (height, width) has one channel.

    `InputError` if floats leave 0..1.
    """
    colours = as_array(image)
    colours = colours[..., np.newaxis] if colours.ndim == 2 else colours
    if colours.dtype.kind != "f":
        return colours
    floats = colours.astype(np.float32, copy=False)
    if floats.size and not (floats.min() >= 0.0 and floats.max() <= 1.0):  # or NaN
        raise InputError(f"an image of {colours.dtype} has colours in 0..1; divide bytes by 255")
    return floats


def upright_copy(image: Image.Image) -> Image.Image:
    """Return a copy of a Pillow image, upright; `InputError` if it cannot be read."""
    try:
        image.load()
    except Exception as error:  # from its file, and Pillow raises many kinds for damaged files
        raise InputError(f"cannot read the Pillow image: {one_line(error)}") from error
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert(f"{image.mode[:-1]}A")
    with contextlib.suppress(Exception):  # damaged metadata do not damage the picture
        return ImageOps.exif_transpose(image)
    return image.copy()
