"""Contact sheet: labelled pictures in rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from fit_image.animation.film import Pixels

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_BACKGROUND = (255, 255, 255)
_EMPTY_TILE = (226, 226, 230)
_TEXT = (24, 24, 28)
_CAPTION = (90, 90, 98)

_WIDTH, _HEIGHT = 1000, 800  # approximate maximum of a sheet, in pixels
_MAX_TILE = 360  # width
_MIN_TILE = 100  # width, unless the columns need less
_MARGIN = 16
_GAP = 12  # between tiles
_FONT_SIZES = (12, 17)
_MAX_LINES = 2  # of a label
NEAREST_SCALE = 4.0  # from this magnification on, pixels are shown as squares


class ContactSheet:
    """Tiles of equal width in rows; each section has its own height and starts a row.

    Parameters
    ----------
    aspects : sequence of float
        Aspect ratio (width / height) of the tiles of each section.
    labels : sequence of sequences of str
        Labels of the tiles of each section.
    """

    def __init__(self, aspects: Sequence[float], labels: Sequence[Sequence[str]]) -> None:
        counts = [len(each) for each in labels]
        self._columns, self._tile = columns, tile = _arrange(aspects, counts)
        small, large = _FONT_SIZES
        size = min(max(tile // 14, small), large)
        self._font = ImageFont.load_default(size)
        self._heading = ImageFont.load_default(large)
        self._line = round(1.35 * size)
        self._labels = [[wrap_label(text, self._font, tile) for text in each] for each in labels]
        self._lines = max(len(lines) for each in self._labels for lines in each)
        self._heights = [min(max(1, round(tile / aspect)), _HEIGHT) for aspect in aspects]
        self._tops = []
        top = _MARGIN + round(1.35 * large) + _GAP // 2
        for count, height in zip(counts, self._heights, strict=True):
            self._tops.append(top)
            top += math.ceil(count / columns) * self._pitch(height)
        self.width = 2 * _MARGIN + columns * (tile + _GAP) - _GAP
        self.height = top - _GAP + _MARGIN // 2

    def image(self) -> Image.Image:
        """Return the sheet with labels and empty tiles."""
        image = Image.new("RGB", (self.width, self.height), _BACKGROUND)
        draw = ImageDraw.Draw(image)
        for section, labels in enumerate(self._labels):
            for number, lines in enumerate(labels):
                left, top = self.position(section, number)
                right, bottom = left + self._tile - 1, top + self._heights[section] - 1
                draw.rectangle((left, top, right, bottom), _EMPTY_TILE)
                for row, line in enumerate(lines):
                    at = (left + self._tile // 2, bottom + 5 + row * self._line)
                    draw.text(at, line, _TEXT, self._font, anchor="ma")
        return image

    def position(self, section: int, number: int) -> tuple[int, int]:
        """Return the left and top of a tile, by its number in the section."""
        row, column = divmod(number, self._columns)
        top = self._tops[section] + row * self._pitch(self._heights[section])
        return _MARGIN + column * (self._tile + _GAP), top

    def scaled(self, picture: Pixels, section: int) -> Image.Image:
        """Return a picture scaled to the tiles of a section."""
        image = Image.fromarray(picture)
        pixelated = self._tile >= NEAREST_SCALE * image.width
        filter_ = Image.Resampling.NEAREST if pixelated else Image.Resampling.LANCZOS
        return image.resize((self._tile, self._heights[section]), filter_)

    def write_heading(self, draw: ImageDraw.ImageDraw, text: str) -> None:
        """Write the heading of the sheet."""
        draw.text((_MARGIN, _MARGIN // 2 + 2), text, _TEXT, self._heading, anchor="la")

    def write_caption(
        self, draw: ImageDraw.ImageDraw, section: int, number: int, text: str
    ) -> None:
        """Write the caption of a tile, below its label."""
        left, top = self.position(section, number)
        lines = len(self._labels[section][number])
        below = top + self._heights[section] + 4 + lines * self._line
        draw.text((left + self._tile // 2, below), text, _CAPTION, self._font, anchor="ma")

    def _pitch(self, height: int) -> int:
        """Return the distance between rows of tiles of this height."""
        return height + (self._lines + 1) * self._line + _GAP


def _arrange(aspects: Sequence[float], counts: Sequence[int]) -> tuple[int, int]:
    """Return the number of columns and the tile width, for large tiles and few gaps."""
    text = round(1.35 * _FONT_SIZES[1]) * (_MAX_LINES + 1) + _GAP

    def rows(columns: int) -> list[int]:
        return [math.ceil(count / columns) for count in counts]

    def width(columns: int) -> int:
        across = (_WIDTH - 2 * _MARGIN + _GAP) // columns - _GAP
        below = rows(columns)
        tall = sum(each / aspect for each, aspect in zip(below, aspects, strict=True))
        down = max(_MIN_TILE, int((_HEIGHT - sum(below) * text) / tall))
        return min(_MAX_TILE, across, down)

    def merit(columns: int) -> float:
        # Squared, so that seven tiles are not arranged as three, three and one.
        return width(columns) * (sum(counts) / (sum(rows(columns)) * columns)) ** 2

    columns = max(range(1, max(counts) + 1), key=merit)
    return columns, width(columns)


def wrap_label(text: str, font: Font, width: int, most: int = _MAX_LINES) -> list[str]:
    """Break a label into ``most`` lines at its commas, and shorten lines that are too long."""
    first, *parts = text.split(", ")
    lines = [first]
    for part in parts:
        joined = f"{lines[-1]}, {part}"
        if font.getlength(f"{joined},") <= width or len(lines) == most:
            lines[-1] = joined
        else:
            lines[-1] += ","
            lines.append(part)
    return [shorten(line, font, width) for line in lines]


def shorten(text: str, font: Font, width: int) -> str:
    """Shorten text that is wider than there is room."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
