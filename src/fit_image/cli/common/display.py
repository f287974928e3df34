"""Progress for people: a moving bar on a terminal, plain lines elsewhere, on stderr."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import click

from fit_image.cli.live.canvas import Canvas, Panel
from fit_image.errors import one_line

if TYPE_CHECKING:
    from fit_image.animation.writers import AnimationReport

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_BARS = 0.1
_BAR_WIDTH = (10, 40)
_TABLE_BAR = 16
_LONGEST_NAME = 40


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
            _write(f"{one_line(text)}\n")

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
            _write("  ".join(step.texts) + "\n")


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
        if now - self._shown_at >= _SECONDS_BETWEEN_BARS:
            self._shown_at = now
            _write(self._drawing(step))

    def _drawing(self, step: ProgressStep) -> str:
        # The terminal writes ^C behind it, and a line that wraps would move all others.
        columns = _terminal_size().columns - 3
        parts = step.texts
        shortest, longest = _BAR_WIDTH
        # The first fact stays, at the cost of the bar.
        while len(parts) > 2 and len("  ".join(parts)) + 2 + shortest > columns:
            parts.pop()
        width = min(columns - 2 - len("  ".join(parts)), longest)
        if width < 3 or step.done is None:
            line = _shortened("  ".join(parts), max(columns, 0))
            self._length = len(line)
        else:
            self._length = len("  ".join([*parts, " " * width]))
            line = "  ".join([parts[0], self._bar(step.done, width), *parts[1:]])
        return f"\r{line}\x1b[K"

    def clear(self) -> None:
        if self._length:
            _write("\r\x1b[K")
            self._length = 0

    def _bar(self, done: float, width: int) -> str:
        halves = round(min(max(done, 0.0), 1.0) * width * 2)
        full = self._full * (halves // 2) + self._half * (halves % 2)
        empty = self._empty * (width - len(full))
        if not self._colour:
            return full + empty
        return click.style(full, fg="cyan") + click.style(empty, fg="bright_black")


class PictureBar(Bar):
    """A bar below pictures, which another thread draws."""

    def __init__(self) -> None:
        super().__init__()
        self._canvas = Canvas()
        self._step = ProgressStep(0.0, ())
        self._lock = threading.RLock()
        self._was_suspended = False
        self._handler: Any = None

    def __enter__(self) -> Self:
        if hasattr(signal, "SIGCONT"):
            self._handler = signal.signal(signal.SIGCONT, self._resume)
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        if hasattr(signal, "SIGCONT"):
            signal.signal(signal.SIGCONT, self._handler or signal.SIG_DFL)

    def _resume(self, *_: object) -> None:
        # The shell has written below the picture while this process was suspended.
        self._was_suspended = True

    def size(self) -> tuple[int, int]:
        """Return the columns and lines of the terminal."""
        size = _terminal_size()
        return size.columns, size.lines

    def show(self, panels: Sequence[Panel]) -> None:
        """Draw panels over those before, above the bar."""
        with self._lock:
            self._leave_if_suspended()
            drawing = self._canvas.draw(panels, self.size()[0], self._length)
            _write(drawing + self._drawing(self._step))

    def _leave_if_suspended(self) -> None:
        if self._was_suspended:
            self._was_suspended, self._length = False, 0
            self._canvas.leave()

    def leave(self) -> None:
        """Leave the panels where they are: whatever comes next is written below."""
        with self._lock:
            super().clear()
            self._canvas.leave()

    def step(self, step: ProgressStep) -> None:
        # While the terminal is busy with a picture, training does not wait for it.
        if self._lock.acquire(blocking=False):
            try:
                self._step = step
                super().step(step)
            finally:
                self._lock.release()

    def message(self, text: str) -> None:
        with self._lock:
            super().message(text)

    def clear(self) -> None:
        with self._lock:
            self._leave_if_suspended()
            if not self._canvas.is_empty:
                _write(self._canvas.erase(self.size()[0], self._length))
            super().clear()


_LARGE_GIF = 10_000_000  # bytes; many programs that people send pictures with take no more


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
        if now - self._shown_at < _SECONDS_BETWEEN_BARS:
            return
        self._shown_at = now
        size = _terminal_size()
        shown = lines(max(size.lines - 2, 1))
        names = max((len(line.name) for line in shown if line.figures), default=0)
        names = min(names, _LONGEST_NAME)
        text = "".join(f"{self._line(line, names, size.columns - 1)}\n" for line in shown)
        self.clear()
        _write(text)
        self._height = len(shown)
        _write(self._drawing(step))

    def clear(self) -> None:
        super().clear()
        if self._height:
            _write(f"\x1b[{self._height}F\x1b[J")
            self._height = 0

    def _line(self, line: Line, names: int, columns: int) -> str:
        if not line.figures:
            return _shortened(line.name, columns)
        start = f"{_shortened(line.name, names):<{names}}  "
        bar = "" if line.share is None else " " * (_TABLE_BAR + 2)
        if len(start) + len(bar) + len(line.figures) > columns:
            return _shortened(start + line.figures, columns)
        if line.share is not None:
            bar = f"{self._bar(line.share, _TABLE_BAR)}  "
        return start + bar + line.figures


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"[:width]


class TimeLeft:
    """The time left, by the speed of the last half minute or so."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, float]] = []

    def seconds_left(self, done: float) -> float | None:
        """Return the time left when the share ``done`` (0..1) is done; None while unknown."""
        now = time.monotonic()
        if not self._marks or now - self._marks[-1][0] >= 1.0:
            self._marks.append((now, done))
            del self._marks[:-30]
        (then, done_then) = self._marks[0]
        if done <= done_then or now - then < 0.5:
            return None
        return (1.0 - done) * (now - then) / (done - done_then)


def _write(text: str) -> None:
    # The terminal may be gone, or the disk of a log full: no reason to lose a run.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _terminal_size() -> os.terminal_size:
    columns = lines = 0
    with contextlib.suppress(OSError, ValueError):
        columns, lines = os.get_terminal_size(sys.stderr.fileno())
    return os.terminal_size((columns or 80, lines or 24))


def make_display(quiet: bool, bar: type[Bar] = Bar) -> Display:
    """Return the display that suits stderr: on a terminal, a ``bar``."""
    if quiet:
        return Display()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return bar()
    return Lines()


class Compilation:
    """Shows which kernel is being compiled, of ``total`` if that is known."""

    def __init__(self, display: Display) -> None:
        self.total: int | None = None
        self._display = display
        self._number = 0
        self._began = 0.0

    def next_kernel(self) -> None:
        """Show that the next kernel is compiled from now on."""
        if not self._number:
            self._began = time.perf_counter()
            self._display.message("compiling for this machine; this is needed once")
        done, self._number = self._number, self._number + 1
        of_all = f" of {max(self.total, self._number)}" if self.total else ""
        share = min(done / self.total, 1.0) if self.total else 0.0
        self._display.step(ProgressStep(share, (f"compiling kernel {self._number}{of_all}",)))

    def end(self) -> None:
        """Show how long it took, if anything was compiled."""
        if self._number:
            self._display.message(f"compiled in {time.perf_counter() - self._began:.1f} s")


@contextlib.contextmanager
def announcing_compilation(display: Display) -> Iterator[Compilation]:
    """Report what is compiled inside the block, and how long the block took if anything was."""
    from fit_image.nn.runtime.jit import on_compile

    compilation = Compilation(display)
    with on_compile(compilation.next_kernel):
        yield compilation
    compilation.end()


def describe_animation(report: AnimationReport, *, limited: bool = True) -> str:
    """Return the frames, true speed, duration and size of an animation in a line.

    ``limited`` says whether the command has ``--max-bytes``, which is named where a GIF is large.
    """
    frames = f"{report.frames} frames at {report.fps:.4g} a second"
    shown = "1 frame" if report.frames == 1 else frames
    line = f"{report.path}: {shown}, {report.seconds:.1f} s in all, {format_bytes(report.size)}"
    if report.reduced:
        return f"{line}; kept to --max-bytes by {', '.join(report.reduced)}"
    if limited and report.path.suffix.lower() == ".gif" and report.size > _LARGE_GIF:
        return f"{line}; --max-bytes 8MB makes a smaller one, and .avif files are smaller still"
    return line


def format_bytes(size: int) -> str:
    """Return a size such as ``812 bytes``, ``72 kB`` or ``1.4 MB``."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return counted(size, "byte")


def format_duration(seconds: float) -> str:
    """Return a duration such as ``42 s``, ``3:07`` or ``1:02:45``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counted(number: int, noun: str) -> str:
    """Return a number and what is counted, in the plural unless it is one."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
