"""Threads that do one piece of work together, again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from fit_image.core.barrier import await_number, barrier_counts, release, report_and_await
from fit_image.core.dense import IntArray

Result = TypeVar("Result")

# Two words of a helper, in cache lines of their own: the number of the last order it was given, and
# of the last it has carried out.
_GIVEN, _DONE, _WORDS = 0, 16, 32

# How often a helper looks for its next order before it goes to sleep: about a millisecond, in which
# it gives its core to whoever wants it.
_LOOKS = 2_000

_FOREVER = 1 << 62


class Team:
    """The calling thread, and others that wait for their next call.

    They are kept, because a new thread would begin on the core of the one that starts it. For a
    moment after a call they stay awake, because waking takes as long as many a piece of work.

    Parameters
    ----------
    most : int
        Threads there will be at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._helpers: list[_Helper] = []

    def run(self, work: Callable[[IntArray, int, int], Result], threads: int) -> Result:
        """Call ``work(counts, thread, threads)`` in every thread.

        Parameters
        ----------
        work : callable
            ``counts`` is what `fit_image.core.barrier.meet` needs.
        threads : int

        Returns
        -------
        object
            What thread 0 returned, which is the caller's.

        Raises
        ------
        Exception
            What ``work`` raised in one of the threads; the others then meet nobody.
        """
        counts = barrier_counts(threads)
        if threads == 1:
            return work(counts, 0, 1)

        def guarded(thread: int) -> Result:
            try:
                return work(counts, thread, threads)
            except BaseException:
                release(counts)
                raise

        if not self._helpers:
            pool = ThreadPoolExecutor(self._most - 1)
            self._helpers = [_Helper(pool, thread) for thread in range(1, self._most)]
        helpers = self._helpers[: threads - 1]
        try:
            for helper in helpers:
                helper.begin(guarded)
            result = guarded(0)
            for helper in helpers:
                helper.end()
        finally:
            # After an interruption in between, the others would wait for ever.
            release(counts)
        return result


class _Helper:
    """A thread of a pool, which it leaves only when there has been nothing to do for a while."""

    def __init__(self, pool: Executor, thread: int) -> None:
        self._pool = pool
        self._thread = thread
        self._words = np.zeros(_WORDS, dtype=np.int64)
        self._lock = threading.Lock()  # over all below
        self._awake = False
        self._given = 0
        self._work: Callable[[int], object] | None = None
        self._errors: dict[int, BaseException] = {}

    def begin(self, work: Callable[[int], object]) -> None:
        """Have ``work(thread)`` called, once what an interruption left under way is done."""
        with self._lock:
            self._given += 1
            self._work = work
            self._errors.clear()
            self._words[_GIVEN] = self._given
            if not self._awake:
                self._pool.submit(self._serve)
                self._awake = True

    def end(self) -> None:
        """Wait until it is done.

        Raises
        ------
        Exception
            What it raised.
        """
        await_number(self._words, _DONE, self._given, _FOREVER)
        if error := self._errors.get(self._given):
            raise error

    def _serve(self) -> None:
        while True:
            with self._lock:
                number, work = self._given, self._work
                self._work = None
            try:
                if work is not None:
                    work(self._thread)
            except BaseException as error:
                self._errors[number] = error
            del work
            report_and_await(self._words, _DONE, number, _GIVEN, number + 1, _LOOKS)
            with self._lock:
                if self._given == number:
                    self._awake = False
                    return
