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
from fit_image.animation.scenes import Painted

_SIGNATURE = b"GIF89a"
_COLOUR_TABLE = 0x80  # flag: a colour table follows
_REPEAT_FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
_DO_NOT_DISPOSE = 1 << 2  # the next frame is drawn over this one
_TRANSPARENT = 1  # flag: there is a transparent index
_DESCRIPTOR_BYTES = 10
_END = b";"


def write_gif(
    file: BinaryIO,
    size: tuple[int, int],
    frames: Iterable[Painted],
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
    frames : iterable of Painted
        At least one, of this size, with palettes of at most 255 colours: the next index is
        transparent, for pixels that do not change, which makes the file five times smaller.
    delays : iterable of int
        Of each frame, in hundredths of a second.
    colours : ndarray of uint8, shape (n, 3)
        The palette of the file; frames with another one carry theirs.
    plays : int
        0 repeats it without end; 1 plays it once.

    Raises
    ------
    struct.error
        If a frame lasts longer than 65535 hundredths of a second.
    """
    bits, table = _colour_table(colours)
    file.write(_SIGNATURE + struct.pack("<2H3B", *size, bits, 0, 0))
    file.write(table)
    if plays == 0:
        file.write(_REPEAT_FOREVER)
    flags = _DO_NOT_DISPOSE | _TRANSPARENT
    blocks = map(partial(_block, own=colours), frames)
    for (transparent, block), delay in merge_equal(blocks, delays):
        file.write(b"\x21\xf9\x04" + struct.pack("<BHBB", flags, delay, transparent, 0))
        file.write(block)
    file.write(_END)


def _colour_table(colours: Pixels) -> tuple[int, bytes]:
    """Return the flags and bytes of a palette, with an unused colour for the transparent index."""
    bits = max(1, len(colours).bit_length())  # of an index, the transparent one included
    used = {tuple(colour) for colour in colours.tolist()}
    unused = next(grey for grey in range(256) if (grey, grey, grey) not in used)
    return _COLOUR_TABLE | bits - 1, (colours.tobytes() + bytes([unused] * 3)).ljust(
        3 << bits, b"\0"
    )


def _block(frame: Painted, own: Pixels) -> tuple[int, bytes] | None:
    """Return the transparent index, and the image block of the pixels that changed, if any."""
    box = bounding_box(frame.changed)
    if box is None:
        return None
    transparent = len(frame.colours)
    changed = frame.changed[box]
    pixels = np.where(changed, frame.indices[box], np.uint8(transparent))
    flags, table = (0, b"") if frame.colours is own else _colour_table(frame.colours)
    return transparent, _image_block(pixels, (box[1].start, box[0].start), flags, table)


def _image_block(pixels: Pixels, corner: tuple[int, int], flags: int, table: bytes) -> bytes:
    """Return a frame's image descriptor, colour table if any, and compressed pixels."""
    height, width = pixels.shape
    picture = Image.frombytes("P", (width, height), pixels)
    picture.putpalette(bytes(768))
    buffer = io.BytesIO()
    picture.save(buffer, "GIF", optimize=False, interlace=0)  # keeps the indices
    data = buffer.getbuffer()
    start = 13 + (3 << (data[10] & 7) + 1)  # after the header and its colour table
    descriptor = b"," + struct.pack("<4HB", *corner, width, height, flags)
    return b"".join((descriptor, table, data[start + _DESCRIPTOR_BYTES : -len(_END)]))
