"""Training of a sweep's trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fit_image.apps.sweep.execution.executor import Ended, Event, Executor
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial


def run_sweep(
    folder: SweepDirectory, executor: Executor, trials: Sequence[Trial]
) -> Iterator[Event | None]:
    """Train trials, and record failures in the sweep's folder.

    Yields
    ------
    Event or None
        Of the executor; None several times a second when there is none.

    Raises
    ------
    FitImageError
        If the sweep cannot continue.
    """
    for trial in trials:
        folder.failures.pop(trial.key, None)
    folder.write()
    for event in executor.events():
        if isinstance(event, Ended) and event.status == "failed":
            folder.failures[event.trial.key] = event.message
            folder.write()
        yield event
