"""Write animated GIF frame by frame.

Pillow's writer holds all frames in memory, at a byte a pixel, and several copies for the difference
of two frames.

Source of the format: "Graphics Interchange Format, Version 89a" (CompuServe, 1990), and Netscape's
extension for looping.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from functools import partial
from typing import BinaryIO

import numpy as np
from PIL import Image

from fit_image.animation.film import Pixels, bounding_box, merge_equal

_SIGNATURE = b"GIF89a"
_COLOUR_TABLE = 0x80  # flag: a global colour table follows
_REPEAT_FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
_DO_NOT_DISPOSE = 1 << 2  # the next frame is drawn over this one
_TRANSPARENT = 1  # flag: there is a transparent index
_DESCRIPTOR_BYTES = 10
_END = b";"


def write_gif(
    file: BinaryIO,
    size: tuple[int, int],
    frames: Iterable[Pixels],
    delays: Iterable[int],
    colours: Pixels,
    *,
    plays: int = 0,
) -> None:
    """Write an animation; equal neighbours become one frame.

    Parameters
    ----------
    file : binary file
        Open for writing.
    size : (int, int)
        Width and height.
    frames : iterable of ndarray of uint8, shape (height, width)
        Palette indices; at least one frame. The arrays must not change later.
    delays : iterable of int
        Of each frame, in hundredths of a second.
    colours : ndarray of uint8, shape (n, 3)
        The palette, at most 255 colours: the next index is transparent, for pixels that do not
        change, which makes the file five times smaller.
    plays : int
        0 repeats it without end; 1 plays it once.

    Raises
    ------
    struct.error
        If a frame lasts longer than 65535 hundredths of a second.
    """
    transparent = len(colours)
    bits = max(1, transparent.bit_length())  # of an index, the transparent one included
    file.write(_SIGNATURE + struct.pack("<2H3B", *size, _COLOUR_TABLE | bits - 1, 0, 0))
    file.write(_colour_table(colours).ljust(3 << bits, b"\0"))
    if plays == 0:
        file.write(_REPEAT_FOREVER)
    flags = _DO_NOT_DISPOSE | _TRANSPARENT
    changed = partial(_changed_block, transparent=transparent)
    for block, delay in merge_equal(frames, delays, changed):
        file.write(b"\x21\xf9\x04" + struct.pack("<BHBB", flags, delay, transparent, 0))
        file.write(block)
    file.write(_END)


def _colour_table(colours: Pixels) -> bytes:
    """Return the palette's bytes, followed by an unused colour for the transparent index."""
    used = {tuple(colour) for colour in colours.tolist()}
    unused = next(grey for grey in range(256) if (grey, grey, grey) not in used)
    return colours.tobytes() + bytes([unused] * 3)


def _changed_block(previous: Pixels | None, current: Pixels, transparent: int) -> bytes | None:
    """Return the image block of the pixels that changed, None if there are none."""
    if previous is None:
        return _image_block(current, 0, 0)
    changed = previous != current
    box = bounding_box(changed)
    if box is None:
        return None
    pixels = np.where(changed[box], current[box], np.uint8(transparent))
    del changed
    return _image_block(pixels, box[1].start, box[0].start)


def _image_block(pixels: Pixels, left: int, top: int) -> bytes:
    """Return a frame's image descriptor and compressed pixels."""
    height, width = pixels.shape
    picture = Image.frombytes("P", (width, height), pixels)
    picture.putpalette(bytes(768))
    buffer = io.BytesIO()
    picture.save(buffer, "GIF", optimize=False, interlace=0)  # keeps the indices
    data = buffer.getbuffer()
    start = 13 + (3 << (data[10] & 7) + 1)  # after the header and its colour table
    descriptor = b"," + struct.pack("<4HB", left, top, width, height, 0)
    return b"".join((descriptor, data[start + _DESCRIPTOR_BYTES : -len(_END)]))
