"""Progress on the terminal."""

from __future__ import annotations

import io
import os

import pytest

from fit_image.cli.common.texts import format_duration
from fit_image.cli.display.displays import Bar, Display, Lines, ProgressStep, make_display
from fit_image.cli.display.time_left import TimeLeft


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True

    def fileno(self):
        return 2


@pytest.fixture(autouse=True)
def _coloured(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)


def drawn(columns, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    Bar().step(ProgressStep(0.5, ("epoch 5/10", "20.00 dB", "1,000 px/s", "10 s left")))
    return terminal.getvalue().removeprefix("\r").removesuffix("\x1b[K")


@pytest.mark.parametrize("columns", [3, 10, 20, 40, 80, 200])
def test_the_bar_fits_the_terminal(columns, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    line = drawn(columns, monkeypatch)
    assert len(line) < columns
    assert columns < 10 or " 50%" in line
    assert columns < 20 or "epoch 5/10" in line
    assert columns < 80 or "10 s left" in line


def test_no_color_is_respected(monkeypatch):
    assert "\x1b[" in drawn(80, monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in drawn(80, monkeypatch)


def test_the_display_suits_the_stream(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", Terminal())
    assert type(make_display(quiet=False)) is Bar
    assert type(make_display(quiet=True)) is Display
    monkeypatch.setenv("TERM", "dumb")
    assert type(make_display(quiet=False)) is Lines


def test_a_message_takes_the_bar_away_first(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    bar = Bar()
    bar.step(ProgressStep(0.1, ()))
    bar.message("hello")
    assert terminal.getvalue().endswith("\x1b[K\r\x1b[Khello\n")


def test_time_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    left = TimeLeft()
    assert left.seconds_left(0.0) is None
    now[0] = 10.0
    assert left.seconds_left(0.25) == pytest.approx(30)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (187, "3:07"), (3765, "1:02:45")]
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text
