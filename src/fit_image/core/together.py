"""Steps of an optimizer that several threads take together."""

from __future__ import annotations

import numpy as np

from fit_image.core.dense import LANES, FloatArray, IntArray
from fit_image.core.optimizer import Optimizer
from fit_image.core.stage import Workers

_LEAST = 1 << 15
"""Numbers of which waking another thread takes longer than the step."""


def take_step(
    optimizer: Optimizer,
    parameters: FloatArray,
    gradient: FloatArray,
    spans: IntArray,
    rates: FloatArray,
    scale: float,
    workers: Workers,
) -> None:
    """Take a step, a share of every span in each thread, and count it.

    What becomes of a number depends on no other, so that the threads change no bit.

    Parameters
    ----------
    optimizer : Optimizer
    parameters, gradient, spans, rates, scale
        As in `Optimizer.update`.
    workers : Workers
    """
    optimizer.steps += 1
    step, factor = optimizer.steps, np.float32(scale)
    lengths = spans[:, 1] - spans[:, 0]
    if lengths.sum() < _LEAST * workers.threads:
        optimizer.update(parameters, gradient, spans, rates, factor, step)
        return

    def edges(thread: int, threads: int) -> IntArray:
        lines = lengths * thread // (threads * LANES)
        return spans[:, 1] if thread == threads else spans[:, 0] + lines * LANES

    def work(_: object, thread: int, threads: int) -> None:
        own = np.stack([edges(thread, threads), edges(thread + 1, threads)], axis=1)
        optimizer.update(parameters, gradient, own, rates, factor, step)

    workers.run(work)
