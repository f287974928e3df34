"""PNG and JPEG files without their metadata, for when these keep them from being read."""

from __future__ import annotations

import io
import zlib
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

from fit_image.images import signatures

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LARGEST_UNPACKED = 1 << 20  # Pillow's own limit
_LARGEST_CHUNK = 1 << 24  # of metadata

_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")

# Bytes of the chunk tRNS by the type of colour: grey, RGB and palette.
_SHORTEST_TRANSPARENCY = {0: 2, 2: 6, 3: 1}

# Segments of JPEG files with a say in how pixels are shown, their beginnings and least lengths.
_ADOBE = (0xEE, b"Adobe", 12)
_KEPT_SEGMENTS = ((0xE1, b"Exif\0\0", 0), (0xE2, b"ICC_PROFILE\0", 14), _ADOBE)


class SplicedFile(io.RawIOBase):
    """Bytes, and parts of an open file, one after the other, to be read.

    Parameters
    ----------
    file : binary file
        Its position changes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._parts: list[tuple[BinaryIO, int, int]] = []
        self._ends: list[int] = []
        self._at = 0

    def add(self, data: bytes) -> None:
        """Append bytes."""
        self._parts.append((io.BytesIO(data), 0, len(data)))

    def add_part(self, start: int, size: int) -> None:
        """Append a part of the file; where the file is shorter, so is this one."""
        if self._parts and self._parts[-1][0] is self._file:
            _, first, length = self._parts[-1]
            if first + length == start:  # one part instead of two
                self._parts[-1] = (self._file, first, length + size)
                return
        self._parts.append((self._file, start, size))

    def opened(self) -> io.BufferedReader:
        """Return this file, whole, to be read from the start."""
        self._ends = list(accumulate(size for _, _, size in self._parts))
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        self._at = max(origin + offset, 0)
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer, at most to the end of a part; return the number of bytes."""
        index = bisect_right(self._ends, self._at)
        if index == len(self._parts):
            return 0
        source, start, size = self._parts[index]
        within = self._at - (self._ends[index] - size)
        source.seek(start + within)
        with memoryview(buffer) as view:
            data = source.read(min(len(view), size - within))
            view[: len(data)] = data
        self._at += len(data)
        return len(data)


def without_metadata(file: BinaryIO, *, bare: bool = False) -> io.BufferedReader | None:
    """Return a PNG or JPEG file without metadata, None for other files.

    Orientation and colour profile, and of a PNG resolution and texts of one language, stay if they
    are whole, unless the result shall be ``bare``.
    """
    file.seek(0)
    start = file.read(8)
    if start == signatures.PNG:
        return _stripped_png(file, bare)
    if start.startswith(signatures.JPEG):
        return _stripped_jpeg(file, bare)
    return None


def _stripped_png(file: BinaryIO, bare: bool) -> io.BufferedReader:
    copy = SplicedFile(file)
    copy.add(signatures.PNG)
    colour_type, at = 0, len(signatures.PNG)
    while len(header := file.read(8)) == 8:
        length, name = int.from_bytes(header[:4], "big"), header[4:]
        kept = name in _PIXEL_CHUNKS
        if not kept and length <= _LARGEST_CHUNK:
            data = file.read(length)
            whole = file.read(4) == zlib.crc32(name + data).to_bytes(4, "big")
            if name == b"tRNS":
                kept = whole and length >= _SHORTEST_TRANSPARENCY.get(colour_type, 0)
            else:
                kept = whole and not bare and _keeps(name, data)
        elif name == b"IHDR":
            colour_type = int.from_bytes(file.read(10)[9:], "big")
        size = 8 + length + 4
        if kept:
            copy.add_part(at, size)
        at += size
        file.seek(at)
        if name == b"IEND":
            break
    return copy.opened()


def _keeps(name: bytes, data: bytes) -> bool:
    if name in (b"iCCP", b"zTXt"):
        _, found, rest = data.partition(b"\0")
        unpacker = zlib.decompressobj()
        try:
            unpacker.decompress(rest[1:], _LARGEST_UNPACKED)
        except zlib.error:
            return False
        return bool(found) and rest[:1] == b"\0" and not unpacker.unconsumed_tail
    return name in (b"eXIf", b"tEXt", b"pHYs")


def _stripped_jpeg(file: BinaryIO, bare: bool) -> io.BufferedReader:
    copy = SplicedFile(file)
    copy.add_part(0, 2)
    at = 2
    wanted = (_ADOBE,) if bare else _KEPT_SEGMENTS
    while True:
        file.seek(at)
        mark, kind, *size = file.read(4).ljust(4, b"\0")
        if mark == kind == 0xFF:  # padding
            at += 1
            continue
        length = int.from_bytes(bytes(size), "big") - 2
        if mark != 0xFF or kind == 0xDA or length < 0:  # the pixels follow
            break
        metadata = 0xE0 <= kind <= 0xEF or kind == 0xFE
        start = file.read(min(length, 16))
        if not metadata or any(
            kind == code and start.startswith(name) and length >= least
            for code, name, least in wanted
        ):
            copy.add_part(at, length + 4)
        at += length + 4
    copy.add_part(at, file.seek(0, io.SEEK_END) - at)
    return copy.opened()
