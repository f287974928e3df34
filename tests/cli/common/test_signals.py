"""Signals while a command works."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from fit_image.cli.common.signals import Interrupted, Signals


@pytest.fixture
def handlers():
    """Signal handlers are put back after the test."""
    signums = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(signum) for signum in signums]
    yield
    for signum, handler in zip(signums, before, strict=True):
        signal.signal(signum, handler)


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
