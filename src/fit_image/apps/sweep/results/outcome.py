"""Outcomes of trials, and their groups over seeds."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fit_image.apps.fit.directory import FitMetrics
from fit_image.apps.hidden_layers import silent_units
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial, layers_label
from fit_image.apps.sweep.results.halving import reasons_to_stop
from fit_image.config.fit import option_of
from fit_image.config.usage import unused_fields
from fit_image.errors import InputError, excerpt, one_line
from fit_image.storage.dataclass_json import to_json

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
    """

    trial: Trial
    status: str
    rows: tuple[FitMetrics, ...] = ()
    message: str = ""
    path: Path | None = None
    stalled: str | None = None

    @property
    def shown_status(self) -> str:
        """The status as tables show it, which tells whether nothing was learned."""
        return f"{self.status}, learned nothing" if self.stalled else self.status

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
    return Outcome(trial, status, rows, message, run.path, stalled)


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
    """Return the trials that are neither done nor diverged nor stopped."""
    ended = {each.trial.key for each in outcomes if each.status in ENDED}
    return [trial for trial in trials if trial.key not in ended]


@dataclass(frozen=True)
class SeedGroup:
    """Outcomes of trials that differ only in the seed.

    Attributes
    ----------
    label : str
        Distinguishes the group from the others of its sweep, such as ``4x300, lr 0.1``.
    outcomes : tuple of Outcome
        By increasing seed.
    """

    label: str
    outcomes: tuple[Outcome, ...]

    @property
    def trial(self) -> Trial:
        """Trial of the lowest seed, for the settings that all seeds share."""
        return self.outcomes[0].trial

    @property
    def status(self) -> str:
        """Common status of the seeds, or the number of seeds of each."""
        counts = sorted(Counter(outcome.shown_status for outcome in self.outcomes).items())
        if len(counts) == 1:
            return counts[0][0]
        return ", ".join(f"{number} {status}" for status, number in counts)

    @property
    def done(self) -> tuple[Outcome, ...]:
        """Outcomes with status ``done``, over which means are taken."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "done")

    @property
    def compared(self) -> tuple[Outcome, ...]:
        """Outcomes with status ``done``, or else those that were stopped after equal epochs."""
        return self.done or tuple(each for each in self.outcomes if each.status == "stopped")

    @property
    def stopped_at(self) -> int | None:
        """Epoch after which all seeds were stopped by successive halving, None if they were not."""
        stopped = () if self.done else self.compared
        return max((outcome.epochs for outcome in stopped), default=None)

    @property
    def drawn(self) -> list[Outcome]:
        """Outcomes with a PSNR: those done, or else all."""
        return [outcome for outcome in self.done or self.outcomes if outcome.drawn]

    def statistics(self, name: str) -> Statistics | None:
        """Return the statistics of one of `Outcome.measured` over the seeds that are done."""
        return Statistics.of([outcome.measured[name] for outcome in self.done])


@dataclass(frozen=True)
class Statistics:
    """Statistics over seeds; the deviation is that of the sample, 0 for a single value."""

    mean: float
    deviation: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Statistics | None:
        """Return the statistics; None without values, or if one is missing or infinite."""
        numbers = [value for value in values if value is not None and math.isfinite(value)]
        if not numbers or len(numbers) < len(values):
            return None
        deviation = statistics.stdev(numbers) if len(numbers) > 1 else 0.0
        return cls(statistics.fmean(numbers), deviation, min(numbers), max(numbers))


def group_by_seed(outcomes: Sequence[Outcome]) -> list[SeedGroup]:
    """Return the groups, in the order of their first trials."""
    members: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        members.setdefault(outcome.trial.with_seed(0).key, []).append(outcome)
    labels = _labels([each[0].trial for each in members.values()])
    return [
        SeedGroup(label, tuple(sorted(each, key=lambda outcome: outcome.trial.seed)))
        for label, each in zip(labels, members.values(), strict=True)
    ]


def trial_labels(trials: Sequence[Trial]) -> dict[str, str]:
    """Return the labels of trials by key, with the seed if there are several seeds."""
    groups = group_by_seed([Outcome(trial, "waiting") for trial in trials])
    seeds = any(len(group.outcomes) > 1 for group in groups)
    return {
        outcome.trial.key: f"{group.label}, seed {outcome.trial.seed}" if seeds else group.label
        for group in groups
        for outcome in group.outcomes
    }


# Fields that label a trial, the most telling first; those that follow from others are left out.
_LABEL_ORDER = ("picture", "preset", "layers", "encoding", "activation", "optimizer")


def distinguishing_fields(trials: Sequence[Trial]) -> list[str]:
    """Return the names of few fields that distinguish all trials, the seed left out."""
    settings = [trial_settings(trial) for trial in trials]
    names = [*_LABEL_ORDER, *(name for name in settings[0] if name not in _LABEL_ORDER)]
    chosen: list[str] = []

    def distinct(names: Sequence[str]) -> int:
        return len({tuple(each[name] for name in names) for each in settings})

    for name in names:
        if name != "seed" and distinct([*chosen, name]) > distinct(chosen):
            chosen.append(name)
    return chosen


def _labels(trials: Sequence[Trial]) -> list[str]:
    if not trials:
        return []
    names = distinguishing_fields(trials) or ["layers"]
    pictures = _names({each.manifest.picture.sha256: each.manifest.picture.path for each in trials})
    labels = []
    for trial in trials:
        unused = unused_fields(trial.manifest.fit)
        parts = (_format_setting(trial, name, pictures) for name in names if name not in unused)
        labels.append(", ".join(parts))
    return labels


def _names(paths: Mapping[str, str]) -> dict[str, str]:
    """Return names of pictures by SHA-256, as short as possible without being ambiguous."""
    stems = {sha256: _printable(Path(path).stem) for sha256, path in paths.items()}
    whole = {sha256: _printable(path) for sha256, path in paths.items()}
    # A picture that was replaced has the same path as its successor.
    numbered = {sha256: f"{name} ({sha256[:8]})" for sha256, name in whole.items()}
    return next(
        (names for names in (stems, whole) if len({*names.values()}) == len(names)), numbered
    )


def _printable(name: str) -> str:
    return excerpt("".join(letter if letter.isprintable() else "?" for letter in name))


def _format_setting(trial: Trial, name: str, pictures: Mapping[str, str]) -> str:
    if name == "layers":
        return layers_label(trial.manifest.fit.layers)
    value = trial_settings(trial)[name]
    if name == "picture":
        return pictures[value]
    if name in _LABEL_ORDER and value != "none":
        return excerpt(value)
    text = "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{option_of(name).removeprefix('--').replace('-', ' ')} {text}"


def trial_settings(trial: Trial) -> dict[str, Any]:
    """Return all settings of a trial by field name; the picture is its SHA-256."""
    manifest = trial.manifest
    return {
        "picture": manifest.picture.sha256,
        "preset": manifest.preset,
        **to_json(manifest.fit),
        **to_json(manifest.image),
        "frame_every": manifest.record.frame_every,
    }
