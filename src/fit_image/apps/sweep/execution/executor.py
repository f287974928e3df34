"""Executors of trials, and the events that they report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

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
    """A trial has ended in this executor.

    Attributes
    ----------
    trial : Trial
    status : str
        ``done``, ``diverged``, ``interrupted`` or ``failed``.
    message : str
        Reason of a failure, or empty.
    """

    trial: Trial
    status: str
    message: str = ""


@dataclass(frozen=True)
class Notice:
    """A message for the user."""

    text: str


Event = Started | Advanced | Ended | Notice


class Executor(Protocol):
    """Trains trials, each in its own folder.

    A context manager: nothing is left running when it exits.
    """

    def __enter__(self) -> Self:
        """Check the requirements, and connect where needed."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Terminate what is still running."""

    def events(self) -> Iterator[Event | None]:
        """Train all trials and yield events; None several times a second when there is none.

        Every trial that starts also ends, unless the iteration is abandoned.

        Raises
        ------
        FitImageError
            If the sweep cannot continue, for example because the disk is full.
        """

    def stop(self) -> None:
        """Ask running trials to save a checkpoint and stop; `events` continues until they have."""
