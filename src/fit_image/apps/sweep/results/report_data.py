"""Curves of the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.sweep.results.seed_group import SeedGroup

MAX_CURVES = 40
"""Maximum number of groups in the chart."""

_POINTS = 100  # per curve, evenly spaced on a linear axis, and as many on a logarithmic one


def best_first(groups: Sequence[SeedGroup]) -> list[int]:
    """Return the indices of groups with a PSNR, by falling mean over the seeds.

    Those that were stopped come last, the first stopped at the very end.
    """
    ranked = []
    for index, group in enumerate(groups):
        values = [outcome.psnr for outcome in group.drawn if outcome.psnr is not None]
        if values:
            stopped_at = -(group.stopped_at or math.inf)
            ranked.append((stopped_at, -sum(values) / len(values), index))
    return [index for *_, index in sorted(ranked)]


def curves(group: SeedGroup, column: str = "psnr") -> dict[str, Any]:
    """Return PSNR against epochs and seconds: mean, least and most over the seeds.

    ``column`` is that of `FitMetrics`: ``psnr``, or ``unseen_psnr`` of the pixels that were never
    shown. It is interpolated between frames. A curve ends with the first seed that ends. If one
    seed ended before the first frame of another, seconds are the mean over seeds of those to each
    epoch.

    Returns
    -------
    dict
        ``epochs`` and ``seconds``, each with lists ``x``, ``mean``, ``least`` and ``most``, in dB;
        ``work``, the FLOPs of an epoch; and ``seeds``, the number of seeds in the mean.
    """
    runs = []
    for outcome in group.drawn:
        rows = [
            (row.epoch, row.seconds, psnr)
            for row in outcome.drawn
            if (psnr := getattr(row, column)) is not None and math.isfinite(psnr)
        ]
        if rows:
            runs.append(np.array(rows, np.float64).T)
    by_epochs = _curve([(epochs, psnr) for epochs, _, psnr in runs])
    by_seconds = _curve([(seconds, psnr) for _, seconds, psnr in runs])
    if not by_seconds["x"] and by_epochs["x"]:
        times = [np.interp(by_epochs["x"], epochs, seconds) for epochs, seconds, _ in runs]
        by_seconds = by_epochs | {"x": _round(np.mean(times, axis=0))}
    return {
        "epochs": by_epochs,
        "seconds": by_seconds,
        "work": group.trial.work * group.trial.epoch_size,
        "seeds": len(runs),
    }


def _curve(runs: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]) -> Any:
    start = max((x[0] for x, _ in runs), default=0.0)
    stop = min((x[-1] for x, _ in runs), default=-1.0)
    if stop < start:
        return {"x": [], "mean": [], "least": [], "most": []}
    points = np.unique(np.concatenate([x for x, _ in runs]).clip(start, stop))
    if len(points) > 2 * _POINTS:
        last = len(points) - 1
        even, early = np.linspace(0, last, _POINTS), np.geomspace(1, last, _POINTS)
        points = points[np.unique(np.rint(np.concatenate([even, early])).astype(int))]
    psnr = np.array([np.interp(points, x, values) for x, values in runs])
    return {
        "x": _round(points),
        "mean": psnr.mean(axis=0).round(3).tolist(),
        "least": psnr.min(axis=0).round(3).tolist(),
        "most": psnr.max(axis=0).round(3).tolist(),
    }


def _round(points: npt.NDArray[np.float64]) -> list[float]:
    return [float(f"{point:.5g}") for point in points]
