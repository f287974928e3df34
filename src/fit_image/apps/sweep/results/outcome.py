"""Outcomes of trials, read from their folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.hidden_layers import silent_units
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.halving import reasons_to_stop
from fit_image.errors import InputError, one_line

LEVELS = (20, 25, 30)
"""PSNR levels in dB; the time to reach each is a result."""

FINISHED = ("done", "diverged")
"""Statuses of trials that have been trained to their end."""

ENDED = (*FINISHED, "stopped")
"""Statuses of trials that need no more training."""


@dataclass(frozen=True)
class Outcome:
    """Outcome of a trial so far.

    Attributes
    ----------
    trial : Trial
    status : str
        ``waiting``, ``running``, ``interrupted``, ``paused`` (at a rung of successive halving),
        ``failed``, or one of `ENDED`.
    rows : tuple of FitMetrics
        Metrics of each epoch.
    message : str
        Reason of a failure, or of being stopped; or empty.
    path : Path or None
        Folder of the run; None before it has started.
    stalled : str or None
        Why nothing was learned; None if something was.
    has_model : bool
        Whether its folder has a model.
    """

    trial: Trial
    status: str
    rows: tuple[FitMetrics, ...] = ()
    message: str = ""
    path: Path | None = None
    stalled: str | None = None
    has_model: bool = False

    @property
    def epochs(self) -> int:
        """Epochs trained; the last may be partial, at a time limit."""
        return self.rows[-1].epoch if self.rows else 0

    @property
    def seconds(self) -> float:
        """Training time."""
        return self.rows[-1].seconds if self.rows else 0.0

    @cached_property
    def drawn(self) -> list[FitMetrics]:
        """Rows that have a PSNR."""
        return [row for row in self.rows if row.psnr is not None]

    @property
    def psnr(self) -> float | None:
        """PSNR of the last frame in dB; infinite for a perfect copy."""
        return self.drawn[-1].psnr if self.drawn else None

    @property
    def best_psnr(self) -> float | None:
        """PSNR of the best frame in dB."""
        return max((row.psnr for row in self.drawn if row.psnr is not None), default=None)

    @property
    def unseen_psnr(self) -> float | None:
        """PSNR of the last frame's pixels that were never shown, in dB; None if all were."""
        return self.drawn[-1].unseen_psnr if self.drawn else None

    @property
    def best_unseen_psnr(self) -> float | None:
        """The best of these PSNRs."""
        values = (row.unseen_psnr for row in self.drawn if row.unseen_psnr is not None)
        return max(values, default=None)

    @cached_property
    def silent(self) -> list[dict[str, Any]] | None:
        """Units that never answer, as `silent_units` tells them."""
        return None if self.path is None else silent_units(self.path)

    @property
    def never_answer(self) -> int | None:
        """Number of hidden units that never answer."""
        return None if self.silent is None else sum(each["never_answer"] for each in self.silent)

    @cached_property
    def measured(self) -> dict[str, float | None]:
        """Measurements by column of ``results.csv``."""
        return {
            "epochs_learned": self.epochs,
            "psnr": self.psnr,
            "best_psnr": self.best_psnr,
            "unseen_psnr": self.unseen_psnr,
            "best_unseen_psnr": self.best_unseen_psnr,
            "seconds": self.seconds,
            **{f"seconds_to_{level}": self.seconds_to(level) for level in LEVELS},
            "never_answer": self.never_answer,
        }

    @property
    def whole_epochs(self) -> int:
        """Complete epochs: a time limit may cut the last one short."""
        limit = self.trial.manifest.fit.time_limit
        return self.epochs - (limit is not None and self.seconds >= limit)

    @property
    def work(self) -> float:
        """FLOPs of training so far; the last epoch counts in full."""
        return self.trial.work * self.trial.epoch_size * self.epochs

    def seconds_to(self, level: float) -> float | None:
        """Return the training time to the first frame of at least this PSNR, None without one."""
        return next((row.seconds for row in self.drawn if (row.psnr or 0.0) >= level), None)


def read_outcome(folder: SweepDirectory, trial: Trial) -> Outcome:
    """Read the outcome of a trial from its folder; `InputError` if a file is damaged."""
    run = folder.run(trial)
    failure = folder.failures.get(trial.key, "")
    if run is None:
        return Outcome(trial, "failed" if failure else "waiting", message=failure)
    rows = tuple(run.metrics.read())
    learned = rows[-1].epoch if rows else 0
    if run.result and run.result.status == "done" and learned < run.result.epochs:
        raise InputError(
            f"{run.path / 'metrics.csv'} is damaged: epochs are missing; "
            "delete its folder to train the trial again"
        )
    status = run.result.status if run.result else "running"
    if failure and status not in FINISHED:
        status = "failed"
    message = failure if status == "failed" else ""
    stalled = run.result.stalled if run.result else None
    stalled = stalled and one_line(stalled)  # of a file that may be a stranger's
    return Outcome(trial, status, rows, message, run.path, stalled, run.model.exists())


def read_outcomes(folder: SweepDirectory) -> list[Outcome]:
    """Read the outcomes of all trials of a sweep, in its order.

    Raises
    ------
    InputError
        If a file is damaged or cannot be read.
    """
    outcomes = [read_outcome(folder, trial) for trial in folder.trials]
    stopped = {} if folder.halving is None else reasons_to_stop(outcomes, folder.halving)
    return [
        replace(each, status="stopped", message=stopped[each.trial.key])
        if each.trial.key in stopped
        else each
        for each in outcomes
    ]


def count_stalled(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return the number of trials that learned nothing, if there are some, as a JSON value."""
    stalled = sum(outcome.stalled is not None for outcome in outcomes)
    return {"learned_nothing": stalled} if stalled else {}


def unfinished(outcomes: Sequence[Outcome], trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that are neither done nor diverged nor stopped, or have lost their model.

    That is made again from their checkpoints.
    """
    ended = {each.trial.key for each in outcomes if each.status in ENDED and each.has_model}
    return [trial for trial in trials if trial.key not in ended]
