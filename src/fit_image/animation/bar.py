"""The bar below the pictures of an animation: a caption, and a line that grows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import islice
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fit_image.animation.film import Film, Pixels
from fit_image.errors import InputError


class Greys(NamedTuple):
    """Greys of a bar: whatever the colours of the picture, a palette has some that come near."""

    background: int
    text: int
    track: int
    line: int


DARK = Greys(background=24, text=236, track=84, line=236)
WHITE = Greys(background=255, text=24, track=226, line=84)

# Sizes of letters in pixels. Smaller ones cannot be read; up to the middle size, they take these
# parts of a picture's width and height, and above it that part of the width.
_SMALLEST, _MIDDLE = 11, 36
_OF_WIDTH, _OF_HEIGHT, _OF_WIDE = 15, 8, 40

_MOST_LINES = 2  # before the letters become smaller
_MOST_SMALL_LINES = 4  # before the bar becomes wider than the picture
_LINE_HEIGHT = 1.3  # of the size of letters
_MARGIN = 0.5
_THICKNESS = 1 / 150  # of the line, by the width of the bar


class Bar:
    """The bar of each frame.

    Its text breaks at spaces, and its letters are as large as suits the picture; where even small
    ones have no room, the bar is wider than the picture.

    Parameters
    ----------
    width, height : int
        Of the pictures.
    captions : sequence of str, optional
        One a frame. They share one size of letters, and begin at the same place.
    progress : sequence of float, optional
        How far the line of each frame reaches, 0 to 1.
    greys : Greys
    """

    def __init__(
        self,
        width: int,
        height: int,
        captions: Sequence[str] | None = None,
        progress: Sequence[float] | None = None,
        greys: Greys = DARK,
    ) -> None:
        self._captions, self._progress, self._greys = captions, progress, greys
        self._size, self._margin, lines = 0, 0, 0
        self.width = width
        if captions is not None:
            shapes = list(dict.fromkeys(map(_shape, captions)))
            self._size, self.width = _fitting_size(shapes, width, height)
            self._margin = round(_MARGIN * self._size)
            room = self.width - 2 * self._margin
            self._wrapped = {shape: _wrap(shape, self._size, room) for shape in shapes}
            lines = max(map(len, self._wrapped.values()))
            length = _font(self._size).getlength
            longest = max(length(line) for each in self._wrapped.values() for line in each)
            self._left = (self.width - round(longest)) // 2
        self._thickness = 0 if progress is None else max(2, round(_THICKNESS * self.width))
        self._pitch = round(_LINE_HEIGHT * self._size)
        self.height = self._thickness + lines * self._pitch + 2 * self._margin * (lines > 0)

    def below(self, index: int, picture: Pixels) -> Pixels:
        """Return a picture with the bar of a frame below it, and itself in the middle."""
        height, width, channels = picture.shape
        frame = np.full(
            (height + self.height, self.width, channels), self._greys.background, np.uint8
        )
        left = (self.width - width) // 2
        frame[:height, left : left + width] = picture
        frame[height:] = self._draw(index)[..., np.newaxis]
        return frame

    def _draw(self, index: int) -> Pixels:
        """Return the bar of a frame, shape (height, width), in grey."""
        greys = self._greys
        image = Image.new("L", (self.width, self.height), greys.background)
        if self._captions is not None:
            draw, font = ImageDraw.Draw(image), _font(self._size)
            top = self._thickness + self._margin + self._pitch // 2
            caption = self._captions[index]
            words = iter(caption.split())
            for row, shape in enumerate(self._wrapped[_shape(caption)]):
                line = " ".join(islice(words, len(shape.split())))
                draw.text(
                    (self._left, top + row * self._pitch), line, greys.text, font, anchor="lm"
                )
        bar = np.array(image)
        if self._progress is not None:
            bar[: self._thickness] = greys.track
            bar[: self._thickness, : round(self._progress[index] * self.width)] = greys.line
        return bar


def with_bar(
    film: Film,
    captions: Sequence[str] | None = None,
    progress: Sequence[float] | None = None,
    greys: Greys = DARK,
) -> Film:
    """Return the film with the `Bar` of each frame below it; the film itself if there is none."""
    if captions is None and progress is None:
        return film
    return film.mapped(Bar(film.width, film.height, captions, progress, greys).below)


def check_drawable(text: str) -> None:
    """Raise `InputError` about a caption if it has characters that the font does not have."""
    font = _font(_MIDDLE)
    no_character = bytes(font.getmask("\uffff"))
    missing = [each for each in dict.fromkeys(text) if bytes(font.getmask(each)) == no_character]
    if missing:
        shown = ", ".join(map(repr, missing[:3]))
        problem = f"has {shown}, which cannot be drawn: give letters of ASCII"
        raise InputError(f"caption {problem}", fields=("caption",))


def _shape(text: str) -> str:
    """Return the common shape of all texts of this length: in the font, digits are equally wide."""
    return re.sub("[0-9]", "0", text)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _fitting_size(texts: Sequence[str], width: int, height: int) -> tuple[int, int]:
    """Return the size of the letters, and the width of the bar: more than ``width`` if it must."""
    largest = max(min(width // _OF_WIDTH, height // _OF_HEIGHT, _MIDDLE), width // _OF_WIDE)
    for size in range(max(largest, _SMALLEST), _SMALLEST - 1, -1):
        if _fits(texts, size, width, _MOST_LINES):
            return size, width
    while not _fits(texts, _SMALLEST, width, _MOST_SMALL_LINES):
        width += 2
    return _SMALLEST, width


def _fits(texts: Sequence[str], size: int, width: int, most_lines: int) -> bool:
    room = width - 2 * round(_MARGIN * size)
    font = _font(size)
    return room > 0 and all(
        len(lines) <= most_lines and all(font.getlength(line) <= room for line in lines)
        for lines in (_wrap(text, size, room) for text in texts)
    )


def _wrap(text: str, size: int, room: int) -> list[str]:
    """Break a text at spaces into lines of at most ``room`` pixels, if its words allow that."""
    font = _font(size)
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]
