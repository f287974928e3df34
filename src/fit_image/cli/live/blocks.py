"""Pictures as text: a cell of the terminal shows two pixels, by a half block and its background."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from fit_image.cli.live.canvas import Span

Bytes = npt.NDArray[np.uint8]

_DECIMAL = np.array([list(b"%03d" % number) for number in range(256)], np.uint8)
_BLOCK = "▄".encode()

_SRGB = np.arange(256) / 255
_LINEAR = np.where(_SRGB <= 0.04045, _SRGB / 12.92, ((_SRGB + 0.055) / 1.055) ** 2.4)

_STEPS = (0, 95, 135, 175, 215, 255)
PALETTE: Bytes = np.array(
    [*itertools.product(_STEPS, repeat=3), *((level,) * 3 for level in range(8, 239, 10))], np.uint8
)
"""xterm's colours from 16 on: a cube, then greys."""


@dataclass(frozen=True)
class BlockPanel:
    """A picture of half blocks.

    Attributes
    ----------
    cells : uint8 (lines, columns, 6 or 2)
        Colours of the lower pixel and of the upper one: red, green and blue, or numbers of 256
        colours.
    """

    cells: Bytes

    @classmethod
    def of(cls, pixels: Bytes, *, true_colour: bool) -> Self:
        """Make it of pixels: uint8 (2 * lines, columns, 3)."""
        colours = pixels if true_colour else to_256(pixels)
        return cls(np.concatenate([colours[1::2], colours[::2]], axis=2))

    @property
    def columns(self) -> int:
        """Width in cells of the terminal."""
        return int(self.cells.shape[1])

    @property
    def lines(self) -> int:
        """Height in cells of the terminal."""
        return int(self.cells.shape[0])

    def spans(self, before: Self | None) -> list[Span]:
        """Return the text that draws it: of every line, from the first changed cell to the last."""
        changed = np.ones(self.cells.shape[:2], bool)
        if before is not None:
            changed = (self.cells != before.cells).any(axis=2)
        lines = np.flatnonzero(changed.any(axis=1))
        first = changed[lines].argmax(axis=1).tolist()
        ends = (self.columns - changed[lines, ::-1].argmax(axis=1)).tolist()
        texts = _texts(self.cells[lines])
        return [
            Span(line, start, f"{text[start:end].tobytes().decode()}\x1b[0m")
            for line, start, end, text in zip(lines.tolist(), first, ends, texts, strict=True)
        ]

    def erasure(self) -> str:
        """Return nothing: all of it is text."""
        return ""


def to_256(pixels: Bytes) -> Bytes:
    """Return the numbers of the nearest of 256 colours: uint8 (height, width, 1).

    The distance is that of Oklab (Ottosson, 2020), in which dark colours do not turn to grey.
    """
    # Half of |a - b|^2, but for |a|^2, which is the same for all b.
    distance = _oklab(pixels).reshape(-1, 3) @ -_PLACES.T
    distance += np.square(_PLACES).sum(axis=1) / 2
    nearest: Bytes = (16 + distance.argmin(axis=1)).astype(np.uint8)
    return nearest.reshape(*pixels.shape[:2], 1)


_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_FROM_CONES = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _oklab(pixels: Bytes) -> npt.NDArray[np.float32]:
    lab: npt.NDArray[np.float64] = np.cbrt(_LINEAR[pixels] @ _TO_CONES.T) @ _FROM_CONES.T
    return lab.astype(np.float32)


_PLACES = _oklab(PALETTE)


def _texts(cells: Bytes) -> Bytes:
    """Return the text of cells (lines, columns, n), as bytes (lines, columns, length)."""
    lines, columns, numbers = cells.shape
    kind = b"2" if numbers == 6 else b"5"
    part = b";000" * (numbers // 2)
    pattern = b"\x1b[38;%b%b;48;%b%bm%b" % (kind, part, kind, part, _BLOCK)
    text = np.tile(np.frombuffer(pattern, np.uint8), (lines, columns, 1))
    for number in range(numbers):
        lower = number < numbers // 2
        at = len(b"\x1b[38;2;") + len(b"000;") * number + (0 if lower else len(b"48;2;"))
        text[..., at : at + 3] = _DECIMAL[cells[..., number]]
    return text
