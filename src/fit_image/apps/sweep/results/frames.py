"""Frames of trials, with their metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from fit_image.apps.report.frames import RunFrames
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.results.outcome import Outcome


@dataclass(frozen=True, eq=False)
class TrialFrames(RunFrames):
    """Frames of a trial, at least one.

    Attributes
    ----------
    label : str
        Of the trial's group.
    outcome : Outcome
    """

    label: str
    outcome: Outcome

    @classmethod
    def of(cls, folder: SweepDirectory, label: str, outcomes: Iterable[Outcome]) -> Self | None:
        """Return the frames of the first of these trials that has any, None without one."""
        for outcome in outcomes:
            run = folder.run(outcome.trial)
            frames = run and RunFrames.of_run(run, outcome.rows)
            if frames:
                return cls(**vars(frames), label=label, outcome=outcome)
        return None

    @property
    def best_psnr(self) -> float:
        """PSNR of the best frame in dB; minus infinity without one."""
        return max((row.psnr for row in self.rows if row.psnr is not None), default=-math.inf)
