"""A sweep from its plan to its results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fit_image.apps.sweep.execution.executor import Ended, Event, Executor
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import FINISHED, Outcome, read_outcome


def read_outcomes(folder: SweepDirectory) -> list[Outcome]:
    """Read from disk what became of all trials, in their order.

    Raises
    ------
    InputError
        If a file is damaged or cannot be read.
    """
    return [read_outcome(folder, trial) for trial in folder.trials]


def unfinished(outcomes: Sequence[Outcome], trials: Sequence[Trial]) -> list[Trial]:
    """Return those of the trials that have not come to their end."""
    finished = {each.trial.key for each in outcomes if each.status in FINISHED}
    return [trial for trial in trials if trial.key not in finished]


def run_sweep(
    folder: SweepDirectory, executor: Executor, trials: Sequence[Trial]
) -> Iterator[Event | None]:
    """Run trials, and remember which of them failed.

    Yields
    ------
    Event or None
        What the executor tells; None several times a second when nothing happens.

    Raises
    ------
    FitImageError
        If it makes no sense to go on.
    """
    for trial in trials:
        folder.failures.pop(trial.key, None)
    folder.write()
    for event in executor.events():
        if isinstance(event, Ended) and event.status == "failed":
            folder.failures[event.trial.key] = event.message
            folder.write()
        yield event
