"""Restoring a picture file: all that is not its pixels stays as it is."""

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

_KEPT = ("exif", "icc_profile", "dpi")

_GAP = 8

# EXIF's tag, and those of its values with which rows are columns.
_ORIENTATION, _LYING = 0x0112, (5, 6, 7, 8)

# Formats that hold neither EXIF data nor colour profiles.
_BARE = ("GIF", "BMP")

# By mode: that in which a picture is restored; with transparency, RGBA.
_MODES = {"L": "L", "1": "L", "RGB": "RGB", "P": "RGB", "LA": "RGBA", "RGBA": "RGBA"}


class Damaged(NamedTuple):
    """A picture to be restored.

    Attributes
    ----------
    image : PIL.Image.Image
        Of mode L, RGB or RGBA; neither turned nor in another profile than in its file.
    quality : int or None
        See `quality_of`.
    subsampling : str or None
        See `subsampling_of`.
    """

    image: Image.Image
    quality: int | None
    subsampling: str | None


def read_picture(path: Path) -> Damaged:
    """Read a picture file as it is.

    Raises
    ------
    InputError
        If it is no picture, or one whose pixels are neither grey nor red, green and blue.
    """
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
    return Damaged(image, quality, subsampling)


def restore(
    image: Image.Image,
    restorer: Restorer,
    *,
    threads: int | None = None,
    on_rows: Callable[[int, int], None] = lambda done, total: None,
) -> Image.Image:
    """Return a restored picture of the same mode: grey stays grey, and alpha as it is.

    Arguments are as of `Restorer.restore`.
    """
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
    """Return a picture as it was, and restored, both upright, with a gap in between."""
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
    return (height, width) if _orientation(image) in _LYING else (width, height)


def _orientation(image: Image.Image) -> int:
    """Return how the picture is to be turned, as EXIF has it: 1 is not at all."""
    # Damaged data make Pillow raise nearly every kind there is.
    with contextlib.suppress(Exception):
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def kept_of(picture: Image.Image, target: Path) -> dict[str, Any]:
    """Return what is to be written beside the pixels, as options of Pillow's ``save``.

    Raises
    ------
    InputError
        If the file to be written cannot hold it.
    """
    kept = {name: picture.info[name] for name in _KEPT if picture.info.get(name)}
    name = check_image_suffix(target)
    if name in _BARE and kept.keys() & {"exif", "icc_profile"}:
        raise InputError(
            f"cannot write {one_line(target)}: {name} keeps neither the picture's EXIF data nor "
            "its colour profile; use .png"
        )
    if name == "TIFF" and "exif" in kept:
        # What Pillow compresses TIFF with does not know the parts that cameras write.
        kept["compression"] = None
    # Tried on one pixel: not all EXIF data that other formats take as they are fit in a TIFF.
    try:
        Image.new("RGB", (1, 1)).save(io.BytesIO(), name, **kept)
    except Exception:  # Pillow raises nearly every kind there is
        raise InputError(
            f"cannot write {one_line(target)}: {name} cannot hold the picture's EXIF data or "
            "colour profile; use .png"
        ) from None
    return kept
