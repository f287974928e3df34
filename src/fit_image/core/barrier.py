"""A place where threads wait for one another, many times within a microsecond or two.

Each thread counts its arrivals in a cache line of its own, and waits until every other count has
caught up: no lock, and no line that two threads write. The wait spins for as long as arrivals
are apart when every thread has a core, and then gives its core away at every look, so that a
thread that has lost its core to another program can come back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba.core import types

from fit_image.core.jit import inner, intrinsic

# Two lines apart, because processors fetch lines in pairs.
_SPACING = 16
# About ten microseconds; threads with a core each arrive within one.
_SPINS = 4000

_yield_core = types.ExternalFunction("sched_yield", types.int32())


def barrier_counts(threads: int) -> npt.NDArray[np.int64]:
    """Return the arrivals of ``threads`` threads, and a place for the word that ends all waits."""
    return np.zeros((threads + 1) * _SPACING, dtype=np.int64)


def release(counts: npt.NDArray[np.int64]) -> None:
    """Let every thread pass from now on: one of them will not come, and the result is void."""
    counts[-_SPACING] = 1


@intrinsic
def _load(typing_context, array, index):
    """Return ``array[index]``; what its writer wrote before it is then visible, too."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(builder.gep(data, [arguments[1]]), "acquire", 8)

    return types.int64(array, types.intp), generate


@intrinsic
def _store(typing_context, array, index, value):
    """Set ``array[index]``; what was written before is visible to who reads it with `_load`."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer = builder.gep(data, [arguments[1]])
        builder.store_atomic(arguments[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


@inner
def meet(counts, thread, threads):
    """Wait until all ``threads`` threads have called this as often as ``thread`` has."""
    arrivals = counts[thread * _SPACING] + 1
    _store(counts, thread * _SPACING, arrivals)
    for other in range(threads):
        looks = 0
        while _load(counts, other * _SPACING) < arrivals:
            looks += 1
            if looks > _SPINS:
                if _load(counts, threads * _SPACING) != 0:
                    return
                _yield_core()
