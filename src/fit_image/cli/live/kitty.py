"""Pictures by the graphics protocol of kitty, which sends pixels.

https://sw.kovidgoyal.net/kitty/graphics-protocol/
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from fit_image.cli.live.canvas import Span

PIXELS_PER_COLUMN = 10
"""As many as the terminal has, or a few less."""

_CHUNK = 4096


@dataclass(frozen=True)
class KittyPanel:
    """A picture that the terminal scales to its cells.

    Attributes
    ----------
    pixels : uint8 (height, width, 3)
    columns, lines : int
        Size in cells of the terminal.
    number : int
        Names the picture in the terminal. One of the same number takes its place.
    """

    pixels: npt.NDArray[np.uint8]
    columns: int
    lines: int
    number: int

    def spans(self, before: Self | None) -> list[Span]:
        """Return the text that draws it; the text of its cells stays empty."""
        if before is not None and np.array_equal(self.pixels, before.pixels):
            return []
        return [Span(0, 0, "".join(self._commands()))]

    def erasure(self) -> str:
        """Return the text that removes the picture, and frees its memory."""
        return _command(f"a=d,d=I,i={self.number},q=2")

    def _commands(self) -> Iterator[str]:
        height, width, _ = self.pixels.shape
        data = base64.b64encode(zlib.compress(self.pixels.tobytes(), 1)).decode()
        # As compressed RGB; over so many cells, without moving the cursor or being answered.
        keys = f"a=T,f=24,o=z,s={width},v={height},c={self.columns},r={self.lines}"
        keys += f",i={self.number},C=1,q=2,"
        for first in range(0, len(data), _CHUNK):
            more = first + _CHUNK < len(data)
            yield _command(f"{keys}m={more:d}", data[first : first + _CHUNK])
            keys = "q=2,"


def _command(keys: str, payload: str = "") -> str:
    return f"\x1b_G{keys}{';' * bool(payload)}{payload}\x1b\\"
