"""JPEG files rewritten so that a decoder of pixels gives all blocks of a component, whole.

The size in the header is rounded up to whole blocks. In a scan of all components, blocks come in
groups of all (MCUs), also beyond the picture's edge. A scan of one component, of which progressive
files have many, holds only the blocks that its own samples reach (ITU-T T.81, annex A.2): the
size is rounded up for that component, and such scans of the others are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from fit_image.errors import InputError

BLOCK = 8
"""Side of a block."""

# Below it, rounding pixels to integers would blur the multiples of a quantisation step.
LEAST_STEP = 4

# All pixels of an even block may be rounded the same way, which moves the mean by half a level.
LEAST_MEAN_STEP = 8

LARGEST_SIDE = 65_500
"""Of a picture that libjpeg encodes and decodes."""

_APP0, _APP14, _COM, _DQT, _SOI, _EOI, _SOS = 0xE0, 0xEE, 0xFE, 0xDB, 0xD8, 0xD9, 0xDA
_DCT_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
"""Frames of the discrete cosine transform, whose pixels Pillow can decode."""

_LOSSLESS_FRAMES = (0xC3, 0xC7, 0xCB, 0xCF)
_PROGRESSIVE = (0xC2, 0xCA)

# In the data of a scan, 0xFF is followed by 0, or is a restart.
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


class UnusualJpegError(Exception):
    """The components cannot be read each by itself: sampling that no usual program writes."""


class _Segment(NamedTuple):
    marker: int
    content: bytes
    scan: bytes
    """Bytes behind the content of a start of scan."""

    def to_bytes(self) -> bytes:
        head = bytes((0xFF, self.marker)) + (len(self.content) + 2).to_bytes(2)
        return head + self.content + self.scan


class JpegBlocks:
    """A JPEG file, of which metadata are left out, but for what tells the colour space.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns of the picture.
    """

    def __init__(self, data: bytes) -> None:
        self._segments = [each for each in _segments(data) if not _is_metadata(each.marker)]
        scans = [each.content for each in self._segments if each.marker == _SOS]
        frames = [each for each in self._segments if _is_frame(each.marker)]
        if not scans or not frames:
            raise InputError("no scan in it")
        marker, frame, _ = frames[0]
        if process := _unusual_process(marker, frame):
            raise InputError(f"{process}; save it as PNG first")
        self._names = [frame[6 + 3 * index] for index in range(frame[5])]
        self._factors = [
            (factors >> 4, factors & 15) for factors in frame[7 : 7 + 3 * frame[5] : 3]
        ]
        self.shape = int.from_bytes(frame[1:3]), int.from_bytes(frame[3:5])
        all_at_once = scans[0][0] == len(self._names) > 1
        self._is_interleaved = all_at_once and marker not in _PROGRESSIVE

    def of_component(self, index: int, *, halve: bool = False) -> bytes:
        """Return a file with all blocks of a component, with coarse tables halved if ``halve``.

        Raises
        ------
        UnusualJpegError
            If there is none that can be decoded.
        """
        parts = [bytes((0xFF, _SOI))]
        before_scans = True
        for segment in self._segments:
            marker, content, _ = segment
            before_scans &= marker != _SOS
            if _is_frame(marker):
                segment = segment._replace(content=self._rounded_up(content, index))
            elif marker == _DQT and not before_scans:
                raise UnusualJpegError
            elif marker == _DQT and halve:
                segment = segment._replace(content=_with_halved_tables(content))
            elif marker == _SOS and content[0] == 1 and content[1] != self._names[index]:
                continue
            parts.append(segment.to_bytes())
        return b"".join([*parts, bytes((0xFF, _EOI))])

    def _rounded_up(self, frame: bytes, index: int) -> bytes:
        """Return a frame whose size is that of the whole blocks of a component."""
        rounded = bytearray(frame)
        for at, axis in ((3, 0), (1, 1)):
            own, most = self._factors[index][axis], max(each[axis] for each in self._factors)
            if not own or most % own:
                raise UnusualJpegError
            unit = BLOCK * (most if self._is_interleaved else most // own)
            side = -(-int.from_bytes(frame[at : at + 2]) // unit) * unit
            if not 0 < side <= LARGEST_SIDE:
                raise UnusualJpegError
            rounded[at : at + 2] = side.to_bytes(2)
        return bytes(rounded)


def unusual_process(data: bytes) -> str | None:
    """Return the name of a JPEG file's process, such as ``12-bit``, if Pillow cannot decode it."""
    for marker, content, _ in _segments(data):
        if _is_frame(marker) and content:
            return _unusual_process(marker, content)
    return None


def _unusual_process(marker: int, frame: bytes) -> str | None:
    if marker in _LOSSLESS_FRAMES:
        return "lossless JPEG"
    if marker not in _DCT_FRAMES:
        return "hierarchical JPEG"
    return None if frame[0] == 8 else f"{frame[0]}-bit JPEG"


def _segments(data: bytes) -> Iterator[_Segment]:
    """Yield the segments of a file's first picture."""
    at = 2
    while at + 4 <= len(data):
        marker = data[at + 1]
        if data[at] != 0xFF or marker == 0xFF:
            at += 1  # fill bytes
        elif marker == _EOI:
            return
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= _SOI:
            at += 2  # markers without content
        else:
            start, end = at + 4, at + 2 + int.from_bytes(data[at + 2 : at + 4])
            at = end
            if marker == _SOS:
                found = _NEXT_MARKER.search(data, end)
                at = found.start() if found else len(data)
            yield _Segment(marker, data[start:end], data[end:at])


def _is_frame(marker: int) -> bool:
    return 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)


def _is_metadata(marker: int) -> bool:
    return marker == _COM or (0xE0 <= marker <= 0xEF and marker not in (_APP0, _APP14))


def _with_halved_tables(tables: bytes) -> bytes:
    content, at = bytearray(tables), 0
    while at < len(content):
        size = 1 + (content[at] >> 4)
        at += 1
        for place in range(at, min(at + 64 * size, len(content)), size):
            step = int.from_bytes(content[place : place + size])
            least = LEAST_MEAN_STEP if place == at else LEAST_STEP
            content[place : place + size] = min(step, max(least, step // 2)).to_bytes(size)
        at += 64 * size
    return bytes(content)
