"""A table above the bar, of trainings at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fit_image.cli.display.displays import (
    SECONDS_BETWEEN_BARS,
    Bar,
    ProgressStep,
    shortened,
    terminal_size,
    write,
)

_TABLE_BAR = 16
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Line:
    """A line of a `Table`: a name, a bar of the fraction that is done (0..1), and figures."""

    name: str
    figures: str = ""
    share: float | None = None


class Table(Bar):
    """Lines that are drawn over themselves, above the bar."""

    def __init__(self) -> None:
        super().__init__()
        self._height = 0

    def show(self, lines: Callable[[int], Sequence[Line]], step: ProgressStep) -> None:
        """Draw everything anew, at most ten times a second.

        ``lines`` is given how many there is room for.
        """
        now = time.monotonic()
        if now - self._shown_at < SECONDS_BETWEEN_BARS:
            return
        self._shown_at = now
        size = terminal_size()
        shown = lines(max(size.lines - 2, 1))
        names = max((len(line.name) for line in shown if line.figures), default=0)
        names = min(names, _LONGEST_NAME)
        text = "".join(f"{self._line(line, names, size.columns - 1)}\n" for line in shown)
        self.clear()
        write(text)
        self._height = len(shown)
        write(self._drawing(step))

    def clear(self) -> None:
        super().clear()
        if self._height:
            write(f"\x1b[{self._height}F\x1b[J")
            self._height = 0

    def _line(self, line: Line, names: int, columns: int) -> str:
        if not line.figures:
            return shortened(line.name, columns)
        start = f"{shortened(line.name, names):<{names}}  "
        bar = "" if line.share is None else " " * (_TABLE_BAR + 2)
        if len(start) + len(bar) + len(line.figures) > columns:
            return shortened(start + line.figures, columns)
        if line.share is not None:
            bar = f"{self._bar(line.share, _TABLE_BAR)}  "
        return start + bar + line.figures
