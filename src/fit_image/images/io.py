"""Load and save pictures.

Inside the program a picture has shape (height, width, channels), in sRGB: float32 in 0..1, or the
integers it was read as, which need a quarter of the memory. It has 1 channel (grey), 3 (red, green,
blue) or 4 (and alpha, not premultiplied). `fit_image.images.decoding` converts any file to that.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.config.registry import CHANNELS
from fit_image.config.settings import check_choice, require
from fit_image.errors import InputError, one_line
from fit_image.images.colours import clipped, to_float, to_uint8
from fit_image.images.decoding import (
    Colour,
    UprightImage,
    convert_channels,
    fill_transparent,
    open_upright,
    parse_background,
    reading,
    row_strips,
    upright,
)
from fit_image.images.formats.jpeg_blocks import LARGEST_SIDE
from fit_image.images.formats.limits import LARGEST_PICTURE, pixel_limit
from fit_image.images.formats.opening import OpenedImage, Remark
from fit_image.images.formats.tiff_pixels import Grey
from fit_image.images.inputs import as_array, as_picture, upright_copy
from fit_image.images.scaling import downscale, size_within, to_image
from fit_image.storage.atomic import atomic_path, written_whole

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".gif": "GIF"}
_FORMATS |= {".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
_WITH_ALPHA = ("PNG", "WEBP", "TIFF")  # a GIF's alpha has one bit
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_MAX_SIDE = {"JPEG": LARGEST_SIDE, "WEBP": 16_383, "GIF": 65_535}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    # Here quality is effort: 80, the default, takes twice the time, and saves 1 % of a photograph.
    "WEBP": {"lossless": True, "exact": True, "quality": 20},
    "TIFF": {"compression": "tiff_deflate"},
}

_QUICK = 3  # the most effort of zlib's that looks for matches in the quick way


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """A picture read by `load_image`.

    Attributes
    ----------
    levels : ndarray of uint8 or uint16, shape (height, width, channels)
        sRGB colours in 0..255, or in 0..65535 for more than 8 bits; C-contiguous.
    original_size : (int, int)
        Width and height of the upright picture before it was scaled.
    remarks : tuple of Remark
        What must be said about the picture, such as "only the first of 12 frames is read".
    """

    levels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    original_size: tuple[int, int]
    remarks: tuple[Remark, ...] = ()

    @property
    def pixels(self) -> npt.NDArray[np.float32]:
        """``levels`` as float32 in 0..1: a new array at every access."""
        return to_float(self.levels)

    @property
    def scaled(self) -> bool:
        """Whether the picture was scaled down to at most ``max_pixels``."""
        return self.levels.shape[1::-1] != self.original_size


def load_image(
    image: str | os.PathLike[str] | Image.Image | npt.NDArray[Any],
    *,
    background: str = "white",
    max_pixels: int | None = None,
    channels: str = "rgb",
    frame: int = 1,
) -> LoadedImage:
    """Load a picture, or a frame of a picture with motion, upright and in sRGB.

    ``image`` is the path of a file, a Pillow image, or an array (height, width) or (height, width,
    channels) of uint8, uint16, bool, other integers in 0..255, or floats in 0..1.

    The colour profile is applied, a broken one ignored. Grey of 16 bits or more becomes uint16:
    black to white is 0..65535 for integers and 0..1 for floats, or the picture's own range where
    that is wider.

    Parameters
    ----------
    background : str
        Opaque CSS colour behind transparent pixels. With ``rgba``, the colour of all pixels whose
        alpha is 0, in place of whatever the file has there.
    max_pixels : int, optional
        A larger picture is scaled down to at most this many pixels, antialiased, its colours
        weighted by alpha.
    channels : str
        ``rgb``; ``grey``, the luma of ITU-R BT.601, with 16 bits where the file's grey has; or
        ``rgba``, with straight alpha, 1 where the file has none.
    frame : int
        Of a file with several: the frame, or the page of a TIFF, counted from 1. A Pillow image is
        read where it stands.

    Raises
    ------
    InputError
        If ``image`` is unreadable, damaged, not a picture or too large (`LARGEST_PICTURE`, or
        memory), or anything else, or ``background``, ``max_pixels`` or ``channels`` is invalid, or
        there is no such ``frame``.
    """
    check_choice("channels", channels, CHANNELS)
    colour = parse_background(background)
    possible = max_pixels is None or max_pixels >= 1
    require(possible, "max_pixels", f"must be 1 or more, not {max_pixels}")
    require(type(frame) is int and frame >= 1, "frame", f"must be 1 or more, not {frame!r}")
    if isinstance(image, str | os.PathLike):
        with reading(image) as file:
            return _convert(open_upright(file, frame), channels, colour, max_pixels)
    require(frame == 1, "frame", "is of files: seek the frame in the Pillow image itself")
    with pixel_limit():
        opened = OpenedImage(_to_pillow(image), Grey(), [])
        return _convert(upright(opened), channels, colour, max_pixels)


def _convert(
    opened: UprightImage, channels: str, background: Colour, max_pixels: int | None
) -> LoadedImage:
    size, remarks = opened.image.size, opened.remarks
    picture = convert_channels(opened, channels, background)
    del opened  # each step frees the previous picture
    if max_pixels is not None and size[0] * size[1] > max_pixels:
        picture = downscale(picture, size_within(size, max_pixels))
    if picture.mode == "RGBA":
        fill_transparent(picture, background)
    return LoadedImage(_levels(picture, CHANNELS[channels]), size, tuple(remarks))


def _to_pillow(image: Any) -> Image.Image:
    """Return a copy of an image of Python's as those of files: deep only if it is grey."""
    if isinstance(image, Image.Image):
        return upright_copy(image)
    array = as_picture(image)
    check_shape(array)
    if array.dtype != np.uint8 and array.shape[2] == 1:
        return Image.fromarray(to_float(array)[..., 0])
    return Canvas.of(array).image


def check_image_suffix(path: str | os.PathLike[str]) -> str:
    """Return the format for the suffix of ``path``; `InputError` if it cannot be written."""
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        problem = f"its name must end in one of {', '.join(_FORMATS)}"
        raise InputError(f"cannot write {one_line(path)}: {problem}")
    return _FORMATS[suffix]


def check_image_target(
    path: str | os.PathLike[str], width: int, height: int, channels: int = 3
) -> str:
    """Return the format for the suffix of ``path``; `InputError` if it cannot hold the picture."""
    name = check_image_suffix(path)
    if channels == CHANNELS["rgba"] and name not in _WITH_ALPHA:
        problem = f"{name} cannot store transparency; use .png, .webp or .tif"
        raise InputError(f"cannot write {one_line(path)}: {problem}")
    longest = _MAX_SIDE.get(name, LARGEST_PICTURE)
    if max(width, height) > longest:
        problem = f"{name} allows at most {longest} pixels a side, not {width} x {height}; use .png"
        raise InputError(f"cannot write {one_line(path)}: {problem}")
    _check_size(width, height)
    return name


def check_shape(picture: npt.NDArray[Any]) -> None:
    """Raise `InputError` unless an array has shape (height, width, 1, 3 or 4)."""
    if picture.ndim != 3 or picture.shape[2] not in _MODES or picture.size == 0:
        wanted = "shape (height, width, channels), with 1, 3 or 4 channels"
        raise InputError(f"an image must have {wanted}, not {picture.shape}")


class Canvas:
    """A black Pillow ``image`` to be filled in strips of rows: 4 bytes a pixel, 1 for grey.

    `InputError` if a side is below 1, or the picture exceeds `LARGEST_PICTURE` or memory.
    """

    def __init__(self, width: int, height: int, channels: int = 3) -> None:
        _check_size(width, height)
        try:
            self.image = Image.new(_MODES[channels], (width, height))
        except MemoryError as error:
            raise InputError(
                f"not enough memory for {width} x {height} pixels; choose a smaller size"
            ) from error

    @classmethod
    def of(cls, picture: npt.NDArray[Any]) -> Self:
        """Return a canvas with a whole picture, shape (height, width, channels), on it."""
        height, width, channels = picture.shape
        canvas = cls(width, height, channels)
        for rows in row_strips(height, width):
            canvas.paste(rows.start, picture[rows])
        return canvas

    def paste(self, top: int, strip: npt.NDArray[Any]) -> None:
        """Copy ``strip``, of any type that `to_uint8` accepts, to the rows from ``top`` on.

        ValueError if its shape is not (rows, width, channels), or it reaches outside the image.
        """
        width, height = self.image.size
        channels = len(self.image.getbands())
        if strip.shape[1:] != (width, channels) or not 0 <= top <= height - len(strip):
            raise ValueError(f"{strip.shape} at row {top} does not fit in {width} x {height}")
        self.image.paste(to_image(to_uint8(strip)), (0, top))


def save_image(
    path: str | os.PathLike[str], picture: npt.NDArray[Any] | Image.Image, **options: Any
) -> None:
    """Save a picture atomically, in the format of the suffix of ``path``; a file is replaced.

    All formats but JPEG (quality 95, colours at full resolution) and GIF (256 colours) keep every
    byte of 8 bits.

    Parameters
    ----------
    picture : ndarray of uint8, uint16 or float, shape (height, width, channels), or \
            PIL.Image.Image
        1, 3 or 4 channels; floats are colours in 0..1, see `to_uint8`. Pillow images of modes
        other than L, RGB and RGBA are converted to RGB.
    **options
        Of Pillow's ``save``, such as ``exif``.

    Raises
    ------
    InputError
        If the suffix, size or channels do not suit the format (`check_image_target`), the shape
        is invalid, or memory does not suffice.
    FitImageError
        If the file cannot be written.
    """
    if not isinstance(picture, Image.Image):
        picture = as_array(picture)
        check_shape(picture)
        height, width, channels = picture.shape
        name = check_image_target(path, width, height, channels)
        picture = Canvas.of(picture).image
    else:
        if picture.mode not in _MODES.values():
            picture = picture.convert("RGB")
        name = check_image_target(path, *picture.size, len(picture.getbands()))
    with atomic_path(path) as temporary, written_whole(temporary) as file:
        picture.save(file, name, **{**_SAVE_OPTIONS.get(name, {}), **options})


def encode_png(picture: npt.NDArray[Any]) -> bytes:
    """Return a PNG file of an array, quickly: for frames and pages, of which there are many.

    It takes a third to half of the time that `save_image` does, and the file is an eighth larger.
    """
    file = io.BytesIO()
    Canvas.of(picture).image.save(file, "PNG", compress_level=_QUICK)
    return file.getvalue()


def _levels(picture: Image.Image, channels: int) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    deep = picture.mode == "F"
    levels = np.empty((picture.height, picture.width, channels), np.uint16 if deep else np.uint8)
    for rows in row_strips(picture.height, picture.width):
        strip = np.asarray(picture.crop((0, rows.start, picture.width, rows.stop)))
        if deep:
            strip = np.rint(clipped(strip) * 65_535)
            levels[rows, :, 3:] = 65_535  # alpha, if there is such a channel
        strip = np.atleast_3d(strip)
        levels[rows, :, : max(3, strip.shape[2])] = strip
    return levels


def _check_size(width: int, height: int) -> None:
    if min(width, height) < 1 or width * height > LARGEST_PICTURE:
        limit = f"the limit is 1 to {LARGEST_PICTURE:,} pixels"
        raise InputError(f"cannot create an image of {width} x {height} pixels: {limit}")
