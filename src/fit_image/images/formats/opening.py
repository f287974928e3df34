"""Open any picture file: its pixels as they are stored, and what must be said about them.

What the decoder, Pillow, gets wrong is put right here: thumbnails before the picture, metadata that
keep it from being read, transparent values of few or many bits, alpha channels that nobody wrote.
"""

from __future__ import annotations

import contextlib
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fit_image.errors import InputError
from fit_image.images.formats.identify import (
    START,
    FileKind,
    UnsupportedKindError,
    identify,
    jpeg_kind,
    raw_kind,
    tiff_kind,
)
from fit_image.images.formats.stripping import without_metadata
from fit_image.images.formats.tiff import Page, full_page, read_pages
from fit_image.images.formats.tiff_pixels import Grey, grey_of

# Formats whose writers leave alpha 0 where they mean nothing by it.
_ALPHA_OPTIONAL = ("BMP", "DIB", "TGA", "ICO", "CUR")

NO_DATA = "no-data values are transparent"
"""Summary of remarks."""

# Formats whose further frames are layers of the picture, or previews of it.
_ONE_PICTURE = ("PSD", "MPO")


class Remark(NamedTuple):
    """A sentence that the user must be told about a picture that was read.

    Attributes
    ----------
    text : str
        Of this picture, such as "only the first of 12 frames is read".
    summary : str
        The same of many pictures, without figures: "only the first frame is read".
    """

    text: str
    summary: str


FIRST_OF_MANY = {noun: f"only the first {noun} is read" for noun in ("frame", "page")}
"""Summaries of remarks about pictures with motion, and of TIFF files of several pages."""

RemarkCounts = Counter[str]
"""Of the pictures in a folder: how many have each `Remark.summary`."""


class OpenedImage(NamedTuple):
    """A loaded picture.

    Attributes
    ----------
    image : PIL.Image.Image
        As it is stored, in 8 bits at most where it has colours.
    grey : Grey
        What grey numbers mean.
    remarks : list of Remark
    bits : int
        Of a channel in the file.
    is_stripped : bool
        Whether metadata had to be left out for it to be read.
    """

    image: Image.Image
    grey: Grey
    remarks: list[Remark]
    bits: int = 8
    is_stripped: bool = False


def open_image(file: BinaryIO, number: int = 1) -> OpenedImage:
    """Load a whole picture in a file: the first one, or that of a frame or page, counted from 1.

    Raises
    ------
    UnsupportedKindError
        If the file is of a kind that cannot be read.
    InputError
        If it is empty, or has fewer pictures. For other problems Pillow raises nearly every kind of
        exception.
    """
    kind, pages = _identified(file)
    if pages and number > 1:
        whole = [page for page in pages if not page.is_part]
        if number > len(whole):
            raise _no_such("page", number, max(1, len(whole)))
        pages, number = [whole[number - 1]], 1
    image, source, grey = _first_success(file, kind, pages, number)
    remarks = []
    if pages and full_page(pages).is_part:
        remarks.append(Remark("only a thumbnail is in it", "only a thumbnail"))
    if image.format == "PNG":
        _mend_png_transparency(image, source, is_first=number == 1)
    elif image.format == "TIFF":
        image = _mended_grey(image, grey, remarks)
    if image.format in _ALPHA_OPTIONAL:
        image = _without_empty_alpha(image)
    frames = sum(not page.is_part for page in pages) if pages else _frames(image, file)
    if number == 1 and frames > 1:
        noun = "page" if image.format == "TIFF" else "frame"
        text = f"only the first of {frames:,} {noun}s is read"
        remarks.append(Remark(text, FIRST_OF_MANY[noun]))
    bits = max(full_page(pages).bits, default=8) if pages else _png_bits(image, source)
    return OpenedImage(image, grey, remarks, bits, is_stripped=not pages and source is not file)


def _png_bits(image: Image.Image, source: BinaryIO) -> int:
    """Return the bits of a channel of a PNG; of other files, 8."""
    if image.format != "PNG":
        return 8
    source.seek(24)
    return int.from_bytes(source.read(1), "big")


def image_size(file: BinaryIO) -> tuple[int, int]:
    """Return the width and height that `open_image` gives, without reading pixels."""
    image, _, _ = _first_success(file, *_identified(file), None)
    return image.size


def _identified(file: BinaryIO) -> tuple[FileKind | None, list[Page]]:
    """Return the kind, if it may be unreadable, and the pages of a TIFF."""
    file.seek(0)
    start = file.read(START)
    if not start:
        raise InputError("the file is empty; give a picture")
    kind, pages = identify(start), []
    if kind is None and start[:2] in (b"II", b"MM"):
        pages = read_pages(file)
        kind = raw_kind(start, pages)
    if kind is not None and not kind.tried:
        raise UnsupportedKindError(kind)
    return kind, pages


def _first_success(
    file: BinaryIO, kind: FileKind | None, pages: list[Page], load: int | None
) -> tuple[Image.Image, BinaryIO, Grey]:
    """Open the file, or failing that a copy of it without metadata, and load a frame of it."""
    first: Exception | None = None
    for source, grey in _sources(file, pages):
        source.seek(0)
        try:
            image = Image.open(source)
            if load is not None:
                _seek(image, source, load)
                image.load()
        except (
            InputError,
            MemoryError,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ):
            raise
        except Exception as error:  # Pillow raises nearly every kind
            first = first or error
            continue
        return image, source, grey
    assert first is not None
    if isinstance(first, UnidentifiedImageError | KeyError):  # the latter of unknown compressions
        kind = kind or tiff_kind(pages)
    else:
        kind = None
    if kind := kind or jpeg_kind(file):
        raise UnsupportedKindError(kind) from first
    raise first


def _sources(file: BinaryIO, pages: list[Page]) -> Iterator[tuple[BinaryIO, Grey]]:
    if not pages:
        yield file, Grey()
        for bare in (False, True):
            copy = without_metadata(file, bare=bare)
            if copy is None:
                return
            yield copy, Grey()
        return
    page = full_page(pages)
    grey, changes, order = grey_of(page)
    if not page.is_first or changes or order != page.order:
        yield page.rewritten(changes, order), grey
    else:
        yield file, grey
        with contextlib.suppress(ValueError, struct.error):
            yield page.rewritten(changes, order), grey


def _seek(image: Image.Image, source: BinaryIO, number: int) -> None:
    """Go to a frame, counted from 1; `InputError` if there are fewer."""
    if number == 1:
        return
    count = 1
    if image.format not in _ONE_PICTURE:
        try:
            image.seek(number - 1)
        except EOFError:
            count = _frames(image, source)
            if count >= number:
                raise  # it is damaged
        else:
            return
    raise _no_such("frame", number, count)


def _no_such(noun: str, number: int, count: int) -> InputError:
    there = f"it has {count:,} {noun}{'s' * (count > 1)}"
    return InputError(f"{there}, so that there is no {noun} {number:,}", fields=("frame",))


def _frames(image: Image.Image, file: BinaryIO) -> int:
    if image.format in _ONE_PICTURE:
        return 1
    # Counting may read on in the file, damaged or not: that has no say in what was read.
    with contextlib.suppress(Exception):
        if hasattr(type(image), "n_frames"):
            file.seek(0)
            with Image.open(file) as again:
                return int(getattr(again, "n_frames", 1))
        return int(getattr(image, "n_frames", 1))
    return 1


def _mend_png_transparency(image: Image.Image, source: BinaryIO, *, is_first: bool) -> None:
    """Put the transparent value of a PNG, in the file's own depth, in that of the pixels."""
    key: Any = image.info.get("transparency")
    source.seek(24)
    header = source.read(2)
    if key is None or len(header) < 2:
        return
    depth, colour_type = header
    if colour_type == 0 and image.mode == "L":
        largest = (1 << min(depth, 8)) - 1
        image.info["transparency"] = (key & largest) * (255 // largest)
    elif colour_type == 2 and depth == 8:
        image.info["transparency"] = tuple(level & 255 for level in key)
    elif colour_type == 2 and not is_first:
        image.info["transparency"] = tuple(level >> 8 for level in key)
    elif colour_type == 2 and depth == 16:
        low = _low_bytes(source)
        alpha = np.zeros((image.height, image.width), np.uint8)
        for band, level in enumerate(key):
            high_differs = np.asarray(image.getchannel(band)) != level >> 8
            alpha[high_differs | (np.asarray(low.getchannel(band)) != level & 255)] = 255
        del image.info["transparency"]
        image.putalpha(Image.fromarray(alpha))


def _low_bytes(source: BinaryIO) -> Image.Image:
    """Load the low bytes of a PNG of 16-bit colour; Pillow keeps the high ones."""
    source.seek(0)
    image = Image.open(source)
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
    image.load()
    return image


def _mended_grey(image: Image.Image, grey: Grey, remarks: list[Remark]) -> Image.Image:
    """Apply what `Grey` says about pixels of up to 8 bits a channel."""
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = _replaced(image, image.convert(image.mode[:-1] + "A"))
    if grey.signed and image.mode == "L":
        numbers = np.asarray(image).view(np.int8)
        if numbers.min() < 0:
            return _replaced(image, Image.fromarray(numbers.astype(np.int32)))
    if grey.inverted and image.mode == "L":  # with a second channel of no known meaning
        image = _replaced(image, ImageOps.invert(image))
    if grey.inverted and image.mode == "LA":
        level, alpha = image.split()
        image = _replaced(image, Image.merge("LA", (ImageOps.invert(level), alpha)))
    value = grey.no_data
    if value is not None and value in range(256) and image.mode in ("1", "L", "RGB", "P"):
        key = int(value)
        image.info["transparency"] = (key,) * 3 if image.mode == "RGB" else key
        remarks.append(Remark("its no-data value is transparent", NO_DATA))
    return image


def _replaced(image: Image.Image, other: Image.Image) -> Image.Image:
    """Return the other image with the format and the metadata of the first."""
    other.format, other.info = image.format, dict(image.info)
    return other


def _without_empty_alpha(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        if colours.getchannel("A").getextrema()[1] == 0:
            opaque = image.convert("L") if image.mode == "LA" else colours.convert("RGB")
            opaque = _replaced(image, opaque)
            opaque.info.pop("transparency", None)
            return opaque
    return image
