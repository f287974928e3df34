"""Threads that do one piece of work together, again and again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fit_image.core.barrier import barrier_counts, release
from fit_image.core.dense import IntArray

Result = TypeVar("Result")


class Team:
    """The calling thread, and others that wait for their next call.

    They are kept, because a new thread would begin on the core of the one that starts it.

    Parameters
    ----------
    most : int
        Threads there will be at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pool: ThreadPoolExecutor | None = None

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

        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most - 1)
        try:
            others = [self._pool.submit(guarded, thread) for thread in range(1, threads)]
            result = guarded(0)
            for other in others:
                other.result()
        finally:
            # After an interruption in between, the others would wait for ever.
            release(counts)
        return result
