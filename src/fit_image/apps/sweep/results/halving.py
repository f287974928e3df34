"""Successive halving as far as the trials have come: the rungs reached, and who goes on."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.sweep.plan.halving import Rungs, rungs_of
from fit_image.apps.sweep.plan.trial import Trial, by_target


class Competitor(Protocol):
    """The part of a trial's outcome that successive halving reads."""

    @property
    def trial(self) -> Trial:
        """The trial."""

    @property
    def status(self) -> str:
        """Its status."""

    @property
    def epochs(self) -> int:
        """Epochs trained."""

    @property
    def drawn(self) -> Sequence[FitMetrics]:
        """Metrics of the epochs that have a PSNR."""


Network = tuple[Competitor, ...]
"""Outcomes of trials that differ only in the seed: they go on or stop together."""


@dataclass(frozen=True)
class Rung:
    """An epoch at which networks were compared, by the mean PSNR over their seeds.

    Attributes
    ----------
    epoch : int
    ranking : tuple of Network
        The best first.
    kept : int
        How many of them go on.
    """

    epoch: int
    ranking: tuple[Network, ...]
    kept: int


@dataclass(frozen=True)
class Contest:
    """Successive halving among the networks of one picture.

    It follows from the metrics of the trials alone, so that it goes on after any interruption.

    Attributes
    ----------
    rungs : Rungs
    passed : tuple of Rung
        Those that all have reached who were to.
    going : tuple of Network
        Those that go on.
    """

    rungs: Rungs
    passed: tuple[Rung, ...]
    going: tuple[Network, ...]

    @classmethod
    def of(cls, outcomes: Sequence[Competitor], factor: int) -> Contest:
        """Return the contest of the outcomes of one picture."""
        rungs = rungs_of([outcome.trial for outcome in outcomes], factor)
        members: dict[str, list[Competitor]] = {}
        for outcome in outcomes:
            members.setdefault(outcome.trial.with_seed(0).key, []).append(outcome)
        going, passed = tuple(map(tuple, members.values())), []
        for epoch, kept in zip(rungs.epochs, rungs.networks[1:], strict=False):
            if not all(_has_reached(each, epoch) for network in going for each in network):
                break
            # Of equal ones, those that come first in the sweep.
            ranking = sorted(going, key=lambda network: -mean_psnr(network, epoch))
            passed.append(Rung(epoch, tuple(ranking), kept))
            keys = {network[0].trial.key for network in ranking[:kept]}
            going = tuple(network for network in going if network[0].trial.key in keys)
        return cls(rungs, tuple(passed), going)

    @property
    def until(self) -> int:
        """The epoch to which those that go on are trained next."""
        return self.rungs.epochs[len(self.passed)]

    @property
    def late(self) -> list[Competitor]:
        """Outcomes of trials that have not reached it."""
        return [
            outcome
            for network in self.going
            for outcome in network
            if not _has_reached(outcome, self.until)
        ]

    @property
    def expected_shares(self) -> dict[str, float]:
        """Share of its epochs that a trial trains, by key: the mean over what may come."""
        last = self.rungs.epochs[-1]
        shares = {each.trial.key: rung.epoch / last for each, _, rung in self._dropped()}
        expected = self.rungs.expected_share(len(self.passed))
        return shares | {each.trial.key: expected for network in self.going for each in network}

    def stopped(self) -> Iterator[tuple[Competitor, str]]:
        """Yield the outcomes of trials that do not go on though they could, with the reasons."""
        last = self.rungs.epochs[-1]
        for outcome, place, rung in self._dropped():
            if outcome.status not in ("done", "diverged", "failed"):
                at = f"at epoch {rung.epoch} of {last}"
                yield outcome, f"{at}, place {place} of {len(rung.ranking)}"

    def _dropped(self) -> Iterator[tuple[Competitor, int, Rung]]:
        """Yield the outcomes that do not go on, with their places from 1 on."""
        for rung in self.passed:
            for place, network in enumerate(rung.ranking[rung.kept :], start=rung.kept + 1):
                for outcome in network:
                    yield outcome, place, rung


def contests(outcomes: Sequence[Competitor], factor: int) -> list[Contest]:
    """Return the contests of the pictures of a sweep."""
    return [Contest.of(each, factor) for each in by_target(outcomes, lambda each: each.trial)]


def reasons_to_stop(outcomes: Sequence[Competitor], factor: int) -> dict[str, str]:
    """Return where the trials of a sweep stand that do not go on though they could, by key."""
    return {
        outcome.trial.key: reason
        for contest in contests(outcomes, factor)
        for outcome, reason in contest.stopped()
    }


def mean_psnr(network: Network, epoch: int) -> float:
    """Return the mean PSNR at an epoch; minus infinity if a trial did not get there."""
    values = [_psnr_of_trial(outcome, epoch) for outcome in network]
    return -math.inf if -math.inf in values else statistics.fmean(values)


def _has_reached(outcome: Competitor, epoch: int) -> bool:
    """Return whether a trial is saved after an epoch, or will not get there."""
    if outcome.status in ("done", "diverged", "failed"):
        return True
    # Of one that was killed, metrics may be newer than what is saved.
    return outcome.epochs >= epoch and outcome.status != "running"


def _psnr_of_trial(outcome: Competitor, epoch: int) -> float:
    if outcome.epochs < epoch and outcome.status != "done":
        return -math.inf
    drawn = [row.psnr for row in outcome.drawn if row.epoch <= epoch and row.psnr is not None]
    return drawn[-1] if drawn else -math.inf
