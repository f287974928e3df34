"""Restoration of a picture file, whose metadata are kept."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from fit_image.apps.unjpeg.model import Restorer
from fit_image.errors import InputError, one_line
from fit_image.images.decoding import reading
from fit_image.images.io import check_image_suffix, check_image_target
from fit_image.images.jpeg import quality_of, subsampling_of

_METADATA = ("exif", "icc_profile", "dpi")

_GAP = 8

# EXIF's tag of the orientation, and its values that swap rows and columns.
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)

# Formats that hold neither EXIF data nor colour profiles.
_BARE = ("GIF", "BMP")

# By mode: that in which a picture is restored; with transparency, RGBA.
_MODES = {"L": "L", "1": "L", "RGB": "RGB", "P": "RGB", "LA": "RGBA", "RGBA": "RGBA"}


class DamagedPicture(NamedTuple):
    """A picture to be restored, of mode L, RGB or RGBA, and how JPEG has compressed it, if it has.

    Orientation and colour profile are not applied.
    """

    image: Image.Image
    quality: int | None
    subsampling: str | None


def read_picture(path: Path) -> DamagedPicture:
    """Read a picture file; `InputError` if it is none, or its pixels are neither grey nor RGB."""
    with reading(path) as file:
        if not file.peek(1):
            raise InputError("the file is empty; give a picture")
        picture = Image.open(file)
        picture.load()
        quality, subsampling = quality_of(picture), subsampling_of(picture)
    if picture.mode not in _MODES:
        raise InputError(
            f"cannot restore {one_line(path)}: its pixels are {picture.mode}; convert it to RGB "
            "or grey of 8 bits first"
        )
    image = picture.convert("RGBA" if "transparency" in picture.info else _MODES[picture.mode])
    image.info = dict(picture.info)
    return DamagedPicture(image, quality, subsampling)


def restore(
    image: Image.Image,
    restorer: Restorer,
    *,
    threads: int | None = None,
    on_rows: Callable[[int, int], None] = lambda done, total: None,
) -> Image.Image:
    """Return a restored picture of the same mode and alpha channel; see `Restorer.restore`."""
    opaque = image.copy()
    if image.mode == "RGBA":
        opaque.putalpha(255)
    levels = np.asarray(opaque.convert("RGB"))
    restored = Image.fromarray(restorer.restore(levels, threads=threads, on_rows=on_rows))
    if image.mode == "L":
        return restored.convert("L")
    if image.mode == "RGBA":
        restored.putalpha(image.getchannel("A"))
    return restored


def side_by_side(image: Image.Image, restored: Image.Image) -> Image.Image:
    """Return a picture and its restored version side by side, both upright."""
    width, height = _upright_size(image)
    sheet = Image.new("RGB", (2 * width + _GAP, height), "white")
    for left, each in ((0, image), (width + _GAP, restored)):
        opaque = each.convert("RGBA")
        opaque.info.clear()  # other EXIF data may be damaged
        opaque.getexif()[_ORIENTATION] = _orientation(image)
        ImageOps.exif_transpose(opaque, in_place=True)
        sheet.paste(opaque, (left, 0), opaque)
    return sheet


def check_side_by_side(image: Image.Image, target: Path) -> None:
    """Raise `InputError` unless `side_by_side` can be written to ``target``."""
    width, height = _upright_size(image)
    try:
        check_image_target(target, 2 * width + _GAP, height)
    except InputError as error:
        raise InputError(f"{error}; or leave --compare out") from None


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if _orientation(image) in _SIDEWAYS else (width, height)


def _orientation(image: Image.Image) -> int:
    """Return the orientation from EXIF; 1 is upright."""
    # Damaged data make Pillow raise nearly every kind of exception.
    with contextlib.suppress(Exception):
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def metadata_of(picture: Image.Image, target: Path) -> dict[str, Any]:
    """Return the metadata to write, as options of Pillow's ``save``.

    `InputError` if the format of the target cannot hold them.
    """
    metadata = {name: picture.info[name] for name in _METADATA if picture.info.get(name)}
    name = check_image_suffix(target)
    if name in _BARE and metadata.keys() & {"exif", "icc_profile"}:
        raise InputError(
            f"cannot write {one_line(target)}: {name} keeps neither the picture's EXIF data nor "
            "its colour profile; use .png"
        )
    if name == "TIFF" and "exif" in metadata:
        # The library that compresses Pillow's TIFF does not know the EXIF parts that cameras write.
        metadata["compression"] = None
    # Tried on one pixel: not all EXIF data that other formats take as they are fit in a TIFF.
    try:
        Image.new("RGB", (1, 1)).save(io.BytesIO(), name, **metadata)
    except Exception:  # Pillow raises nearly every kind
        raise InputError(
            f"cannot write {one_line(target)}: {name} cannot hold the picture's EXIF data or "
            "colour profile; use .png"
        ) from None
    return metadata
