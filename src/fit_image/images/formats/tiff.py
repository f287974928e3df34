"""Pages of TIFF files: tags that decide what is read, and files rewritten for the decoder."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Mapping
from typing import BinaryIO

from fit_image.images.formats.stripping import SplicedFile

_MOST_TAGS = 1024  # of a page
_MOST_TAGS_IN_ALL = 1 << 20
_MOST_SUBPAGES = 20
_MOST_BYTES = 1 << 24  # of one tag's values

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
SAMPLES, EXTRA_SAMPLES, SAMPLE_FORMAT = 277, 338, 339
_STRIPS, _TILES = (273, 279), (324, 325)  # where they are, and the numbers of their bytes
_SUBFILE, _OLD_SUBFILE, _SUBPAGES, _NO_DATA = 254, 255, 330, 42113

# All that pixels, their places and their colours depend on.
_PIXEL_TAGS = {WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, EXTRA_SAMPLES, SAMPLE_FORMAT}
_PIXEL_TAGS |= {266, 273, 274, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 336}
_PIXEL_TAGS |= {347, 512, 513, 514, 519, 520, 521, 529, 530, 531, 532}
_PROFILE = 34675

_OF_SENSOR = (32803, 34892)  # colour filter array, linear raw

# Types of values: their size in bytes and their code in `struct`; rationals are not needed.
_TYPES = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 7: "s", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_TYPES |= {16: "Q", 17: "q", 18: "Q"}


class Page:
    """A page (image file directory) of an open file; ValueError if it is damaged.

    Attributes
    ----------
    order : str
        ``<`` or ``>``: the order of bytes.
    is_first : bool
        Whether it is the one that decoders read.
    next : int
        Where the next page is; 0 if there is none.
    """

    def __init__(self, file: BinaryIO, order: str, big: bool, offset: int) -> None:
        self._file, self.order, self._big = file, order, big
        count_code, self._offset_code = ("Q", "Q") if big else ("H", "I")
        (count,) = self._unpack(count_code, offset)
        if not 0 < count <= _MOST_TAGS:
            raise ValueError(f"{count} tags")
        entry = struct.Struct(f"{order}HH{self._offset_code}")
        step = entry.size + struct.calcsize(self._offset_code)
        table = file.read(count * step)
        if len(table) < count * step:
            raise ValueError("the tags are cut short")
        # Of each tag: type, number of values, and where they are.
        self._tags: dict[int, tuple[int, int, int]] = {}
        first = offset + struct.calcsize(f"={count_code}")
        for at in range(0, len(table), step):
            tag, kind, values = entry.unpack_from(table, at)
            self._tags[tag] = (kind, values, first + at + entry.size)
        self.is_first, self.next = False, 0
        with contextlib.suppress(ValueError):
            (self.next,) = self._unpack(self._offset_code, first + len(table))

    def __len__(self) -> int:
        """The number of tags."""
        return len(self._tags)

    def has(self, tag: int) -> bool:
        """Return whether the page has a tag."""
        return tag in self._tags

    def raw(self, tag: int) -> tuple[int, bytes]:
        """Return the type and the bytes of a tag's values; ValueError if they are damaged."""
        if tag not in self._tags:
            return 0, b""
        kind, count, offset = self._tags[tag]
        size = struct.calcsize(f"={_TYPES[kind]}") * count if kind in _TYPES else _MOST_BYTES + 1
        if size > _MOST_BYTES:
            raise ValueError(f"tag {tag} is too long, or of an unknown type")
        if size > struct.calcsize(self._offset_code):
            (offset,) = self._unpack(self._offset_code, offset)
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) < size:
            raise ValueError(f"tag {tag} is cut short")
        return kind, data

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the numbers of a tag; none if it is absent, damaged or text."""
        if tag not in self._tags:
            return ()
        with contextlib.suppress(ValueError):
            kind, data = self.raw(tag)
            code = _TYPES.get(kind, "s")
            if code not in "sfd":
                return struct.unpack(
                    f"{self.order}{len(data) // struct.calcsize(code)}{code}", data
                )
        return ()

    def number(self, tag: int, default: int) -> int:
        """Return the first number of a tag."""
        return next(iter(self.numbers(tag)), default)

    def text(self, tag: int) -> str:
        """Return the text of a tag; empty if it is absent or damaged."""
        with contextlib.suppress(ValueError):
            return self.raw(tag)[1].split(b"\0")[0].decode("ascii", "replace").strip()
        return ""

    def subpages(self) -> list[Page]:
        """Return the pages below this one."""
        return [
            page
            for offset in self.numbers(_SUBPAGES)[:_MOST_SUBPAGES]
            if (page := _page(self._file, self.order, self._big, offset)) is not None
        ]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as they are stored."""
        return self.number(WIDTH, 0), self.number(HEIGHT, 0)

    @property
    def is_part(self) -> bool:
        """Whether the page is marked as a thumbnail of another page, or as a mask."""
        return bool(self.number(_SUBFILE, 0) & 5) or self.number(_OLD_SUBFILE, 1) == 2

    @property
    def of_sensor(self) -> bool:
        """Whether the pixels are those of a camera's sensor."""
        return self.number(PHOTOMETRIC, 0) in _OF_SENSOR

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of each sample."""
        bits, samples = self.numbers(BITS) or (1,), self.number(SAMPLES, 1)
        return bits * samples if len(bits) == 1 and samples < 100 else bits

    @property
    def no_data(self) -> float | None:
        """The number of pixels without data, if GDAL has written one."""
        with contextlib.suppress(ValueError):
            return float(self.text(_NO_DATA).split()[0]) if self.has(_NO_DATA) else None
        return None

    @property
    def _pixels_end(self) -> int:
        """Where the last strip or tile ends."""
        offsets, counts = _TILES if self.has(_TILES[0]) else _STRIPS
        width, height = self.size
        # Files of one strip may leave its size out.
        sizes = self.numbers(counts) or ((width * sum(self.bits) + 7) // 8 * height,)
        return max(map(sum, zip(self.numbers(offsets), sizes, strict=False)), default=0)

    def rewritten(self, changes: Mapping[int, int], order: str) -> io.BufferedReader:
        """Return the file with a copy of this page in front, without metadata.

        Parameters
        ----------
        changes : mapping of int to int
            Tags that the copy has with other numbers.
        order : str
            ``<`` or ``>``: the order of the bytes of the tags. That of the pixels is the file's.

        Raises
        ------
        ValueError
            If the page is damaged, or its pixels are cut short.
        """
        size = self._file.seek(0, io.SEEK_END)
        if self._pixels_end > size:  # what follows in the copy is not pixels
            raise ValueError("the pixels are cut short")
        entries: list[tuple[int, int, int, bytes]] = []
        for tag in sorted((_PIXEL_TAGS | {_PROFILE}) & self._tags.keys() | changes.keys()):
            if tag in changes:
                entries.append((tag, 3, 1, struct.pack(f"{order}H", changes[tag])))
                continue
            kind, data = self.raw(tag)
            code = _TYPES[kind]
            if code == "s":
                entries.append((tag, kind, len(data), data))
                continue
            count = len(data) // struct.calcsize(code)
            numbers = struct.unpack(f"{self.order}{count}{code}", data)
            kind, code = (4, "I") if code in "Qq" else (kind, code)
            entries.append((tag, kind, count, struct.pack(f"{order}{count}{code}", *numbers)))
        more, table = bytes(size % 2), b""
        for tag, kind, count, data in entries:
            if len(data) > 4:
                data, there = struct.pack(f"{order}I", size + len(more)), data
                more += there + bytes(len(there) % 2)
            table += struct.pack(f"{order}HHI", tag, kind, count) + data.ljust(4, b"\0")
        mark = b"II" if order == "<" else b"MM"
        file = SplicedFile(self._file)
        file.add(mark + struct.pack(f"{order}HI", 42, size + len(more)))
        file.add_part(8, size - 8)
        file.add(more + struct.pack(f"{order}H", len(entries)) + table + bytes(4))
        return file.opened()

    def _unpack(self, code: str, offset: int) -> tuple[int, ...]:
        self._file.seek(offset)
        data = self._file.read(struct.calcsize(f"={code}"))
        if len(data) < struct.calcsize(f"={code}"):
            raise ValueError("the file is cut short")
        return struct.unpack(self.order + code, data)


def read_pages(file: BinaryIO) -> list[Page]:
    """Return the pages of a file up to the first damaged one; none if it is no TIFF."""
    file.seek(0)
    start = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    if order is None or len(start) < 16:
        return []
    (version, offset) = struct.unpack_from(f"{order}HI", start, 2)
    big = version == 43
    if version not in (42, 43):
        return []
    if big:
        (offset,) = struct.unpack_from(f"{order}Q", start, 8)
    pages: list[Page] = []
    seen, tags = {0}, 0
    while offset not in seen and tags < _MOST_TAGS_IN_ALL:
        seen.add(offset)
        page = _page(file, order, big, offset)
        if page is None:
            break
        page.is_first = not pages
        tags += len(page)
        pages.append(page)
        offset = page.next
    return pages


def with_subpages(pages: list[Page]) -> list[Page]:
    """Return pages, and those that are below the first ones."""
    return [*pages, *(page for each in pages[:_MOST_SUBPAGES] for page in each.subpages())]


def full_page(pages: list[Page]) -> Page:
    """Return the first page that is not marked as a thumbnail; the largest if all are."""
    if not pages[0].is_part:
        return pages[0]
    found = with_subpages(pages)
    largest = max(found, key=lambda page: page.size[0] * page.size[1])
    return next((page for page in found if not page.is_part), largest)


def _page(file: BinaryIO, order: str, big: bool, offset: int) -> Page | None:
    with contextlib.suppress(ValueError, OverflowError):
        return Page(file, order, big, offset)
    return None
