"""Executors of trials, and the events that they report."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial


@dataclass(frozen=True)
class Started:
    """A trial has started, or resumed from its checkpoint."""

    trial: Trial


@dataclass(frozen=True)
class Advanced:
    """Progress of a trial.

    Attributes
    ----------
    trial : Trial
    epoch : int
        Current epoch.
    share : float
        Fraction of the trial's epochs, or of its time limit if that is larger, in 0..1.
    seconds : float
        Training time so far.
    psnr : float or None
        PSNR of the newest frame, in dB.
    """

    trial: Trial
    epoch: int
    share: float
    seconds: float
    psnr: float | None


@dataclass(frozen=True)
class Ended:
    """A trial has ended: ``done``, ``diverged``, ``interrupted`` or ``failed``, with the reason."""

    trial: Trial
    status: str
    message: str = ""


@dataclass(frozen=True)
class Notice:
    """A message for the user."""

    text: str


Event = Started | Advanced | Ended | Notice


class Executor(AbstractContextManager["Executor"]):
    """Trains trials, each in its own folder; as a context, it leaves nothing running.

    Entering it checks the requirements, and connects where needed.
    """

    @abstractmethod
    def events(self) -> Iterator[Event | None]:
        """Train all trials and yield events; None several times a second when there is none.

        Every trial that starts also ends, unless the iteration is abandoned.

        Raises
        ------
        FitImageError
            If the sweep cannot continue, for example because the disk is full.
        """

    @abstractmethod
    def stop(self) -> None:
        """Ask running trials to save a checkpoint and stop; `events` continues until they have."""


def run_sweep(
    folder: SweepDirectory, executor: Executor, trials: Sequence[Trial]
) -> Iterator[Event | None]:
    """Train trials, and record failures in the sweep's folder; yields `Executor.events`."""
    for trial in trials:
        folder.failures.pop(trial.key, None)
    folder.write()
    for event in executor.events():
        if isinstance(event, Ended) and event.status == "failed":
            folder.failures[event.trial.key] = event.message
            folder.write()
        yield event
