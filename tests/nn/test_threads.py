"""Pools of threads."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from fit_image.nn.runtime.barrier import barrier
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.threads import BackgroundTask, ThreadPool, end_idle_threads
from shell import wait_until


def end_helpers():
    """End all helpers, which on a busy machine takes a while."""

    def are_ended():
        end_idle_threads()
        return not [each for each in threading.enumerate() if each.name == "fit-image-helper"]

    wait_until(are_ended, seconds=1.5)  # they end by themselves after 2


@kernel
def _meet(counts, thread, threads):
    barrier(counts, thread, threads)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_thread_works_once_a_call(threads):
    pool, done = ThreadPool(5), np.zeros(5, dtype=np.int64)

    def work(counts, thread, threads):
        done[thread] += 1
        _meet(counts, thread, threads)
        return thread, threads

    for _ in range(200):
        assert pool.run(work, threads) == (0, threads)
    assert done.tolist() == [200] * threads + [0] * (5 - threads)


def test_a_pool_that_has_slept_works_on():
    pool, names = ThreadPool(2), set()
    for _ in range(3):
        pool.run(lambda *_: names.add(threading.get_ident()), 2)
        time.sleep(0.2)
    assert len(names) == 2  # always the same threads


@pytest.mark.parametrize("culprit", [0, 1])
def test_an_error_of_a_thread_is_raised_and_holds_nobody(culprit):
    pool = ThreadPool(2)

    def work(counts, thread, threads):
        if thread == culprit:
            raise ValueError("no")
        _meet(counts, thread, threads)

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            pool.run(work, 2)
    assert pool.run(lambda *_: 7, 2) == 7


def test_after_an_interruption_the_next_call_is_the_next():
    pool, finished, begun = ThreadPool(2), [], threading.Event()

    def slow(counts, thread, threads):
        if thread == 0:
            begun.wait()
            raise KeyboardInterrupt
        begun.set()
        time.sleep(0.1)
        finished.append("slow")

    with pytest.raises(KeyboardInterrupt):
        pool.run(slow, 2)
    pool.run(lambda counts, thread, threads: finished.append("next"), 2)
    assert finished == ["slow", "next", "next"]


def test_all_have_ended_before_an_error_is_raised():
    pool, ended = ThreadPool(3), []

    def work(counts, thread, threads):
        if thread == 1:
            raise ValueError("no")
        time.sleep(0.1)
        ended.append(thread)

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            pool.run(work, 3)
    assert sorted(ended) == [0, 0, 2, 2]


def test_an_interruption_while_helpers_start_does_not_call_one_twice(monkeypatch):
    end_helpers()
    start, interrupted = threading.Thread.start, []

    def interrupting(thread):
        start(thread)
        if not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupting)
    pool, done = ThreadPool(3), []

    def work(counts, thread, threads):
        time.sleep(0.05 if thread == 1 else 0)
        done.append(thread)

    void = []
    with pytest.raises(KeyboardInterrupt):
        pool.run(lambda *_: void.append("void"), 3)
    time.sleep(0.05)
    assert not void  # nor later
    for _ in range(3):
        done.clear()
        pool.run(work, 3)
        assert sorted(done) == [0, 1, 2]


def test_all_pools_share_the_threads_of_the_process():
    end_helpers()
    before = threading.active_count()
    for _ in range(50):
        assert ThreadPool(4).run(lambda counts, thread, threads: threads) == 4
    assert threading.active_count() - before <= 3


def test_pools_that_work_at_the_same_time_do_not_share_a_thread():
    outer, inner, seen = ThreadPool(2), ThreadPool(2), []

    def note(counts, thread, threads):
        seen.append(threading.get_ident())
        _meet(counts, thread, threads)

    def work(counts, thread, threads):
        if thread == 0:
            inner.run(note)
        _meet(counts, thread, threads)

    outer.run(work)
    assert len(set(seen)) == 2


def test_idle_threads_end():
    ThreadPool(3).run(lambda *_: None)
    end_helpers()
    assert ThreadPool(3).run(lambda counts, thread, threads: threads) == 3


@pytest.mark.parametrize("allowed", [0, 1])
def test_a_pool_makes_do_with_the_threads_that_the_system_allows(monkeypatch, allowed):
    end_helpers()
    start, left = threading.Thread.start, [None] * allowed

    def refusing(thread):
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refusing)
    pool, seen = ThreadPool(4), []

    def work(counts, thread, threads):
        seen.append((thread, threads))
        _meet(counts, thread, threads)

    pool.run(work)
    assert sorted(seen) == [(thread, allowed + 1) for thread in range(allowed + 1)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    pool = ThreadPool(3)
    pool.run(lambda *_: None)
    child = os.fork()
    if child == 0:
        pools, status = (pool, ThreadPool(3)), 1
        try:
            if [each.run(lambda counts, thread, threads: threads) for each in pools] == [3, 3]:
                status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_all_threads_of_a_pool_run_by_default(threads):
    seen = []
    ThreadPool(threads).run(lambda counts, thread, most: seen.append((thread, most)))
    assert sorted(seen) == [(thread, threads) for thread in range(threads)]


def test_scratch_memory_is_one_vector_for_each_thread_and_stays():
    pool = ThreadPool(3)
    first = pool.scratch(100)
    assert [vector.size for vector in first] == [100] * 3
    assert not np.shares_memory(first[0], first[1])
    assert pool.scratch(60)[2] is first[2]
    assert pool.scratch(101)[0].size == 101
    pool.threads = 4
    assert len(pool.scratch(50)) == 4


def test_a_pool_without_threads_is_refused():
    with pytest.raises(ValueError, match="at least 1 thread, not 0"):
        ThreadPool(0)


def test_a_task_works_beside_its_caller():
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        go_on.wait(5.0)
        return ThreadPool(3).run(lambda counts, thread, threads: threads)

    task = BackgroundTask(work)
    assert begun.wait(5.0)
    assert not task.wait(0.0)
    assert ThreadPool(2).run(lambda counts, thread, threads: threads) == 2
    go_on.set()
    assert task.result() == 3
    assert task.wait(0.0)
    assert task.result() == 3


def test_an_error_of_a_task_is_raised_where_its_result_is_wanted():
    def fail():
        raise ZeroDivisionError

    task = BackgroundTask(fail)
    task.wait()
    with pytest.raises(ZeroDivisionError):
        task.result()


def test_tasks_take_turns_with_the_helpers():
    end_helpers()
    before = threading.active_count()
    assert [BackgroundTask(lambda: 5).result() for _ in range(20)] == [5] * 20
    assert threading.active_count() - before <= 1


def test_a_task_without_a_thread_is_done_at_once(monkeypatch):
    end_helpers()

    def refusing(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refusing)
    task = BackgroundTask(threading.get_ident)
    assert task.wait(0.0)
    assert task.result() == threading.get_ident()
