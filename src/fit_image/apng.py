"""Animated PNG, written frame by frame.

Pillow's writer keeps all frames in memory, at 4 bytes a pixel, and makes a still picture without
duration of frames that are all equal.

Source of the format: the PNG specification, third edition (W3C, 2025), section 11.3.6.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from fit_image.decoding import bands
from fit_image.frames import Picture, ahead
from fit_image.image import Canvas

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_MS = 65_535
_RGB_8_BITS = (8, 2, 0, 0, 0)  # depth, colour type, compression, filter, interlace
_LEVEL = 3  # a quarter of the time of zlib's default, and a tenth larger
_KEEP, _REPLACE = 0, 0  # what to do after a frame, and how to draw it


@dataclass
class _Patch:
    """What one frame changes."""

    x: int
    y: int
    pixels: Picture
    milliseconds: int


def write_apng(
    file: BinaryIO, pictures: Iterable[Picture], delays: Iterable[int], most_ahead: int
) -> None:
    """Write an animation that repeats forever; equal neighbours become one frame.

    Parameters
    ----------
    file : binary file
        Open for writing, seekable.
    pictures : iterable of ndarray of uint8, shape (height, width, 3)
        At least one, of equal size.
    delays : iterable of int
        Of each, in milliseconds.
    most_ahead : int
        How many pictures may wait in memory to be compressed, or written.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with ahead(_compressed, _patches(pictures, delays), most_ahead) as compressed:
        count = sequence = header = 0
        for patch, data in compressed:
            height, width, _ = patch.pixels.shape
            if count == 0:
                file.write(_SIGNATURE)
                _write_chunk(file, b"IHDR", struct.pack(">2I5B", width, height, *_RGB_8_BITS))
                header = file.tell()
                _write_chunk(file, b"acTL", bytes(8))
            _write_chunk(
                file,
                b"fcTL",
                struct.pack(
                    ">5I2H2B",
                    sequence,
                    width,
                    height,
                    patch.x,
                    patch.y,
                    patch.milliseconds,
                    1000,
                    _KEEP,
                    _REPLACE,
                ),
            )
            sequence += 1
            if count == 0:
                _write_chunk(file, b"IDAT", data)
            else:
                _write_chunk(file, b"fdAT", struct.pack(">I", sequence) + data)
                sequence += 1
            count += 1
            del patch, data  # before the next one is made
        _write_chunk(file, b"IEND", b"")
        file.seek(header)
        _write_chunk(file, b"acTL", struct.pack(">2I", count, 0))  # 0: repeat forever


def _patches(pictures: Iterable[Picture], delays: Iterable[int]) -> Iterator[_Patch]:
    waiting: _Patch | None = None
    before: Picture | None = None
    for picture, delay in zip(pictures, delays, strict=True):
        patch = _Patch(0, 0, picture, delay) if before is None else _change(before, picture, delay)
        if patch is None and waiting is not None:
            waiting.milliseconds += delay
            continue
        if waiting is not None:
            yield from _split(waiting)
        waiting, before = patch, picture
    if waiting is not None:
        yield from _split(waiting)


def _change(before: Picture, now: Picture, delay: int) -> _Patch | None:
    changed = np.empty(now.shape[:2], bool)
    for band in bands(now.shape[0], now.shape[1]):
        changed[band] = (before[band] != now[band]).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return None
    top, left = int(rows[0]), int(columns[0])
    return _Patch(left, top, now[top : rows[-1] + 1, left : columns[-1] + 1], delay)


def _split(patch: _Patch) -> Iterator[_Patch]:
    """Yield ``patch``, followed by single unchanged pixels while its time exceeds the format's."""
    rest = patch.milliseconds
    x, y, pixels = patch.x, patch.y, patch.pixels
    while True:
        yield _Patch(x, y, pixels, min(rest, _LONGEST_MS))
        rest -= _LONGEST_MS
        if rest <= 0:
            return
        pixels = pixels[:1, :1]


def _compressed(patch: _Patch) -> tuple[_Patch, bytes]:
    """Return ``patch`` and its pixels, filtered and compressed as in a PNG file."""
    buffer = io.BytesIO()
    height, width, _ = patch.pixels.shape
    canvas = Canvas(width, height)
    for rows in bands(height, width):
        canvas.paste(rows.start, patch.pixels[rows])
    canvas.image.save(buffer, "PNG", compress_level=_LEVEL)
    del canvas
    data, position = buffer.getbuffer(), len(_SIGNATURE)
    parts = []
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IDAT":
            parts.append(data[position + 8 : position + 8 + length])
        position += length + 12
    return patch, b"".join(parts)


def _write_chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    for part in (struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)):
        file.write(part)
