"""Metadata of picture files, read from any format and kept in any that can.

These are EXIF and XMP data, colour profile, resolution, comment, and the texts of a PNG. Whatever
is damaged in them is kept as it is where it may be, and never decides about the pixels.
"""

from __future__ import annotations

import contextlib
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from PIL import Image, PngImagePlugin

_PREFIX = b"Exif\0\0"  # of EXIF data in a JPEG
_XMP_TEXT = "XML:com.adobe.xmp"
_OLD_EXIF_TEXT = "Raw profile type exif"  # as ImageMagick wrote it before PNG had a chunk for it
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>)\s*)[2-8]")

_DESCRIPTION, _ORIENTATION, _XMP = 0x010E, 0x0112, 0x02BC

_SHORT = 3  # type of a value in EXIF data: 16 bits

# EXIF tags that in a TIFF lay out the pixels, which are not stored as they were in the other file.
_LAYOUT = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323}
_LAYOUT |= {324, 325, 332, 338, 339, 347, 512, 513, 514, 529, 530, 531, 532, 34675}

# Options of Pillow's ``save`` that are fields of `Metadata`.
_OPTIONS: dict[str, tuple[str, ...]] = {
    "JPEG": ("exif", "xmp", "icc_profile", "dpi", "comment"),
    "PNG": ("exif", "icc_profile", "dpi"),
    "WEBP": ("exif", "xmp", "icc_profile"),
    "TIFF": ("icc_profile", "dpi"),
    "GIF": ("comment",),
    "BMP": ("dpi",),
}

_BARE = ("GIF", "BMP")  # formats that hold none of the following

# What must not be lost without a word.
_NAMES = {"exif": "EXIF data", "xmp": "XMP data", "icc_profile": "colour profile"}

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture of each orientation is turned upright; 1 is upright."""

_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True)
class Metadata:
    """All that a picture file holds beside its pixels; empty where it holds nothing.

    Attributes
    ----------
    exif : bytes
        A TIFF structure, without the prefix that it has in a JPEG.
    xmp, icc_profile, comment : bytes
    dpi : tuple of float, optional
        Pixels per inch, across and down.
    texts : mapping of str to str
        Of a PNG, by keyword, but for XMP and EXIF data.
    orientation : int
        Of the pixels, 1 to 8 as in EXIF data: 1 is upright.
    """

    exif: bytes = b""
    xmp: bytes = b""
    icc_profile: bytes = b""
    dpi: tuple[float, float] | None = None
    comment: bytes = b""
    texts: Mapping[str, str] = field(default_factory=dict)
    orientation: int = 1

    @classmethod
    def of(cls, picture: Image.Image) -> Self:
        """Collect the metadata of a picture that Pillow has loaded from a file.

        Pillow warns where they are damaged.
        """
        info = picture.info
        texts: dict[str, str] = {}
        if isinstance(picture, PngImagePlugin.PngImageFile):
            texts = {str(key): text for key, text in info.items() if isinstance(text, str)}
        return cls(
            _exif(info.get("exif"), texts.pop(_OLD_EXIF_TEXT, "")),
            _bytes(info.get("xmp", texts.pop(_XMP_TEXT, ""))),
            _bytes(info.get("icc_profile")),
            _resolution(info.get("dpi")),
            _bytes(info.get("comment", texts.pop("Comment", ""))),
            texts,
            _orientation(picture),
        )

    def is_sideways(self) -> bool:
        """Return whether rows of pixels are columns of the upright picture."""
        return self.orientation in _SIDEWAYS

    def lost_in(self, format_name: str) -> list[str]:
        """Return the names of the data that a format of Pillow's cannot hold, but which matter."""
        bare = format_name in _BARE
        return [name for key, name in _NAMES.items() if bare and getattr(self, key)]

    @property
    def names(self) -> list[str]:
        """The names of the data that there are, and that may be too large for a format."""
        return [
            name for key, name in {**_NAMES, "comment": "comment"}.items() if getattr(self, key)
        ]

    @property
    def has_grey_profile(self) -> bool:
        """Whether the colour profile is for pictures of grey."""
        return self.icc_profile[16:20] == b"GRAY"

    def turned_upright(self) -> Self:
        """Return the metadata of the picture after `turn_upright`."""
        entries = list(_entries(self.exif))
        exif = bytearray(self.exif)
        for at, tag, order in entries:
            if tag == _ORIENTATION:
                exif[at : at + 12] = struct.pack(f"{order}HHIHH", tag, _SHORT, 1, 1, 0)
        # Data that said nothing else are gone.
        said = {tag for _, tag, _ in entries} != {_ORIENTATION}
        dpi = self.dpi[::-1] if self.dpi and self.is_sideways() else self.dpi
        xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", self.xmp)
        return replace(self, exif=bytes(exif) if said else b"", xmp=xmp, dpi=dpi, orientation=1)

    def save_options(self, format_name: str) -> dict[str, Any]:
        """Return options of Pillow's ``save`` that write what the format can hold.

        Data that are damaged or too large make this or Pillow raise nearly any exception.
        """
        options = {key: value for key in _OPTIONS[format_name] if (value := getattr(self, key))}
        if "exif" in options:
            options["exif"] = _PREFIX + self.exif
        if format_name == "PNG":
            options["pnginfo"] = self._png_texts()
        if format_name == "TIFF" and (tags := self._tiff_tags()):
            options["exif"] = tags
            if self.exif:
                # The library that compresses Pillow's TIFF does not know the tags of cameras.
                options["compression"] = None
        return options

    def _png_texts(self) -> PngImagePlugin.PngInfo:
        texts = PngImagePlugin.PngInfo()
        if self.xmp:
            texts.add_itxt(_XMP_TEXT, self.xmp)
        if self.comment:
            texts.add_text("Comment", _text(self.comment))
        for key, text in self.texts.items():
            texts.add_text(key, text)
        return texts

    def _tiff_tags(self) -> Image.Exif:
        tags = Image.Exif()
        if self.exif:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of data that are damaged
                tags.load(_PREFIX + self.exif)
            for tag in _LAYOUT & {*tags}:
                del tags[tag]
        if self.xmp:
            tags[_XMP] = self.xmp
        if self.comment and _DESCRIPTION not in tags:
            tags[_DESCRIPTION] = self.comment
        return tags


def turn_upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Return a picture turned upright: from an orientation, 1 to 8 as in EXIF data, to 1."""
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def _exif(data: Any, old: str) -> bytes:
    with contextlib.suppress(ValueError):
        # Three lines of a name and a length, and hexadecimal digits.
        data = data or bytes.fromhex("".join(old.split("\n")[3:]))
    return re.sub(rb"^(Exif\0\0){1,2}", b"", _bytes(data))


def _entries(exif: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield where each entry of the first directory of EXIF data lies, its tag, and byte order."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        yield at, struct.unpack_from(f"{order}H", exif, at)[0], order


def _orientation(picture: Image.Image) -> int:
    # Damaged data make Pillow raise nearly every kind of exception.
    with contextlib.suppress(Exception):
        orientation = picture.getexif().get(_ORIENTATION, 1)
        return int(orientation) if orientation in _TURNS else 1
    return 1


def _resolution(dpi: Any) -> tuple[float, float] | None:
    with contextlib.suppress(TypeError, ValueError, ZeroDivisionError):
        across, down = (float(each) for each in dpi)
        # Within what all formats can hold; NaN is not.
        if all(0.5 < each < 65_535 for each in (across, down)):
            return across, down
    return None


def _bytes(data: Any) -> bytes:
    if isinstance(data, str):
        return data.encode("utf-8", "replace")
    return bytes(data) if isinstance(data, bytes | bytearray) else b""


def _text(data: bytes) -> str:
    data = data.rstrip(b"\0")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
