"""What became of trials: each by itself, and those that differ in the seed only together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial, layers_label
from fit_image.apps.usage import unused_fields
from fit_image.config import option_of
from fit_image.errors import InputError
from fit_image.metrics import Row
from fit_image.strict_json import to_json

LEVELS = (20, 25, 30)
"""PSNRs in dB, the time to which is a result."""

FINISHED = ("done", "diverged")
"""Statuses with which nothing is left to do."""


@dataclass(frozen=True)
class Outcome:
    """How far a trial has come.

    Attributes
    ----------
    trial : Trial
    status : str
        ``waiting``, ``running``, ``interrupted``, ``failed``, or one of `FINISHED`.
    epochs : int
        Learned so far; the last one perhaps in part, at a time limit.
    seconds : float
        Of training so far.
    rows : tuple of Row
        The metrics of each epoch.
    message : str
        Why it failed, or empty.
    """

    trial: Trial
    status: str
    epochs: int = 0
    seconds: float = 0.0
    rows: tuple[Row, ...] = ()
    message: str = ""

    @property
    def drawn(self) -> list[Row]:
        """The rows that have a PSNR."""
        return [row for row in self.rows if row.psnr is not None]

    @property
    def psnr(self) -> float | None:
        """Of the last picture drawn, in dB; infinite for a perfect one."""
        return self.drawn[-1].psnr if self.drawn else None

    @property
    def best_psnr(self) -> float | None:
        """Of the best picture drawn, in dB."""
        return max((row.psnr for row in self.drawn if row.psnr is not None), default=None)

    @property
    def whole_epochs(self) -> int:
        """Epochs learned in full: a time limit may cut the last one short."""
        limit = self.trial.manifest.fit.time_limit
        return self.epochs - (limit is not None and self.seconds >= limit)

    @property
    def work(self) -> float:
        """Operations of learning done so far; the last epoch counts in full."""
        picture = self.trial.manifest.picture
        return self.trial.work * picture.width * picture.height * self.epochs

    def seconds_to(self, level: float) -> float | None:
        """Return the training time until a picture of this PSNR was drawn, None if none was."""
        return next((row.seconds for row in self.drawn if (row.psnr or 0.0) >= level), None)


def read_outcome(folder: SweepDirectory, trial: Trial) -> Outcome:
    """Read from disk what became of a trial.

    Raises
    ------
    InputError
        If a file of it is damaged or cannot be read.
    """
    run = folder.run(trial)
    failure = folder.failures.get(trial.key, "")
    if run is None:
        return Outcome(trial, "failed" if failure else "waiting", message=failure)
    rows = tuple(run.metrics.read())
    learned = rows[-1].epoch if rows else 0
    if run.result and run.result.status == "done" and learned < run.result.epochs:
        raise InputError(
            f"{run.path / 'metrics.csv'} is damaged: epochs are missing; "
            "without its folder, the trial is trained again"
        )
    status = run.result.status if run.result else "running"
    if failure and status not in FINISHED:
        status = "failed"
    return Outcome(
        trial,
        status,
        learned,
        rows[-1].seconds if rows else 0.0,
        rows,
        failure if status == "failed" else "",
    )


@dataclass(frozen=True)
class SeedGroup:
    """The outcomes of trials that differ in the seed only.

    Attributes
    ----------
    label : str
        What tells the group from the others of its sweep, such as ``4x300, lr 0.1``.
    outcomes : tuple of Outcome
        In the order of the seeds.
    """

    label: str
    outcomes: tuple[Outcome, ...]

    @property
    def first(self) -> Outcome:
        """The outcome of the lowest seed."""
        return self.outcomes[0]

    @property
    def trial(self) -> Trial:
        """The trial of the lowest seed, which has all that the others have in common."""
        return self.first.trial

    @property
    def done(self) -> tuple[Outcome, ...]:
        """The outcomes that count in means: those of trials done."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "done")


@dataclass(frozen=True)
class Statistics:
    """Mean and spread of a figure over seeds.

    Attributes
    ----------
    mean, deviation, least, most : float
        The standard deviation is that of a sample, 0 for a single one.
    """

    mean: float
    deviation: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Statistics | None:
        """Return the spread; None where a value is missing or infinite, or there are none."""
        numbers = [value for value in values if value is not None and math.isfinite(value)]
        if not numbers or len(numbers) < len(values):
            return None
        deviation = statistics.stdev(numbers) if len(numbers) > 1 else 0.0
        return cls(statistics.fmean(numbers), deviation, min(numbers), max(numbers))


def group_by_seed(outcomes: Sequence[Outcome]) -> list[SeedGroup]:
    """Return the groups, in the order in which the first trial of each was asked for."""
    members: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        members.setdefault(outcome.trial.with_seed(0).key, []).append(outcome)
    labels = _labels([each[0].trial for each in members.values()])
    return [
        SeedGroup(label, tuple(sorted(each, key=lambda outcome: outcome.trial.seed)))
        for label, each in zip(labels, members.values(), strict=True)
    ]


def trial_labels(trials: Sequence[Trial]) -> dict[str, str]:
    """Return what trials are called, by their keys; with the seed where there are several."""
    groups = group_by_seed([Outcome(trial, "waiting") for trial in trials])
    seeds = any(len(group.outcomes) > 1 for group in groups)
    return {
        outcome.trial.key: f"{group.label}, seed {outcome.trial.seed}" if seeds else group.label
        for group in groups
        for outcome in group.outcomes
    }


# In this order, what differs is taken for the question; what follows from it is left out.
_ASKED_FIRST = ("picture", "preset", "layers", "encoding", "activation", "optimizer")


def distinguishing_fields(trials: Sequence[Trial]) -> list[str]:
    """Return the names of the fewest fields that tell trials apart, the seed left out."""
    facts = [configuration(trial) for trial in trials]
    names = [*_ASKED_FIRST, *(name for name in facts[0] if name not in _ASKED_FIRST)]
    kept: list[str] = []
    for name in names:
        if name != "seed" and len({_values(each, [*kept, name]) for each in facts}) > len(
            {_values(each, kept) for each in facts}
        ):
            kept.append(name)
    return kept


def _labels(trials: Sequence[Trial]) -> list[str]:
    if not trials:
        return []
    names = distinguishing_fields(trials) or ["layers"]
    pictures = _names({each.manifest.picture.sha256: each.manifest.picture.path for each in trials})
    labels = []
    for trial in trials:
        unused = unused_fields(trial.manifest.fit)
        parts = (_shown(trial, name, pictures) for name in names if name not in unused)
        labels.append(", ".join(parts))
    return labels


def _names(paths: Mapping[str, str]) -> dict[str, str]:
    """Return what pictures are called, by their SHA-256: as short as tells them apart."""
    stems = {sha256: _printable(Path(path).stem) for sha256, path in paths.items()}
    whole = {sha256: _printable(path) for sha256, path in paths.items()}
    # A picture that was replaced has the path of its successor.
    numbered = {sha256: f"{name} ({sha256[:8]})" for sha256, name in whole.items()}
    return next(
        (names for names in (stems, whole) if len({*names.values()}) == len(names)), numbered
    )


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _shown(trial: Trial, name: str, pictures: Mapping[str, str]) -> str:
    if name == "layers":
        return layers_label(trial.manifest.fit.layers)
    value = configuration(trial)[name]
    if name == "picture":
        return pictures[value]
    if name in _ASKED_FIRST and value != "none":
        return str(value)
    text = "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{option_of(name).removeprefix('--').replace('-', ' ')} {text}"


def configuration(trial: Trial) -> dict[str, Any]:
    """Return all that decides a trial, by the names of the fields; the picture is its SHA-256."""
    manifest = trial.manifest
    return {
        "picture": manifest.picture.sha256,
        "preset": manifest.preset,
        **to_json(manifest.fit),
        **to_json(manifest.image),
        "frame_every": manifest.record.frame_every,
    }


def _values(facts: dict[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(facts[name] for name in names)
