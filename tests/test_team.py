"""Threads that work together, again and again."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fit_image.nn.runtime.barrier import barrier
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.threads import Team


@kernel
def _meet(counts, thread, threads):
    barrier(counts, thread, threads)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_thread_works_once_a_call(threads):
    team, done = Team(5), np.zeros(5, dtype=np.int64)

    def work(counts, thread, threads):
        done[thread] += 1
        _meet(counts, thread, threads)
        return thread, threads

    for _ in range(200):
        assert team.run(work, threads) == (0, threads)
    assert done.tolist() == [200] * threads + [0] * (5 - threads)


def test_a_team_that_has_slept_works_on():
    team, names = Team(2), set()
    for _ in range(3):
        team.run(lambda *_: names.add(threading.get_ident()), 2)
        time.sleep(0.2)
    assert len(names) == 2  # always the same threads


@pytest.mark.parametrize("culprit", [0, 1])
def test_an_error_of_a_thread_is_raised_and_holds_nobody(culprit):
    team = Team(2)

    def work(counts, thread, threads):
        if thread == culprit:
            raise ValueError("no")
        _meet(counts, thread, threads)

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            team.run(work, 2)
    assert team.run(lambda *_: 7, 2) == 7


def test_after_an_interruption_the_next_call_is_the_next():
    team, finished, begun = Team(2), [], threading.Event()

    def slow(counts, thread, threads):
        if thread == 0:
            begun.wait()
            raise KeyboardInterrupt
        begun.set()
        time.sleep(0.1)
        finished.append("slow")

    with pytest.raises(KeyboardInterrupt):
        team.run(slow, 2)
    team.run(lambda counts, thread, threads: finished.append("next"), 2)
    assert finished == ["slow", "next", "next"]


def test_all_have_ended_before_an_error_is_raised():
    team, ended = Team(3), []

    def work(counts, thread, threads):
        if thread == 1:
            raise ValueError("no")
        time.sleep(0.1)
        ended.append(thread)

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            team.run(work, 3)
    assert sorted(ended) == [0, 0, 2, 2]


def test_an_interruption_while_helpers_are_called_does_not_call_one_twice(monkeypatch):
    submit, interrupted = ThreadPoolExecutor.submit, []

    def interrupting(pool, work):
        future = submit(pool, work)
        if not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        return future

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupting)
    team, done = Team(3), []

    def work(counts, thread, threads):
        time.sleep(0.2 if thread == 1 else 0)
        done.append(thread)

    void = []
    with pytest.raises(KeyboardInterrupt):
        team.run(lambda *_: void.append("void"), 3)
    time.sleep(0.1)
    assert not void  # nor later
    for _ in range(3):
        done.clear()
        team.run(work, 3)
        assert sorted(done) == [0, 1, 2]
