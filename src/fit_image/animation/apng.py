"""Write animated PNG frame by frame.

Pillow's writer holds all frames in memory, at 4 bytes a pixel, and writes a still picture without a
duration if all frames are equal.

Source of the format: the PNG specification, third edition (W3C, 2025), section 11.3.6.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from fit_image.animation.film import Pixels, bounding_box, merge_equal, prefetch
from fit_image.images import signatures
from fit_image.images.decoding import row_strips
from fit_image.images.io import encode_png

_LONGEST_MS = 65_535
_RGB_8_BITS = (8, 2, 0, 0, 0)  # depth, colour type, compression, filter, interlace
_DISPOSE_NONE, _BLEND_SOURCE = 0, 0


class _Patch(NamedTuple):
    """The rectangle that a frame changes, and how long it is shown."""

    x: int
    y: int
    pixels: Pixels
    milliseconds: int


def write_apng(
    file: BinaryIO,
    frames: Iterable[Pixels],
    delays: Iterable[int],
    prefetch_limit: int,
    *,
    plays: int = 0,
) -> None:
    """Write an animation; equal neighbours become one frame.

    Parameters
    ----------
    file : binary file
        Open for writing, seekable.
    frames : iterable of ndarray of uint8, shape (height, width, 3)
        At least one, all of equal size.
    delays : iterable of int
        Of each frame, in milliseconds.
    prefetch_limit : int
        Most frames that wait in memory to be compressed, or written.
    plays : int
        How often it is played; 0 is without end.
    """
    with prefetch(_compressed, _patches(frames, delays), prefetch_limit) as compressed:
        count = sequence = header = 0
        for patch, data in compressed:
            height, width, _ = patch.pixels.shape
            if count == 0:
                file.write(signatures.PNG)
                _write_chunk(file, b"IHDR", struct.pack(">2I5B", width, height, *_RGB_8_BITS))
                header = file.tell()
                _write_chunk(file, b"acTL", bytes(8))
            box = (width, height, patch.x, patch.y)
            rest = (patch.milliseconds, 1000, _DISPOSE_NONE, _BLEND_SOURCE)
            _write_chunk(file, b"fcTL", struct.pack(">5I2H2B", sequence, *box, *rest))
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
        _write_chunk(file, b"acTL", struct.pack(">2I", count, plays))


def _patches(frames: Iterable[Pixels], delays: Iterable[int]) -> Iterator[_Patch]:
    for (x, y, pixels), rest in merge_equal(_changes(frames), delays):
        while rest > _LONGEST_MS:
            yield _Patch(x, y, pixels, _LONGEST_MS)
            pixels = pixels[:1, :1]  # then a single unchanged pixel for the rest of the time
            rest -= _LONGEST_MS
        yield _Patch(x, y, pixels, rest)
        del pixels  # before the next frame is read


def _changes(frames: Iterable[Pixels]) -> Iterator[tuple[int, int, Pixels] | None]:
    """Yield the rectangle that each frame changes: its corner and pixels, None if it is empty."""
    previous: Pixels | None = None
    for frame in frames:
        yield _change(previous, frame)
        previous = frame


def _change(previous: Pixels | None, current: Pixels) -> tuple[int, int, Pixels] | None:
    if previous is None:
        return 0, 0, current
    changed = np.empty(current.shape[:2], bool)
    for rows in row_strips(*current.shape[:2]):
        changed[rows] = (previous[rows] != current[rows]).any(axis=2)
    box = bounding_box(changed)
    return (box[1].start, box[0].start, current[box]) if box else None


def _compressed(patch: _Patch) -> tuple[_Patch, bytes]:
    """Return ``patch`` and its pixels, filtered and compressed as PNG image data."""
    data, position = memoryview(encode_png(patch.pixels)), len(signatures.PNG)
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
