"""Pictures in and out, with Pillow.

Inside the program a picture is (height, width, channels), in sRGB: float32 in 0..1, or the integers
it was read as, which need a quarter of the memory. It has 1 channel (grey), 3 (red, green, blue) or
4 (and alpha, not multiplied into the colours). Here it comes to be that, whatever the file holds
(see `fit_image.decoding`), and here alone integers become floats, and floats bytes.
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

from fit_image.atomic import atomic_path
from fit_image.components import CHANNELS
from fit_image.decoding import LARGEST_PICTURE as LARGEST_PICTURE  # public here too
from fit_image.decoding import (
    Colour,
    bands,
    cover_hidden,
    in_channels,
    opened,
    reading,
)
from fit_image.errors import InputError, one_line
from fit_image.scaling import fitted, scaled

COLOUR_TYPES = (np.uint8, np.uint16, np.float32)
"""How colours are kept: black is 0, and the brightest that of `brightest`."""

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".gif": "GIF"}
_FORMATS |= {".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
_WITH_ALPHA = ("PNG", "WEBP", "TIFF")  # a GIF's pixels are there or not, nothing in between
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_LARGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "TIFF": {"compression": "tiff_deflate"},
}


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """A picture as the program sees it.

    Attributes
    ----------
    levels : ndarray of uint8 or uint16, shape (height, width, channels)
        sRGB colours in 0..255, or in 0..65535 if the picture is deeper; C-contiguous. The channels
        are those asked for: 1 of grey, 3 of colours, 4 with alpha.
    original_size : (int, int)
        Width and height of the upright picture before it was scaled.
    """

    levels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    original_size: tuple[int, int]

    @property
    def pixels(self) -> npt.NDArray[np.float32]:
        """``levels`` as float32 in 0..1: a new array at every call, 4 bytes a level."""
        return to_float(self.levels)

    @property
    def scaled(self) -> bool:
        """Whether the picture was scaled down to keep within ``max_pixels``."""
        return self.levels.shape[1::-1] != self.original_size


def load_image(
    path: str | os.PathLike[str],
    *,
    background: str = "white",
    max_pixels: int | None = None,
    channels: str = "rgb",
) -> LoadedImage:
    """Read any picture, or the first frame of an animation: upright, in sRGB.

    A colour profile is applied, a broken one ignored. Grey of 16 bits and more becomes 16 bits:
    integers span 0..65535 and floats 0..1, or the picture's own range where that is wider. That
    is exact for 16 bits, and else finer by far than the bytes that are shown in the end.

    Parameters
    ----------
    path : path-like
        The picture file.
    background : str
        What shows where the picture is transparent, see `parse_background`. With ``rgba``, the
        colour of all pixels whose alpha is 0, in the place of whatever the file has there.
    max_pixels : int, optional
        A picture with more pixels is scaled down to at most so many, antialiased. Colours count
        as much as their alpha.
    channels : str
        ``rgb``; ``grey``, the luma of ITU-R BT.601, of 16 bits where the file's grey is; or
        ``rgba``, with straight alpha, which is full where the picture has none.

    Raises
    ------
    InputError
        If ``path`` is no whole picture, too large (`LARGEST_PICTURE`, or memory) or unreadable,
        ``background`` no colour, ``max_pixels`` below 1, or ``channels`` none of these.
    """
    if channels not in CHANNELS:
        raise InputError(f"channels must be one of {', '.join(CHANNELS)}, not {channels!r}")
    behind = parse_background(background)
    if max_pixels is not None and max_pixels < 1:
        raise InputError(f"a picture cannot have {max_pixels} pixels; give at least 1")
    with reading(path) as file:
        picture = opened(file)
        size = picture.size
        # One name throughout: each step frees the last.
        picture = in_channels(picture, channels, behind)
        if max_pixels is not None and size[0] * size[1] > max_pixels:
            picture = scaled(picture, fitted(size, max_pixels))
        if picture.mode == "RGBA":
            cover_hidden(picture, behind)
        return LoadedImage(_levels(picture, CHANNELS[channels]), size)


def parse_background(text: str) -> Colour:
    """Return red, green and blue (0..255) of an opaque CSS colour; `InputError` if it is none."""
    with contextlib.suppress(ValueError):
        red, green, blue, *alpha = ImageColor.getrgb(text)
        if max(red, green, blue) <= 255 and alpha in ([], [255]):
            return red, green, blue
    raise InputError(f"no opaque colour: {one_line(text)}; give one like white, #fa0, rgb(1,2,3)")


def brightest(dtype: npt.DTypeLike) -> int:
    """Return the number that full brightness has in a type of colours: 1, 255 or 65535."""
    dtype = np.dtype(dtype)
    return int(np.iinfo(dtype).max) if dtype.kind == "u" else 1


def to_float(colours: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return uint8 or uint16 colours as float32 in 0..1, and floats as they are, not copied."""
    if colours.dtype.kind != "u":
        return colours
    floats: npt.NDArray[np.float32] = np.divide(colours, brightest(colours.dtype), dtype=np.float32)
    return floats


def to_uint8(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return colours of any shape as bytes.

    Floats are clipped to 0..1 and rounded to 0..255, NaN becomes 0; uint16 spans 0..65535; uint8 is
    returned as it is, not copied.
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
        Floats are colours in 0..1; ``picture`` is clipped to that, as it is when drawn.

    Returns
    -------
    float
        Over all pixels and channels; infinity if the two are the same.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if picture.shape != target.shape:
        raise ValueError(f"pictures of shapes {picture.shape} and {target.shape} do not compare")
    total = 0.0
    for rows in bands(*picture.shape[:2]):
        drawn = _clipped(to_float(picture[rows]))
        error = np.subtract(drawn, to_float(target[rows]), dtype=np.float64)
        total += float(np.square(error, out=error).sum())
    return -10 * math.log10(total / picture.size) if total else math.inf


def check_image_suffix(path: str | os.PathLike[str]) -> str:
    """Return the name of the format that ``path`` ends in; `InputError` if none can be written."""
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
        problem = f"{name} does not keep transparency; use .png, .webp or .tif"
        raise InputError(f"cannot write {one_line(path)}: {problem}")
    largest = _LARGEST_SIDE.get(name, LARGEST_PICTURE)
    if max(width, height) > largest:
        problem = f"{name} has at most {largest} pixels a side, not {width} x {height}; use .png"
        raise InputError(f"cannot write {one_line(path)}: {problem}")
    _check_size(width, height)


def check_shape(picture: npt.NDArray[Any]) -> None:
    """Raise `InputError` unless an array has the shape of a picture."""
    if picture.ndim != 3 or picture.shape[2] not in _MODES or picture.size == 0:
        raise InputError(
            "an image has shape (height, width, channels), with 1, 3 or 4 channels, "
            f"not {picture.shape}"
        )


class Canvas:
    """A black ``image`` to be filled in bands and saved, at 4 bytes a pixel; of grey, at 1.

    Raises
    ------
    InputError
        If a side is below 1, or the picture exceeds `LARGEST_PICTURE` or the memory.
    """

    def __init__(self, width: int, height: int, channels: int = 3) -> None:
        _check_size(width, height)
        try:
            self.image = Image.new(_MODES[channels], (width, height))
        except MemoryError as error:
            raise InputError(f"no memory for {width} x {height} pixels; make it smaller") from error

    def paste(self, top: int, band: npt.NDArray[Any]) -> None:
        """Copy ``band``, of any type that `to_uint8` knows, to the rows from ``top`` on.

        Raises
        ------
        ValueError
            If its shape is not (rows, width, channels), or it reaches outside the image.
        """
        width, height = self.image.size
        channels = len(self.image.getbands())
        if band.shape[1:] != (width, channels) or not 0 <= top <= height - len(band):
            raise ValueError(f"{band.shape} at row {top} does not fit in {width} x {height}")
        levels = to_uint8(band)
        self.image.paste(Image.fromarray(levels if channels > 1 else levels[..., 0]), (0, top))


def save_image(
    path: str | os.PathLike[str], picture: npt.NDArray[Any] | Image.Image, **kept: Any
) -> None:
    """Write a picture in the format that ``path`` ends in, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; one that is there is replaced.
    picture : ndarray of uint8, uint16 or float, shape (height, width, channels), or \
            PIL.Image.Image
        The colours, of 1, 3 or 4 channels; floats are 0..1, see `to_uint8`. Pillow's are saved as
        L, RGB or RGBA, and as RGB where they are anything else.
    **kept
        Options of Pillow's ``save`` for what stands beside the pixels, such as ``exif``.

    Raises
    ------
    InputError
        If the suffix, the size or alpha (`check_image_target`), the shape or the memory does not
        permit it.
    FitImageError
        If the file cannot be written.
    """
    if isinstance(picture, np.ndarray):
        check_shape(picture)
        height, width, channels = picture.shape
        check_image_target(path, width, height, channels)
        canvas = Canvas(width, height, channels)
        for rows in bands(height, width):
            canvas.paste(rows.start, picture[rows])
        picture = canvas.image
    else:
        if picture.mode not in _MODES.values():
            picture = picture.convert("RGB")
        check_image_target(path, *picture.size, len(picture.getbands()))
    name = check_image_suffix(path)
    with atomic_path(path) as temporary:
        picture.save(temporary, name, **{**_SAVE_OPTIONS.get(name, {}), **kept})


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal; `InputError` if it cannot be read."""
    with reading(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _levels(picture: Image.Image, channels: int) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    deep = picture.mode == "F"
    shape = (picture.height, picture.width, channels)
    levels = np.empty(shape, np.uint16 if deep else np.uint8)
    for rows in bands(picture.height, picture.width):
        band = np.asarray(picture.crop((0, rows.start, picture.width, rows.stop)))
        if deep:
            band = np.rint(_clipped(band) * 65_535)
            levels[rows, :, 3:] = 65_535  # alpha, where it was asked for
        if band.ndim == 2:
            levels[rows, :, :3] = band[..., np.newaxis]
        else:
            levels[rows] = band
    return levels


def _clipped(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    clipped: npt.NDArray[Any] = np.fmax(pixels, 0)  # unlike maximum, it turns NaN into 0
    np.fmin(clipped, 1, out=clipped)
    return clipped


def _check_size(width: int, height: int) -> None:
    if min(width, height) < 1 or width * height > LARGEST_PICTURE:
        limit = f"give 1 to {LARGEST_PICTURE:,} pixels in all"
        raise InputError(f"there is no picture of {width} x {height} pixels; {limit}")
