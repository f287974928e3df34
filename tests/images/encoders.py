"""Encoders of pictures that share nothing with the decoder: whole files of bytes from numbers."""

from __future__ import annotations

import struct
import zlib

import numpy as np

PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel by type of colour."""

_ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
_ADAM7 += [(0, 1, 1, 2)]


def packed(rows, bits, order=">"):
    """Samples (rows x anything) in bytes, every row from a byte of its own."""
    rows = np.asarray(rows).reshape(len(rows), -1)
    if bits in (8, 16, 32):
        kind = rows.dtype.kind if rows.dtype.kind in "if" else "u"
        return rows.astype(f"{order}{kind}{bits // 8}").tobytes()
    places = np.arange(bits)[::-1]
    ones = (rows[:, :, None].astype(int) >> places & 1).reshape(len(rows), -1)
    return np.packbits(ones.astype(np.uint8), axis=1).tobytes()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(samples, depth, colour_type, *extra, interlaced=False):
    """A PNG of samples (height, width, samples of a pixel); ``extra`` are chunks before IDAT."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced)
    raw = b""
    for x, y, across, along in _ADAM7 if interlaced else [(0, 0, 1, 1)]:
        for row in samples[y::along, x::across]:
            if row.size:
                raw += b"\0" + packed(row[None], depth)
    body = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(raw))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body) + chunk(b"IEND", b"")


def exif(orientation):
    """EXIF data that hold the orientation only."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def tiff_page(pixels, bits, photometric, samples=1, sample_format=1, tags=None):
    """Tags of a page, with its pixels: pairs of a type and values."""
    height, width = pixels.shape[:2]
    page = {
        256: (3, [width]),
        257: (3, [height]),
        258: (3, [bits] * samples),
        259: (3, [1]),
        262: (3, [photometric]),
        277: (3, [samples]),
        278: (3, [height]),
        339: (3, [sample_format] * samples),
        "pixels": (pixels, bits),
    }
    return page | (tags or {})


def tiff(*pages, order="<", below=(), magic=b""):
    """An uncompressed TIFF of pages; pages ``below`` are in the first one's SubIFDs."""
    whole = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 0) + magic)

    def append(data):
        whole.extend(bytes(len(whole) % 2))
        at = len(whole)
        whole.extend(data)
        return at

    def write(page):
        """Append a page, and return where it is and where it ends."""
        page = dict(page)
        pixels, bits = page.pop("pixels")
        data = packed(pixels, bits, order)
        page[273], page[279] = (4, [append(data)]), (4, [len(data)])
        table = b""
        for tag, (kind, values) in sorted(page.items()):
            if kind in (2, 7):
                values, count = bytes(values), len(values)
            else:
                count = len(values)
                values = struct.pack(f"{order}{count}{'H' if kind == 3 else 'I'}", *values)
            if len(values) > 4:
                values = struct.pack(f"{order}I", append(values))
            table += struct.pack(f"{order}HHI", tag, kind, count) + values.ljust(4, b"\0")
        at = append(struct.pack(f"{order}H", len(page)) + table)
        return at, append(bytes(4))

    link = 4
    pages = [dict(page) for page in pages]
    if below:
        pages[0][330] = (4, [write(page)[0] for page in below])
    for page in pages:
        at, end = write(page)
        whole[link : link + 4] = struct.pack(f"{order}I", at)
        link = end
    return bytes(whole)


def bmp(colours, alpha):
    """A BMP with a header of version 4, and an alpha channel."""
    height, width = colours.shape[:2]
    pixels = np.dstack([colours[::-1, :, ::-1], alpha[::-1]]).astype(np.uint8).tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    info = (info + masks + b"BGRs").ljust(108, b"\0")
    return struct.pack("<2sIHHI", b"BM", 122 + len(pixels), 0, 0, 122) + info + pixels


def tga(colours, alpha):
    """A TGA of 32 bits."""
    height, width = colours.shape[:2]
    header = struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, width, height, 32, 0x28)
    return header + np.dstack([colours[..., ::-1], alpha]).astype(np.uint8).tobytes()
