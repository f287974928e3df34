"""A barrier at which threads wait for one another, for a microsecond or two at a time.

Each thread counts its arrivals in a cache line of its own, and waits until every other count has
caught up: no lock, and no line that two threads write. The wait spins for as long as arrivals
are apart when every thread has a core. Then it is a long one: it gives the core away at every look,
for another thread may need this very core to arrive. Long waits are counted, because threads that
have to share a core are slower than one alone.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba.core import types

from fit_image.nn.runtime.jit import inner, intrinsic, kernel, pointer

# Each thread has two numbers, in cache lines of their own, and behind them lie some for all
# threads: the flag that ends all waits, one more than the round to end at, how many tasks were
# taken in each of two loops, and from how many looks on a wait is a long one.
_ARRIVALS, _LONG_WAITS, _SPACING = 0, 8, 16
_RELEASED, _END, _TAKEN, _PATIENCE = 0, 8, 16, 24
_COMMON = 48

# About ten microseconds; threads with a core each arrive within one or two.
_SPINS = 30_000

# A few microseconds, in which a kernel is called.
_MOMENT = 3_000

_yield_core = types.ExternalFunction(
    "SwitchToThread" if os.name == "nt" else "sched_yield", types.int32()
)


class Worker(NamedTuple):
    """One thread of a pool, as barriers know it."""

    counts: npt.NDArray[np.int64]  # from `barrier_counts`
    thread: int
    threads: int


def barrier_counts(threads: int) -> npt.NDArray[np.int64]:
    """Return the counters of a barrier for ``threads`` threads."""
    counts = np.zeros(threads * _SPACING + _COMMON, dtype=np.int64)
    counts[_PATIENCE - _COMMON] = _SPINS
    return counts


def be_patient(counts: npt.NDArray[np.int64], looks: int) -> None:
    """Let a wait be a long one from so many looks on, if that is more than usual."""
    counts[_PATIENCE - _COMMON] = max(looks, _SPINS)


def abort(counts: npt.NDArray[np.int64]) -> None:
    """Let every thread pass from now on: one of them has failed, and the result is void."""
    counts[_RELEASED - _COMMON] = 1


@intrinsic
def _load(typing_context, array, index):
    """Return ``array[index]``, an atomic load with acquire semantics."""

    def generate(context, builder, signature, arguments):
        return builder.load_atomic(pointer(context, builder, array, *arguments), "acquire", 8)

    return types.int64(array, types.intp), generate


@intrinsic
def _store(typing_context, array, index, value):
    """Set ``array[index]``, an atomic store with release semantics."""

    def generate(context, builder, signature, arguments):
        address = pointer(context, builder, array, *arguments[:2])
        builder.store_atomic(arguments[2], address, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


@intrinsic
def _add(typing_context, array, index, value):
    """Add to ``array[index]`` atomically, and return its value before."""

    def generate(context, builder, signature, arguments):
        address = pointer(context, builder, array, *arguments[:2])
        return builder.atomic_rmw("add", address, arguments[2], "monotonic")

    return types.int64(array, types.intp, types.int64), generate


@inner
def next_task(counts, threads, loop):
    """Return the number of the next task that no thread has taken: 0, 1, and so on.

    A thread that has to share its core takes fewer. ``loop`` is 0 or 1: a kernel may have two
    loops over tasks.
    """
    return _add(counts, threads * _SPACING + _TAKEN + loop * _SPACING, 1)


@inner
def barrier(counts, thread, threads):
    """Wait until all ``threads`` threads have called this as often as ``thread`` has."""
    mine = thread * _SPACING
    arrivals = counts[mine + _ARRIVALS] + 1
    patience = _load(counts, threads * _SPACING + _PATIENCE)
    _store(counts, mine + _ARRIVALS, arrivals)
    for other in range(threads):
        looks = 0
        while _load(counts, other * _SPACING + _ARRIVALS) < arrivals:
            looks += 1
            if looks == patience:
                _store(counts, mine + _LONG_WAITS, counts[mine + _LONG_WAITS] + 1)
            if looks >= patience:
                if _load(counts, threads * _SPACING + _RELEASED) != 0:
                    return
                _yield_core()


@kernel
def await_number(numbers, index, number, looks):
    """Wait until ``numbers[index]`` is ``number`` or more; at most for so many long looks."""
    for _ in range(_SPINS):
        if _load(numbers, index) >= number:
            return
    for _ in range(looks):
        if _load(numbers, index) >= number:
            return
        _yield_core()


@kernel
def report_and_await(numbers, report, done, index, number, looks):
    """Set ``numbers[report]`` to ``done``, and wait as `await_number` does, and a moment more.

    Who waits for the report wants Python's lock as soon as it comes, and who sets the number holds
    that lock for another moment. This holds it at neither time, for threads that have to wait for
    the lock fall asleep, and are late.
    """
    _store(numbers, report, done)
    await_number(numbers, index, number, looks)
    for _ in range(_MOMENT):
        _load(numbers, index)


@inner
def long_waits(counts, threads):
    """Return the number of long waits so far, of all threads."""
    waits = 0
    for thread in range(threads):
        waits += _load(counts, thread * _SPACING + _LONG_WAITS)
    return waits


@inner
def end_at(counts, threads, number):
    """Announce to all threads, for the next barrier, that round ``number`` is the last."""
    _store(counts, threads * _SPACING + _END, number + 1)


@inner
def ends_at(counts, threads, number):
    """Return whether `end_at` announced this round before its barrier."""
    # A thread that reads this late may see what was announced in the next round.
    return _load(counts, threads * _SPACING + _END) == number + 1


@inner
def share(rows, worker):
    """Return the first of a thread's share of some rows, and the end."""
    thread, threads = worker.thread, worker.threads
    return rows * thread // threads, rows * (thread + 1) // threads
