"""Frames of trials, with their metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fit_image.animation.film import Pixels, frame_paths, read_frame
from fit_image.apps.fit.directory import FitMetrics
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.images.decoding import parse_background

_UNTRAINED = FitMetrics(0, math.nan, None, 0.0)


@dataclass(frozen=True, eq=False)
class TrialFrames:
    """Frames of a trial, at least one.

    Attributes
    ----------
    label : str
        Of the trial's group.
    outcome : Outcome
    target : Path
        The picture that the trial learns.
    files : list of Path
        In the order of the epochs.
    rows : list of FitMetrics
        Metrics of each frame; epoch 0 is the untrained network.
    """

    label: str
    outcome: Outcome
    target: Path
    files: list[Path]
    rows: list[FitMetrics]

    @classmethod
    def of(cls, folder: SweepDirectory, label: str, outcomes: Iterable[Outcome]) -> Self | None:
        """Return the frames of the first of these trials that has any, None without one."""
        for outcome in outcomes:
            run = folder.run(outcome.trial)
            rows = {row.epoch: row for row in (_UNTRAINED, *outcome.rows)}
            drawn = frame_paths(run.frames) if run else []
            files = {epoch: file for epoch, file in drawn if epoch in rows}
            if run and files:
                known = [rows[epoch] for epoch in files]
                return cls(label, outcome, run.target, [*files.values()], known)
        return None

    @property
    def best_psnr(self) -> float:
        """PSNR of the best frame in dB; minus infinity without one."""
        return max((row.psnr for row in self.rows if row.psnr is not None), default=-math.inf)

    def read(self, file: Path) -> Pixels:
        """Read a frame or the target as uint8 (height, width, 3), without transparency."""
        return read_frame(file, parse_background(self.outcome.trial.manifest.image.background))
