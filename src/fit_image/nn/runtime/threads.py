"""Threads that do one piece of work together, again and again."""

from __future__ import annotations

import math
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np

from fit_image.nn.runtime.arrays import FloatArray, IntArray, aligned_zeros
from fit_image.nn.runtime.barrier import (
    Worker,
    abort,
    await_number,
    barrier_counts,
    report_and_await,
)
from fit_image.nn.runtime.machine import usable_cores

Result = TypeVar("Result")

# Two words of a helper, in cache lines of their own: the number of the last order it was given, and
# of the last it has carried out.
_GIVEN, _DONE, _WORDS = 0, 16, 32

# How often a helper looks for its next order before it goes to sleep: about a millisecond, in which
# it gives its core to whoever wants it.
_LOOKS = 2_000

# How often the end of a task is looked for.
_NAP_SECONDS = 0.0005

# A helper that has slept for so long ends.
_IDLE_SECONDS = 2.0

# The longest wait for a helper to end; one that is at work for another pool ends later.
_END_SECONDS = 0.1

_FOREVER = 1 << 62

_NAME = "fit-image-helper"

# Helpers that no pool is using, of every process by its number: a forked process has a copy of its
# parent's, but none of the threads.
_idle: dict[int, deque[_Helper]] = {}


class ThreadPool:
    """The calling thread, and helper threads, which all pools of the process share.

    The helpers are kept, because a new thread would start on the core of the one that creates it.
    For a moment after a call they stay awake, because waking one takes as long as many a call; when
    nobody has needed them for a while, they end. Where the system refuses threads, there are fewer.

    Parameters
    ----------
    threads : int, optional
        At most so many run at once, the caller included; at least 1. Default: all cores this
        process may use. No result depends on it.

    Raises
    ------
    ValueError
        If ``threads`` is less than 1.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = usable_cores() if threads is None else threads
        if self.threads < 1:
            raise ValueError(f"a pool needs at least 1 thread, not {threads}")
        self._helpers: list[_Helper] = []  # at work
        self._scratch: list[FloatArray] = []

    def scratch(self, size: int) -> list[FloatArray]:
        """Return a float32 vector of at least ``size`` numbers for every thread.

        They are created by the first call, and are the same in later ones unless a larger size is
        asked for, or there are more threads. Their content is undefined.
        """
        if len(self._scratch) < self.threads or self._scratch[0].size < size:
            self._scratch = [aligned_zeros(size) for _ in range(self.threads)]
        return self._scratch

    def run_kernel(
        self,
        kernel: Callable[..., object],
        *arguments: object,
        memory: Sequence[object] | None = None,
    ) -> None:
        """Call a kernel in every thread, with the thread's own memory if any, and its `Worker`."""

        def work(counts: IntArray, thread: int, threads: int) -> None:
            own = () if memory is None else (memory[thread],)
            kernel(*arguments, *own, Worker(counts, thread, threads))

        self.run(work)

    def run(
        self, work: Callable[[IntArray, int, int], Result], threads: int | None = None
    ) -> Result:
        """Call ``work(counts, thread, threads)`` in every thread.

        Parameters
        ----------
        work : callable
            ``counts`` is what `fit_image.nn.runtime.barrier.barrier` needs. If it raises an
            exception in one of the threads, no barrier holds the others, and it is raised here.
        threads : int, optional
            Default: all of the pool.

        Returns
        -------
        object
            The return value of ``work`` in thread 0, which is the caller's.
        """
        threads = self.threads if threads is None else threads
        # Where the caller was interrupted while it waited, they may still be at work.
        self._give_back()
        self._take(threads - 1)
        threads = len(self._helpers) + 1
        counts = barrier_counts(threads)
        if threads == 1:
            return work(counts, 0, 1)
        results: list[Result] = []
        failures: dict[int, BaseException] = {}

        def guarded(thread: int) -> None:
            try:
                result = work(counts, thread, threads)
            except BaseException as error:
                abort(counts)
                failures[thread] = error
            else:
                if thread == 0:
                    results.append(result)

        try:
            for thread, helper in enumerate(self._helpers, 1):
                helper.begin(guarded, thread)
            guarded(0)
        except BaseException:
            # An interruption in between: the helpers would wait for ever.
            abort(counts)
            raise
        finally:
            self._give_back()
        if failures:
            try:
                raise failures[min(failures)]
            finally:
                failures.clear()  # an error and its traceback would keep each other alive
        return results[0]

    def _take(self, count: int) -> None:
        for _ in range(count):
            self._helpers.append(_take_helper())
            if not self._helpers[-1].start():
                self._helpers.pop()
                return

    def _give_back(self) -> None:
        """Wait for all helpers, and let other pools have them."""
        while self._helpers:
            self._helpers[-1].wait()
            _idle_helpers().append(self._helpers.pop())


class BackgroundTask(Generic[Result]):
    """Work that a helper does while its caller does something else.

    It begins at once; where the system refuses a thread, it is done before this returns.

    Parameters
    ----------
    work : callable
        May use pools of its own.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        self._results: list[Result] = []
        self._failures: list[BaseException] = []

        def guarded(_: int) -> None:
            try:
                self._results.append(work())
            except BaseException as error:
                self._failures.append(error)

        self._helper: _Helper | None = _take_helper()
        if self._helper.start():
            self._helper.begin(guarded, 0)
        else:
            self._helper = None
            guarded(0)

    def wait(self, seconds: float = math.inf) -> bool:
        """Wait for its end, for so long at most; return whether it has come."""
        if self._helper is None:
            return True
        end = time.monotonic() + seconds
        while not self._helper.wait(looks=0):
            if time.monotonic() >= end:
                return False
            time.sleep(_NAP_SECONDS)  # the work may need this very core
        _idle_helpers().append(self._helper)
        self._helper = None
        return True

    def result(self) -> Result:
        """Wait for what ``work`` returns; if it raised an exception, that is raised here."""
        self.wait()
        if self._failures:
            try:
                raise self._failures[0]
            finally:
                self._failures.clear()
        return self._results[0]


def end_idle_threads() -> None:
    """End the helpers that no pool is using; a pool that needs some starts them anew."""
    for helper in tuple(_idle_helpers()):
        helper.end()


def _idle_helpers() -> deque[_Helper]:
    return _idle.setdefault(os.getpid(), deque())


def _take_helper() -> _Helper:
    try:
        return _idle_helpers().pop()
    except IndexError:
        return _Helper()


class _Helper:
    """A thread that goes to sleep only when there has been nothing to do for a while."""

    def __init__(self) -> None:
        self._words = np.zeros(_WORDS, dtype=np.int64)
        self._calls: queue.SimpleQueue[bool] = queue.SimpleQueue()  # True to wake, False to end
        self._lock = threading.Lock()  # over all below
        self._thread: threading.Thread | None = None
        self._serving = self._ending = False
        self._work: Callable[[int], None] | None = None
        self._number = 0

    def start(self) -> bool:
        """Start a thread unless there is one; return whether there is one now."""
        with self._lock:
            try:
                self._start()
            except RuntimeError:  # the system allows no more
                self._thread = None
            return self._thread is not None

    def begin(self, work: Callable[[int], None], number: int) -> None:
        """Have ``work(number)`` called; what was to be done before must be done."""
        with self._lock:
            self._start()  # it may have ended since
            self._work, self._number = work, number
            if not self._serving:
                self._calls.put(True)
            self._words[_GIVEN] += 1

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._live, name=_NAME, daemon=True)
            self._thread.start()

    def wait(self, looks: int = _FOREVER) -> bool:
        """Wait until it is done, for so many long looks at most; return whether it is."""
        given = self._words[_GIVEN]
        if self._words[_DONE] < given:
            await_number(self._words, _DONE, given, looks)
        return bool(self._words[_DONE] >= given)

    def end(self) -> None:
        """End the thread as soon as it has nothing to do."""
        with self._lock:
            thread = self._thread
            if thread is None:
                return
            self._ending = True
            if self._serving:
                self._words[_GIVEN] += 1  # it looks for orders: one without work
            self._calls.put(False)
        thread.join(_END_SECONDS)

    def _live(self) -> None:
        with self._lock:
            if self._thread is not threading.current_thread():
                return  # started twice, by a caller who was interrupted in between
        while True:
            try:
                called = self._calls.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                called = False
            with self._lock:
                if not called and self._calls.empty():
                    self._thread, self._ending = None, False
                    return
                self._serving = called
            if called:
                self._serve()

    def _serve(self) -> None:
        while True:
            with self._lock:
                number = self._words[_GIVEN]
                # An order that was interrupted before it was given is void.
                work = self._work if self._words[_DONE] < number else None
                self._work = None
                if work is None and self._ending:
                    self._words[_DONE] = number
                    self._serving = False
                    return
            if work is not None:
                work(self._number)
            del work
            report_and_await(self._words, _DONE, number, _GIVEN, number + 1, _LOOKS)
            with self._lock:
                if self._words[_GIVEN] == number:
                    self._serving = False
                    return
