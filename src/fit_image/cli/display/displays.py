"""Progress for people: a moving bar on a terminal, plain lines elsewhere, on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import dataclass
from typing import Self

import click

from fit_image.errors import one_line

_SECONDS_BETWEEN_LINES = 5.0
SECONDS_BETWEEN_BARS = 0.1
_BAR_WIDTH = (10, 40)


@dataclass(frozen=True)
class ProgressStep:
    """A state of the work: the fraction that is done (0..1), if that is known, and facts.

    The most important facts come first; those that do not fit are left out.
    """

    done: float | None
    parts: tuple[str, ...]

    @property
    def texts(self) -> list[str]:
        """The percentage, if it is known, and the facts."""
        known = [] if self.done is None else [f"{min(self.done, 1.0):4.0%}"]
        return [*known, *self.parts]


class Display:
    """Shows nothing, for ``--quiet``; the base of `Lines` and `Bar`.

    As a context it leaves the terminal clean, whatever happens inside.
    """

    def __init__(self, quiet: bool = True) -> None:
        self.quiet = quiet

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.clear()

    def message(self, text: str) -> None:
        """Show a line that stays."""
        if not self.quiet:
            self.clear()
            write(f"{one_line(text)}\n")

    def step(self, step: ProgressStep) -> None:
        """Show progress, or not."""

    def clear(self) -> None:
        """Remove what is not meant to stay, if anything."""


class Lines(Display):
    """One plain line every few seconds."""

    def __init__(self) -> None:
        super().__init__(quiet=False)
        self._shown_at = time.monotonic()

    def step(self, step: ProgressStep) -> None:
        now = time.monotonic()
        if now - self._shown_at >= _SECONDS_BETWEEN_LINES:
            self._shown_at = now
            write("  ".join(step.texts) + "\n")


class Bar(Display):
    """A bar that is drawn over itself."""

    def __init__(self) -> None:
        super().__init__(quiet=False)
        self._shown_at = -1.0
        self._length = 0  # of what is visible
        encoding = (sys.stderr.encoding or "").lower()
        self._full, self._half, self._empty = "━╸━" if "utf" in encoding else "=- "
        self._colour = not os.environ.get("NO_COLOR")
        if not self._colour and self._full == "━":
            self._empty = "┄"

    def step(self, step: ProgressStep) -> None:
        now = time.monotonic()
        if now - self._shown_at >= SECONDS_BETWEEN_BARS:
            self._shown_at = now
            write(self._drawing(step))

    def _drawing(self, step: ProgressStep) -> str:
        # The terminal writes ^C behind it, and a line that wraps would move all others.
        columns = terminal_size().columns - 3
        parts = step.texts
        shortest, longest = _BAR_WIDTH
        # The first fact stays, at the cost of the bar.
        while len(parts) > 2 and len("  ".join(parts)) + 2 + shortest > columns:
            parts.pop()
        width = min(columns - 2 - len("  ".join(parts)), longest)
        if width < 3 or step.done is None:
            line = shortened("  ".join(parts), max(columns, 0))
            self._length = len(line)
        else:
            self._length = len("  ".join([*parts, " " * width]))
            line = "  ".join([parts[0], self._bar(step.done, width), *parts[1:]])
        return f"\r{line}\x1b[K"

    def clear(self) -> None:
        if self._length:
            write("\r\x1b[K")
            self._length = 0

    def _bar(self, done: float, width: int) -> str:
        halves = round(min(max(done, 0.0), 1.0) * width * 2)
        full = self._full * (halves // 2) + self._half * (halves % 2)
        empty = self._empty * (width - len(full))
        if not self._colour:
            return full + empty
        return click.style(full, fg="cyan") + click.style(empty, fg="bright_black")


def make_display(quiet: bool, bar: type[Bar] = Bar) -> Display:
    """Return the display that suits stderr: on a terminal, a ``bar``."""
    if quiet:
        return Display()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return bar()
    return Lines()


def write(text: str) -> None:
    """Write to stderr, if that is possible."""
    # The terminal may be gone, or the disk of a log full: no reason to lose a run.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


def terminal_size() -> os.terminal_size:
    """Return the columns and lines of the terminal; 80 and 24 where they are not known."""
    columns = lines = 0
    with contextlib.suppress(OSError, ValueError):
        columns, lines = os.get_terminal_size(sys.stderr.fileno())
    return os.terminal_size((columns or 80, lines or 24))


def shortened(text: str, width: int) -> str:
    """Return a text of at most so many characters, the last an ellipsis if some are left out."""
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"[:width]
