"""Pictures in a terminal that are drawn over themselves, above a line of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

# The terminal shows what comes between these at once, if it knows them; and the cursor does not run
# over the picture. Both are sent with every drawing, so that nothing remains to be undone.
_BEGIN, _END = "\x1b[?2026h\x1b[?25l", "\x1b[?25h\x1b[?2026l"


@dataclass(frozen=True)
class Span:
    """Text at a line and a column of a panel, which leaves the cursor in its line."""

    line: int
    column: int
    text: str


class Panel(Protocol):
    """A picture of so many columns and lines."""

    @property
    def columns(self) -> int:
        """Width in cells of the terminal."""

    @property
    def lines(self) -> int:
        """Height in cells of the terminal."""

    def spans(self, before: Self | None) -> list[Span]:
        """Return the text that draws it over one of its size, or over nothing."""

    def erasure(self) -> str:
        """Return the text that removes all that does not vanish with the text of its cells."""


class Canvas:
    """Panels side by side, drawn over themselves; below them, the cursor stands in a line of text.

    Terminals wrap lines that have become too long for them when they are made narrower, so that
    what is to be removed has more lines than were drawn.
    """

    gap = 2
    """Columns between panels."""

    def __init__(self) -> None:
        self._panels: Sequence[Panel] = ()
        self._columns = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is drawn."""
        return not self._panels

    def draw(self, panels: Sequence[Panel], columns: int, below: int) -> str:
        """Return the text that draws panels of equal height.

        ``columns`` are those of the terminal now; the text below is so many characters long, and is
        to be written again.
        """
        height = panels[0].lines
        before: Sequence[Panel | None] = self._panels
        text = [_BEGIN]
        if columns != self._columns or _shape(self._panels) != _shape(panels):
            text += [self.erase(columns, below), "\n" * height]
            before = [None] * len(panels)
        text.append(f"\r\x1b[{height}A")
        spans, left = [], 0
        for panel, old in zip(panels, before, strict=True):
            spans += [Span(s.line, left + s.column, s.text) for s in panel.spans(old)]
            left += panel.columns + self.gap
        at = 0
        for span in sorted(spans, key=lambda span: span.line):
            down = f"\x1b[{span.line - at}B" if span.line > at else ""
            text.append(f"{down}\x1b[{span.column + 1}G{span.text}")
            at = span.line
        text.append(f"\r\x1b[{height - at}B{_END}")
        self._panels, self._columns = panels, columns
        return "".join(text)

    def erase(self, columns: int, below: int) -> str:
        """Return the text that removes all panels, and the text below; arguments as of `draw`."""
        panels, self._panels = self._panels, ()
        width = sum(panel.columns + self.gap for panel in panels) - self.gap
        height = panels[0].lines if panels else 0
        rows = height * _rows(width, columns) + _rows(below, columns) - 1
        up = f"\x1b[{rows}A" if rows else ""
        return "".join(panel.erasure() for panel in panels) + f"\r{up}\x1b[J"

    def leave(self) -> None:
        """Leave what is drawn where it is: whatever comes next is drawn below."""
        self._panels = ()


def _shape(panels: Sequence[Panel]) -> list[tuple[int, int]]:
    return [(panel.columns, panel.lines) for panel in panels]


def _rows(width: int, columns: int) -> int:
    return max(-(-width // max(columns, 1)), 1)
