"""A picture of a terminal, from the text that is written to it."""

from __future__ import annotations

import re

from PIL import Image, ImageDraw, ImageFont

_CELL = 8, 16
_BACKGROUND, _TEXT = (24, 26, 31), (210, 212, 216)
_NAMED = {"36": (64, 180, 190), "90": (90, 94, 102)}
_PART = re.compile(r"\x1b\[([0-9;]*)m|([▄━╸]|[^\x1b▄━╸]+)")

Colour = tuple[int, int, int]


def draw_terminal(lines: list[str], columns: int) -> Image.Image:
    """Draw lines of text and half blocks, with their colours (SGR) of 24 bits and few of 4."""
    width, height = _CELL
    picture = Image.new("RGB", ((columns + 2) * width, (len(lines) + 1) * height), _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        top, left = row * height + height // 2, width
        upper, lower = _BACKGROUND, _TEXT
        for colours, text in _PART.findall(line):
            if not text:
                upper, lower = _colours(colours, upper, lower)
                continue
            if text == "▄":
                draw.rectangle((left, top, left + width - 1, top + 7), upper)
                draw.rectangle((left, top + 8, left + width - 1, top + 15), lower)
            elif text in "━╸":
                half = width // 2 if text == "╸" else width
                draw.rectangle((left, top + 7, left + half - 1, top + 9), lower)
            else:
                draw.text((left, top - 1), text, lower, ImageFont.load_default(13))
            left += width * len(text)
    return picture


def _colours(codes: str, upper: Colour, lower: Colour) -> tuple[Colour, Colour]:
    numbers = codes.split(";")
    if numbers[0] in _NAMED:
        return upper, _NAMED[numbers[0]]
    if numbers[0] in ("", "0"):
        return _BACKGROUND, _TEXT
    red, green, blue, *_ = map(int, numbers[2:5])
    lower = red, green, blue
    red, green, blue = map(int, numbers[7:10])
    return (red, green, blue), lower
