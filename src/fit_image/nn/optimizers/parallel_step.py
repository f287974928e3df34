"""Steps of an optimizer that several threads take together."""

from __future__ import annotations

import numpy as np

from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.runtime.arrays import LANES, FloatArray, IntArray
from fit_image.nn.runtime.threads import ThreadPool

_LEAST = 1 << 15
"""Numbers below which waking another thread takes longer than the step."""


def parallel_step(
    optimizer: Optimizer,
    parameters: FloatArray,
    gradient: FloatArray,
    spans: IntArray,
    rates: FloatArray,
    scale: float,
    pool: ThreadPool,
) -> None:
    """Take a step, a share of every span in each thread, and count it.

    What becomes of a number depends on no other, so that the threads change no bit.

    Parameters
    ----------
    optimizer : Optimizer
    parameters, gradient, spans, rates, scale
        As in `Optimizer.update`.
    pool : ThreadPool
    """
    optimizer.steps += 1
    step, factor = optimizer.steps, np.float32(scale)
    if (spans[:, 1] - spans[:, 0]).sum() < _LEAST * pool.threads:
        optimizer.update(parameters, gradient, spans, rates, factor, step)
        return
    edges = [_edges(start, stop, pool.threads) for start, stop in spans.tolist()]

    def work(_: object, thread: int, threads: int) -> None:
        own = np.array([each[thread : thread + 2] for each in edges])
        optimizer.update(parameters, gradient, own, rates, factor, step)

    pool.run(work)


def _edges(start: int, stop: int, threads: int) -> list[int]:
    """Return where the threads' shares of a span begin, in whole cache lines, and the end."""
    lines = (stop - start) // LANES
    return [*(start + lines * thread // threads * LANES for thread in range(threads)), stop]
