"""Spectra of runs as the data of charts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fit_image.apps.report.frames import RunFrames

_POINTS = 60


def spectra(frames: RunFrames, most: int) -> dict[str, Any]:
    """Return the spectra of a run's target and of its errors.

    They are of the epochs in ``spectrum.csv``, if there are many, of some of them; without that
    file, of at most ``most`` frames. The last frame is always among them.

    Returns
    -------
    dict
        ``wavelengths``; ``target``, the power of each octave in dB; and ``epochs``, ``seconds`` and
        ``errors``, lists of the same length. None stands for no power.

    Raises
    ------
    InputError
        If the target or a frame is damaged.
    FitImageError
        If a file cannot be read.
    """
    file = frames.run.spectrum
    known = file.known()
    files = {row.epoch: each for row, each in zip(frames.rows, frames.files, strict=True)}
    seconds = {row.epoch: row.seconds for row in frames.rows}
    last = frames.rows[-1].epoch
    recorded = [epoch for epoch in files if epoch in known]
    chosen = _spread(recorded, _POINTS) if recorded else _spread([*files], most // 2)
    chosen = sorted({*chosen, last})
    found = file.measured([(epoch, files[epoch]) for epoch in chosen], known)
    return {
        "wavelengths": found.wavelengths,
        "target": _decibels(found.target),
        "epochs": chosen,
        "seconds": [round(seconds[epoch], 3) for epoch in chosen],
        "errors": [_decibels(found.errors[epoch]) for epoch in chosen],
    }


def _spread(epochs: Sequence[int], points: int) -> list[int]:
    """Return so many epochs, evenly spaced on a linear axis, and as many on a logarithmic one."""
    if len(epochs) <= 2 * points:
        return [*epochs]
    if not points:
        return []
    last = len(epochs) - 1
    places = np.concatenate([np.linspace(0, last, points), np.geomspace(1, last, points)])
    return [epochs[place] for place in np.unique(np.rint(places).astype(int))]


def _decibels(power: Sequence[float]) -> list[float | None]:
    """Return the power of octaves in dB, that of the mean left out."""
    return [round(10 * math.log10(each), 2) if each > 0 else None for each in power[1:]]
