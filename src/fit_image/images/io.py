"""Load, save and compare pictures.

Inside the program a picture has shape (height, width, channels), in sRGB: float32 in 0..1, or the
integers it was read as, which need a quarter of the memory. It has 1 channel (grey), 3 (red, green,
blue) or 4 (and alpha, not premultiplied). `fit_image.images.decoding` converts any file to that;
only this module converts integers to floats, and floats to bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from fit_image.config.registry import CHANNELS
from fit_image.errors import InputError, one_line
from fit_image.images.decoding import LARGEST_PICTURE as LARGEST_PICTURE  # public here too
from fit_image.images.decoding import (
    Colour,
    convert_channels,
    fill_transparent,
    open_upright,
    reading,
    row_strips,
)
from fit_image.images.scaling import downscale, size_within
from fit_image.storage.atomic import atomic_path

COLOUR_TYPES = (np.uint8, np.uint16, np.float32)
"""Types of colours in arrays: black is 0, full brightness `max_level`."""

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".gif": "GIF"}
_FORMATS |= {".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
_WITH_ALPHA = ("PNG", "WEBP", "TIFF")  # a GIF's alpha has one bit
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "TIFF": {"compression": "tiff_deflate"},
}


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """A picture read by `load_image`.

    Attributes
    ----------
    levels : ndarray of uint8 or uint16, shape (height, width, channels)
        sRGB colours in 0..255, or in 0..65535 for more than 8 bits; C-contiguous. 1 channel of
        grey, 3 of colours, 4 with alpha.
    original_size : (int, int)
        Width and height of the upright picture before it was scaled.
    """

    levels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    original_size: tuple[int, int]

    @property
    def pixels(self) -> npt.NDArray[np.float32]:
        """``levels`` as float32 in 0..1: a new array at every access."""
        return to_float(self.levels)

    @property
    def scaled(self) -> bool:
        """Whether the picture was scaled down to at most ``max_pixels``."""
        return self.levels.shape[1::-1] != self.original_size


def load_image(
    path: str | os.PathLike[str],
    *,
    background: str = "white",
    max_pixels: int | None = None,
    channels: str = "rgb",
) -> LoadedImage:
    """Load a picture, or the first frame of an animation, upright and in sRGB.

    The colour profile is applied, a broken one ignored. Grey of 16 bits or more becomes uint16:
    black to white is 0..65535 for integers and 0..1 for floats, or the picture's own range where
    that is wider.

    Parameters
    ----------
    path : path-like
        The picture file.
    background : str
        Colour behind transparent pixels, see `parse_background`. With ``rgba``, the colour of
        all pixels whose alpha is 0, in place of whatever the file has there.
    max_pixels : int, optional
        A larger picture is scaled down to at most this many pixels, antialiased, its colours
        weighted by alpha.
    channels : str
        ``rgb``; ``grey``, the luma of ITU-R BT.601, with 16 bits where the file's grey has; or
        ``rgba``, with straight alpha, 1 where the file has none.

    Raises
    ------
    InputError
        If ``path`` is unreadable, damaged, not a picture or too large (`LARGEST_PICTURE`, or
        memory), or ``background``, ``max_pixels`` or ``channels`` is invalid.
    """
    if channels not in CHANNELS:
        raise InputError(
            f"channels must be one of {', '.join(CHANNELS)}, not {channels!r}", fields=("channels",)
        )
    colour = parse_background(background)
    if max_pixels is not None and max_pixels < 1:
        raise InputError(f"max_pixels must be 1 or more, not {max_pixels}", fields=("max_pixels",))
    with reading(path) as file:
        picture = open_upright(file)
        size = picture.size
        # One name throughout, so that each step frees the previous picture.
        picture = convert_channels(picture, channels, colour)
        if max_pixels is not None and size[0] * size[1] > max_pixels:
            picture = downscale(picture, size_within(size, max_pixels))
        if picture.mode == "RGBA":
            fill_transparent(picture, colour)
        return LoadedImage(_levels(picture, CHANNELS[channels]), size)


def parse_background(text: str) -> Colour:
    """Parse an opaque CSS colour to red, green and blue, 0..255; `InputError` if invalid."""
    with contextlib.suppress(ValueError):
        red, green, blue, *alpha = ImageColor.getrgb(text)
        if max(red, green, blue) <= 255 and alpha in ([], [255]):
            return red, green, blue
    raise InputError(
        f"background must be an opaque colour such as white, #fa0 or rgb(1,2,3), "
        f"not {one_line(text)}",
        fields=("background",),
    )


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
    if pixels.dtype == np.uint8:
        return pixels
    levels = _clipped(to_float(pixels))
    levels *= 255
    np.rint(levels, out=levels)
    return levels.astype(np.uint8)


def psnr(picture: npt.NDArray[Any], target: npt.NDArray[Any]) -> float:
    """Return the peak signal-to-noise ratio in dB: -10 log10 of the mean squared error.

    Parameters
    ----------
    picture, target : ndarray of float, uint8 or uint16, shape (height, width, channels)
        Floats are colours in 0..1; ``picture`` is clipped to that range.

    Returns
    -------
    float
        Over all pixels and channels; infinite if the two are equal.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if picture.shape != target.shape:
        raise ValueError(f"the shapes of the pictures differ: {picture.shape}, {target.shape}")
    total = 0.0
    for rows in row_strips(*picture.shape[:2]):
        clipped = _clipped(to_float(picture[rows]))
        error = np.subtract(clipped, to_float(target[rows]), dtype=np.float64)
        total += float(np.square(error, out=error).sum())
    return -10 * math.log10(total / picture.size) if total else math.inf


def check_image_suffix(path: str | os.PathLike[str]) -> str:
    """Return the format for the suffix of ``path``; `InputError` if it cannot be written."""
    try:
        return _FORMATS[Path(path).suffix.lower()]
    except KeyError:
        problem = f"its name must end in one of {', '.join(_FORMATS)}"
        raise InputError(f"cannot write {one_line(path)}: {problem}") from None


def check_image_target(
    path: str | os.PathLike[str], width: int, height: int, channels: int = 3
) -> None:
    """Raise `InputError` unless ``width`` x ``height`` pixels can be written to ``path``."""
    name = check_image_suffix(path)
    if channels == CHANNELS["rgba"] and name not in _WITH_ALPHA:
        problem = f"{name} cannot store transparency; use .png, .webp or .tif"
        raise InputError(f"cannot write {one_line(path)}: {problem}")
    longest = _MAX_SIDE.get(name, LARGEST_PICTURE)
    if max(width, height) > longest:
        problem = f"{name} allows at most {longest} pixels a side, not {width} x {height}; use .png"
        raise InputError(f"cannot write {one_line(path)}: {problem}")
    _check_size(width, height)


def check_shape(picture: npt.NDArray[Any]) -> None:
    """Raise `InputError` unless an array has shape (height, width, 1, 3 or 4)."""
    if picture.ndim != 3 or picture.shape[2] not in _MODES or picture.size == 0:
        raise InputError(
            "an image must have shape (height, width, channels), with 1, 3 or 4 channels, "
            f"not {picture.shape}"
        )


class Canvas:
    """A black Pillow ``image`` to be filled in strips of rows: 4 bytes a pixel, 1 for grey.

    Raises
    ------
    InputError
        If a side is below 1, or the picture exceeds `LARGEST_PICTURE` or memory.
    """

    def __init__(self, width: int, height: int, channels: int = 3) -> None:
        _check_size(width, height)
        try:
            self.image = Image.new(_MODES[channels], (width, height))
        except MemoryError as error:
            raise InputError(
                f"not enough memory for {width} x {height} pixels; choose a smaller size"
            ) from error

    def paste(self, top: int, strip: npt.NDArray[Any]) -> None:
        """Copy ``strip``, of any type that `to_uint8` accepts, to the rows from ``top`` on.

        Raises
        ------
        ValueError
            If its shape is not (rows, width, channels), or it reaches outside the image.
        """
        width, height = self.image.size
        channels = len(self.image.getbands())
        if strip.shape[1:] != (width, channels) or not 0 <= top <= height - len(strip):
            raise ValueError(f"{strip.shape} at row {top} does not fit in {width} x {height}")
        levels = to_uint8(strip)
        self.image.paste(Image.fromarray(levels if channels > 1 else levels[..., 0]), (0, top))


def save_image(
    path: str | os.PathLike[str], picture: npt.NDArray[Any] | Image.Image, **metadata: Any
) -> None:
    """Save a picture atomically, in the format of the suffix of ``path``.

    Parameters
    ----------
    path : path-like
        The file; replaced if it exists.
    picture : ndarray of uint8, uint16 or float, shape (height, width, channels), or \
            PIL.Image.Image
        1, 3 or 4 channels; floats are colours in 0..1, see `to_uint8`. Pillow images of modes
        other than L, RGB and RGBA are converted to RGB.
    **metadata
        Options of Pillow's ``save`` for metadata, such as ``exif``.

    Raises
    ------
    InputError
        If the suffix, size or channels do not suit the format (`check_image_target`), the shape
        is invalid, or memory does not suffice.
    FitImageError
        If the file cannot be written.
    """
    if isinstance(picture, np.ndarray):
        check_shape(picture)
        height, width, channels = picture.shape
        check_image_target(path, width, height, channels)
        canvas = Canvas(width, height, channels)
        for rows in row_strips(height, width):
            canvas.paste(rows.start, picture[rows])
        picture = canvas.image
    else:
        if picture.mode not in _MODES.values():
            picture = picture.convert("RGB")
        check_image_target(path, *picture.size, len(picture.getbands()))
    name = check_image_suffix(path)
    with atomic_path(path) as temporary:
        picture.save(temporary, name, **{**_SAVE_OPTIONS.get(name, {}), **metadata})


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal; `InputError` if it cannot be read."""
    with reading(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _levels(picture: Image.Image, channels: int) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    deep = picture.mode == "F"
    shape = (picture.height, picture.width, channels)
    levels = np.empty(shape, np.uint16 if deep else np.uint8)
    for rows in row_strips(picture.height, picture.width):
        strip = np.asarray(picture.crop((0, rows.start, picture.width, rows.stop)))
        if deep:
            strip = np.rint(_clipped(strip) * 65_535)
            levels[rows, :, 3:] = 65_535  # alpha, if there is such a channel
        if strip.ndim == 2:
            levels[rows, :, :3] = strip[..., np.newaxis]
        else:
            levels[rows] = strip
    return levels


def _clipped(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    clipped: npt.NDArray[Any] = np.fmax(pixels, 0)  # unlike maximum, turns NaN into 0
    np.fmin(clipped, 1, out=clipped)
    return clipped


def _check_size(width: int, height: int) -> None:
    if min(width, height) < 1 or width * height > LARGEST_PICTURE:
        limit = f"the limit is 1 to {LARGEST_PICTURE:,} pixels"
        raise InputError(f"cannot create an image of {width} x {height} pixels: {limit}")
