"""Animated GIF, written frame by frame.

Pillow's writer keeps all frames in memory, at a byte a pixel, and needs several more for the
differences between two of them.

Source of the format: "Graphics Interchange Format, Version 89a" (CompuServe, 1990); the extension
that repeats is Netscape's.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from PIL import Image

from fit_image.frames import Picture

_SIGNATURE = b"GIF89a"
_TABLE = 0x80  # flag: a global table of colours follows
_REPEAT_FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
_KEEP = 1 << 2  # after a frame, for the next one to be drawn upon
_TRANSPARENT = 1  # flag: one index leaves the pixel as it is
_DESCRIPTOR_BYTES = 10
_END = b";"


def write_gif(
    file: BinaryIO, pictures: Iterable[Picture], delays: Iterable[int], colours: Picture
) -> None:
    """Write an animation that repeats forever; equal neighbours become one frame.

    Parameters
    ----------
    file : binary file
        Open for writing.
    pictures : iterable of ndarray of uint8, shape (height, width)
        Indices of colours; at least one picture, of equal size. They must not change later.
    delays : iterable of int
        Of each, in hundredths of a second.
    colours : ndarray of uint8, shape (n, 3)
        At most 255: the next index stands for a pixel that stays, which shrinks the file to a
        fifth.

    Raises
    ------
    OSError
        If the file cannot be written.
    struct.error
        If the picture stands still for more than 65535 hundredths of a second.
    """
    stays = len(colours)
    waiting: bytes | None = None
    total = 0
    before: Picture | None = None
    for now, delay in zip(pictures, delays, strict=True):
        if before is None:
            height, width = now.shape
            bits = max(1, stays.bit_length())  # of an index, up to and with the one that stays
            file.write(_SIGNATURE + struct.pack("<2H3B", width, height, _TABLE | bits - 1, 0, 0))
            file.write(_table(colours).ljust(3 << bits, b"\0"))
            file.write(_REPEAT_FOREVER)
            frame: bytes | None = _frame(now, 0, 0)
        else:
            frame = _change(before, now, stays)
        if frame is not None:
            if waiting is not None:
                _write_frame(file, waiting, total, stays)
            waiting, total = frame, 0
        total += delay
        before = now
    if waiting is not None:
        _write_frame(file, waiting, total, stays)
    file.write(_END)


def _table(colours: Picture) -> bytes:
    """Return the colours' bytes, and one that none of them has: that of pixels that stay."""
    taken = {tuple(colour) for colour in colours.tolist()}
    unused = next(grey for grey in range(256) if (grey, grey, grey) not in taken)
    return colours.tobytes() + bytes([unused] * 3)


def _change(before: Picture, now: Picture, stays: int) -> bytes | None:
    same = before == now
    rows, columns = np.flatnonzero(~same.all(axis=1)), np.flatnonzero(~same.all(axis=0))
    if not len(rows):
        return None
    top, left = int(rows[0]), int(columns[0])
    box = np.s_[top : rows[-1] + 1, left : columns[-1] + 1]
    pixels = now[box].copy()
    pixels[same[box]] = stays
    del same
    return _frame(pixels, left, top)


def _frame(pixels: Picture, left: int, top: int) -> bytes:
    """Return a frame's descriptor and compressed pixels."""
    height, width = pixels.shape
    picture = Image.frombytes("P", (width, height), pixels)
    picture.putpalette(bytes(768))
    buffer = io.BytesIO()
    picture.save(buffer, "GIF", optimize=False, interlace=0)  # one frame, indices as they are
    data = buffer.getbuffer()
    start = 13 + (3 << (data[10] & 7) + 1)  # after the header and its table of colours
    descriptor = b"," + struct.pack("<4HB", left, top, width, height, 0)
    return b"".join((descriptor, data[start + _DESCRIPTOR_BYTES : -len(_END)]))


def _write_frame(file: BinaryIO, frame: bytes, delay: int, stays: int) -> None:
    file.write(b"\x21\xf9\x04" + struct.pack("<BHBB", _KEEP | _TRANSPARENT, delay, stays, 0))
    file.write(frame)
