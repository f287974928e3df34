"""Progress on the terminal, and signals."""

from __future__ import annotations

import io
import os
import signal
import sys

import pytest

from fit_image.cli.common import display
from fit_image.cli.common.display import Bar, Lines, ProgressStep, TimeLeft, format_duration
from fit_image.cli.common.signals import Interrupted, Signals


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True

    def fileno(self):
        return 2


@pytest.fixture(autouse=True)
def _coloured(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def handlers():
    """Signal handlers are put back after the test."""
    signums = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(signum) for signum in signums]
    yield
    for signum, handler in zip(signums, before, strict=True):
        signal.signal(signum, handler)


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
    assert type(display.make_display(quiet=False)) is Bar
    assert type(display.make_display(quiet=True)) is display.Display
    monkeypatch.setenv("TERM", "dumb")
    assert type(display.make_display(quiet=False)) is Lines


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


@pytest.mark.usefixtures("handlers")
def test_the_first_signal_is_noted_and_the_second_raises():
    signals = Signals().__enter__()
    os.kill(os.getpid(), signal.SIGTERM)
    assert signals.received == signal.SIGTERM
    with pytest.raises(Interrupted) as caught:
        os.kill(os.getpid(), signal.SIGINT)
    assert caught.value.exit_code == 130


@pytest.mark.usefixtures("handlers")
def test_signals_act_at_once_inside_a_block_alone():
    with Signals() as signals:
        with pytest.raises(Interrupted), signals.acting_at_once():
            os.kill(os.getpid(), signal.SIGINT)
        assert not signals.at_once


@pytest.mark.usefixtures("handlers")
def test_a_signal_before_the_block_acts_when_it_begins():
    with Signals() as signals:
        with signals.acting_at_once():
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted), signals.acting_at_once():
            raise AssertionError("a signal was noted before")


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_was_ignored_stays_ignored(signum):
    signal.signal(signum, signal.SIG_IGN)
    with Signals() as signals, signals.acting_at_once():
        os.kill(os.getpid(), signum)
    assert signals.received is None
    assert signal.getsignal(signum) == signal.SIG_IGN


@pytest.mark.usefixtures("handlers")
def test_a_signal_that_python_swallows_is_noted(monkeypatch):
    class Swallowing:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    with Signals() as signals, signals.acting_at_once():
        Swallowing()
        with pytest.raises(Interrupted) as caught:
            signals.check()
    assert caught.value.exit_code == 128 + signal.SIGTERM


@pytest.mark.usefixtures("handlers")
def test_signals_may_act_at_once():
    before = signal.getsignal(signal.SIGINT)
    with Signals():
        pass
    assert signal.getsignal(signal.SIGINT) is before
    with Signals() as signals:
        signals.act_at_once()
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGINT)
    # One more must not disturb the last line.
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
