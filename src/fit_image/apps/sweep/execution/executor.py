"""Executors of trials, and the events that they report."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

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
    """A trial has ended: ``done``, ``diverged``, ``interrupted`` or ``failed``, with the reason.

    With successive halving also ``paused``, at a rung, and then perhaps ``stopped`` for good.
    """

    trial: Trial
    status: str
    message: str = ""


@dataclass(frozen=True)
class Notice:
    """A message for the user."""

    text: str


@dataclass(frozen=True)
class Expected:
    """Shares of their epochs, by key, that trials are expected to train; of others all."""

    shares: Mapping[str, float]


Event = Started | Advanced | Ended | Notice | Expected


class Executor(AbstractContextManager["Executor"]):
    """Trains trials, each in its own folder; as a context, it leaves nothing running.

    Entering it checks the requirements, and connects where needed.

    Attributes
    ----------
    is_stopping : bool
        Whether `stop` was called: no further trial starts.
    """

    is_stopping = False

    @abstractmethod
    def events(
        self, trials: Sequence[Trial], until: Mapping[str, int] | None = None
    ) -> Iterator[Event | None]:
        """Train trials and yield events; None several times a second when there is none.

        Every trial that starts also ends, unless the iteration is abandoned. May be called again
        afterwards.

        Parameters
        ----------
        trials : sequence of Trial
            In the order in which they start.
        until : mapping of str to int, optional
            Epochs after which trials are paused, by key.

        Raises
        ------
        FitImageError
            If the sweep cannot continue, for example because the disk is full.
        """

    @abstractmethod
    def stop(self) -> None:
        """Ask running trials to save a checkpoint and stop; `events` continues until they have."""
