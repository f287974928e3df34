"""Groups of outcomes over seeds, and statistics of them."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.labels import label_trials
from fit_image.apps.sweep.results.outcome import Outcome


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
        counts = sorted(Counter(outcome.status for outcome in self.outcomes).items())
        if len(counts) == 1:
            return counts[0][0]
        return ", ".join(f"{number} {status}" for status, number in counts)

    @property
    def stalled(self) -> tuple[str, ...]:
        """Why those seeds learned nothing that did not."""
        return tuple(outcome.stalled for outcome in self.outcomes if outcome.stalled)

    @property
    def done(self) -> tuple[Outcome, ...]:
        """Outcomes with status ``done``."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "done")

    @property
    def compared(self) -> tuple[Outcome, ...]:
        """Outcomes over which means are taken: those done, or else those stopped, at one epoch."""
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
        """Return the statistics of one of `Outcome.measured` over those `compared`."""
        return Statistics.of([outcome.measured[name] for outcome in self.compared])


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
    labels = label_trials([each[0].trial for each in members.values()])
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
