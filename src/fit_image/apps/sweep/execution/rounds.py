"""The rounds of a sweep: all trials to their end, or with successive halving from rung to rung."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from fit_image.apps.sweep.execution.cost import longest_first
from fit_image.apps.sweep.execution.executor import Ended, Event, Executor, Expected, Notice
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.halving import Contest, Network, contests
from fit_image.apps.sweep.results.outcome import ENDED, FINISHED, read_outcomes
from fit_image.apps.sweep.results.seed_group import SeedGroup, group_by_seed
from fit_image.errors import some_of

_MOST_NAMED = 5


def run_sweep(
    folder: SweepDirectory, executor: Executor, trials: Sequence[Trial]
) -> Iterator[Event | None]:
    """Train trials, and record failures in the sweep's folder; yields `Executor.events`.

    With successive halving, ``trials`` are all that have not ended: those that go on from a rung
    are known when all others have reached it. There may be ended ones, too, without a model.npz.
    """
    for trial in trials:
        folder.failures.pop(trial.key, None)
    folder.write()
    if folder.halving is None:
        yield from _run(folder, executor, longest_first(trials))
        return
    waiting = {trial.key for trial in trials}
    yield from _restore_models(folder, executor, waiting)
    while not executor.is_stopping:
        outcomes = read_outcomes(folder)
        found = contests(outcomes, folder.halving)
        for contest in found:
            yield from _stop(contest, group_by_seed(outcomes), waiting)
        shares = [each.expected_shares for each in found]
        yield Expected({key: share for each in shares for key, share in each.items()})
        until = {each.trial.key: contest.until for contest in found for each in contest.late}
        due = [trial for trial in folder.trials if trial.key in until]
        if not due or executor.is_stopping:
            return
        yield from _run(folder, executor, longest_first(due), until)


def _restore_models(
    folder: SweepDirectory, executor: Executor, waiting: Collection[str]
) -> Iterator[Event | None]:
    """Run trials that have ended, and are among those ``waiting``, from where they are."""
    ended = [
        outcome
        for outcome in read_outcomes(folder)
        if outcome.status in ENDED and outcome.trial.key in waiting
    ]
    until = {each.trial.key: each.epochs for each in ended if each.status not in FINISHED}
    yield from _run(folder, executor, [each.trial for each in ended], until)


def _stop(contest: Contest, groups: Sequence[SeedGroup], waiting: set[str]) -> Iterator[Event]:
    """Yield the ends of trials that do not go on, once of those ``waiting``, and who does."""
    labels = {group.trial.key: group.label for group in groups}
    stopped = {each.trial.key: (each.trial, reason) for each, reason in contest.stopped()}
    for rung in contest.passed:
        dropped = [each.trial.key for network in rung.ranking[rung.kept :] for each in network]
        news = [key for key in dropped if key in stopped and key in waiting]
        if news:
            going = [labels[_lowest_seed(network)] for network in rung.ranking[: rung.kept]]
            names = some_of(going, most=_MOST_NAMED)
            yield Notice(f"epoch {rung.epoch}: of {len(rung.ranking)} networks go on {names}")
        for key in news:
            waiting.remove(key)
            trial, reason = stopped[key]
            yield Ended(trial, "stopped", reason)


def _lowest_seed(network: Network) -> str:
    return min(network, key=lambda outcome: outcome.trial.seed).trial.key


def _run(
    folder: SweepDirectory,
    executor: Executor,
    trials: Sequence[Trial],
    until: dict[str, int] | None = None,
) -> Iterator[Event | None]:
    for event in executor.events(trials, until):
        if isinstance(event, Ended) and event.status == "failed":
            folder.failures[event.trial.key] = event.message
            folder.write()
        yield event
