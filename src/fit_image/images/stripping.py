"""Copies of PNG and JPEG files without their metadata, for when these keep them from being read."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

_LARGEST_PROFILE = 1 << 20  # Pillow's own limit

_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")

# Bytes of the chunk tRNS by the type of colour: grey, RGB and palette.
_SHORTEST_TRANSPARENCY = {0: 2, 2: 6, 3: 1}

# Segments of JPEG files with a say in how pixels are shown, their beginnings and least lengths.
_ADOBE = (0xEE, b"Adobe", 12)
_KEPT_SEGMENTS = ((0xE1, b"Exif\0\0", 0), (0xE2, b"ICC_PROFILE\0", 14), _ADOBE)


def without_metadata(file: BinaryIO, *, bare: bool = False) -> io.BytesIO | None:
    """Return a PNG or JPEG file without metadata, None for other files.

    Orientation and colour profile stay if they are whole, unless the copy shall be ``bare``.
    """
    file.seek(0)
    start = file.read(8)
    if start == _PNG:
        return _stripped_png(file, bare)
    if start.startswith(_JPEG):
        return _stripped_jpeg(file, bare)
    return None


def _stripped_png(file: BinaryIO, bare: bool) -> io.BytesIO:
    copy = io.BytesIO()
    copy.write(_PNG)
    colour_type = 0
    while len(header := file.read(8)) == 8:
        length, name = int.from_bytes(header[:4], "big"), header[4:]
        data = file.read(length)
        check = file.read(4)
        whole = check == zlib.crc32(name + data).to_bytes(4, "big")
        if name == b"IHDR":
            colour_type = data[9] if length > 9 else 0
        if name == b"tRNS":
            kept = whole and length >= _SHORTEST_TRANSPARENCY.get(colour_type, 0)
        else:
            kept = name in _PIXEL_CHUNKS or (whole and not bare and _keeps(name, data))
        if kept:
            copy.write(header + data + check)
        if name == b"IEND":
            break
    copy.seek(0)
    return copy


def _keeps(name: bytes, data: bytes) -> bool:
    if name == b"iCCP":
        _, found, rest = data.partition(b"\0")
        unpacker = zlib.decompressobj()
        try:
            unpacker.decompress(rest[1:], _LARGEST_PROFILE)
        except zlib.error:
            return False
        return bool(found) and rest[:1] == b"\0" and not unpacker.unconsumed_tail
    return name == b"eXIf"


def _stripped_jpeg(file: BinaryIO, bare: bool) -> io.BytesIO:
    copy = io.BytesIO()
    file.seek(0)
    copy.write(file.read(2))
    kept = (_ADOBE,) if bare else _KEPT_SEGMENTS
    while (mark := file.read(1)) == b"\xff":
        while (kind := file.read(1)) == b"\xff":
            pass  # padding
        size = file.read(2)
        length = int.from_bytes(size, "big") - 2
        if not kind or length < 0 or kind[0] == 0xDA:  # the pixels follow
            copy.write(mark + kind + size)
            break
        data = file.read(length)
        metadata = 0xE0 <= kind[0] <= 0xEF or kind[0] == 0xFE
        if not metadata or any(
            kind[0] == code and data.startswith(name) and length >= least
            for code, name, least in kept
        ):
            copy.write(mark + kind + size + data)
    copy.write(file.read())
    copy.seek(0)
    return copy
