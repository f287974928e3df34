"""Choose the frames of a run that its animation shows."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

VISIBLE_FRAMES = 200
"""Most frames at the visible pace: 10 s at 20 frames per second."""


def choose_frames(
    epochs: Sequence[int],
    psnr: Sequence[float | None] | None = None,
    *,
    pace: str = "even",
    every: int = 1,
    most: int = VISIBLE_FRAMES,
) -> list[int]:
    """Choose the epochs whose frames become an animation.

    At the ``visible`` pace, the range from the first to the best PSNR is divided into equal steps,
    as many as there are frames but fewer than ``most``; each step is represented by the first frame
    that reaches it. Frames that do not improve on the best are left out, and steps that one frame
    passes at once share that frame. A picture that never improves leaves two frames.

    Parameters
    ----------
    epochs : sequence of int
        Epochs that have a frame, increasing.
    psnr : sequence of float or None, optional
        PSNR of each, in dB; None or NaN if unknown. If all are unknown, the pace is even.
    pace : str
        ``even`` in epochs, or ``visible``: even in PSNR.
    every : int
        Stride over the epochs, applied first; the first and the last are always chosen.
    most : int
        Most frames at the visible pace, at least 3.

    Raises
    ------
    ValueError
        If ``pace`` is unknown, ``every`` is below 1, ``most`` is below 3, ``epochs`` do not
        increase, or ``psnr`` has another length.
    """
    if pace not in ("even", "visible"):
        raise ValueError(f"unknown pace {pace!r}")
    if every < 1 or most < 3:
        raise ValueError(f"every={every} must be at least 1, and most={most} at least 3")
    if any(later <= earlier for earlier, later in pairwise(epochs)):
        raise ValueError("the epochs must increase")
    if psnr is not None and len(psnr) != len(epochs):
        raise ValueError(f"{len(psnr)} PSNR values for {len(epochs)} epochs")
    if not epochs:
        return []
    last = len(epochs) - 1
    chosen = sorted({*range(0, last, every), last})
    if pace == "visible" and psnr is not None:
        steps = _even_steps([_known(psnr[index]) for index in chosen], most)
        chosen = [chosen[step] for step in steps]
    return [epochs[index] for index in chosen]


def _even_steps(values: list[float], most: int) -> list[int]:
    """Return the indices where the running maximum of ``values`` passes evenly spaced levels."""
    known = [value for value in values if value > -math.inf]
    if not known:
        return list(range(len(values)))
    # A perfect copy has infinite PSNR: treat it as the best of the others.
    top = max((value for value in known if value < math.inf), default=0.0)
    start = min(known[0], top)
    record = list(accumulate((min(value, top) for value in values), max))
    count = min(len(values), most - 2)  # besides the first and the last frame
    levels = [min(start + (top - start) * step / max(count - 1, 1), top) for step in range(count)]
    return sorted({0, len(values) - 1, *(bisect_left(record, level) for level in levels)})


def _known(value: float | None) -> float:
    return -math.inf if value is None or math.isnan(value) else value
