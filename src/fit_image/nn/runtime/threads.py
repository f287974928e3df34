"""Threads that do one piece of work together, again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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

_FOREVER = 1 << 62


class ThreadPool:
    """The calling thread, and helper threads that wait for its next call.

    The helpers are kept, because a new thread would start on the core of the one that creates it.
    For a moment after a call they stay awake, because waking one takes as long as many a call.

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
        self._helpers: list[_Helper] = []
        self._scratch: list[FloatArray] = []

    def scratch(self, size: int) -> list[FloatArray]:
        """Return a float32 vector of at least ``size`` numbers for every thread.

        They are created by the first call, and are the same in later ones unless a larger size is
        asked for. Their content is undefined.
        """
        if not self._scratch or self._scratch[0].size < size:
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
        for helper in self._helpers:
            helper.wait()
        counts = barrier_counts(threads)
        if threads == 1:
            return work(counts, 0, 1)

        def guarded(thread: int) -> Result:
            try:
                return work(counts, thread, threads)
            except BaseException:
                abort(counts)
                raise

        if not self._helpers:
            self._helpers = [_Helper(thread) for thread in range(1, self.threads)]
        helpers = self._helpers[: threads - 1]
        try:
            for helper in helpers:
                helper.begin(guarded)
            result = guarded(0)
        except BaseException:
            # An interruption in between: the helpers would wait for ever.
            abort(counts)
            raise
        finally:
            for helper in helpers:
                helper.wait()
        for helper in helpers:
            if helper.error is not None:
                raise helper.error
        return result


class _Helper:
    """A thread that goes to sleep only when there has been nothing to do for a while."""

    def __init__(self, thread: int) -> None:
        self.error: BaseException | None = None
        # One of its own: where a call is interrupted, a pool may count its idle threads wrong.
        self._pool = ThreadPoolExecutor(1)
        self._thread = thread
        self._words = np.zeros(_WORDS, dtype=np.int64)
        self._lock = threading.Lock()  # over all below
        self._serving = False
        self._work: Callable[[int], object] | None = None

    def begin(self, work: Callable[[int], object]) -> None:
        """Have ``work(thread)`` called; what was to be done before must be done."""
        with self._lock:
            self.error = None
            self._work = work
            if not self._serving:
                self._pool.submit(self._serve)
            self._words[_GIVEN] += 1

    def wait(self) -> None:
        """Wait until it is done; ``error`` then is what it raised, or None."""
        given = self._words[_GIVEN]
        if self._words[_DONE] < given:
            await_number(self._words, _DONE, given, _FOREVER)

    def _serve(self) -> None:
        with self._lock:
            if self._serving:
                return  # asked twice, by a caller who was interrupted in between
            self._serving = True
        while True:
            with self._lock:
                number = self._words[_GIVEN]
                # An order that was interrupted before it was given is void.
                work = self._work if self._words[_DONE] < number else None
                self._work = None
            if work is not None:
                try:
                    work(self._thread)
                except BaseException as error:
                    self.error = error
            del work
            report_and_await(self._words, _DONE, number, _GIVEN, number + 1, _LOOKS)
            with self._lock:
                if self._words[_GIVEN] == number:
                    self._serving = False
                    return
