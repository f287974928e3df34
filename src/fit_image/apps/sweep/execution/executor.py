"""What runs trials, and what it tells meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from fit_image.apps.sweep.plan.trial import Trial


@dataclass(frozen=True)
class Started:
    """A trial has begun, or goes on from its checkpoint."""

    trial: Trial


@dataclass(frozen=True)
class Advanced:
    """A trial has learned some more.

    Attributes
    ----------
    trial : Trial
    epoch : int
        The one under way.
    share : float
        Of the trial's epochs, or of its time if that will be up before; 0..1.
    seconds : float
        Of training so far.
    psnr : float or None
        Of the newest picture, in dB.
    """

    trial: Trial
    epoch: int
    share: float
    seconds: float
    psnr: float | None


@dataclass(frozen=True)
class Ended:
    """A trial has come to an end here.

    Attributes
    ----------
    trial : Trial
    status : str
        ``done``, ``diverged``, ``interrupted`` or ``failed``.
    message : str
        Why it failed, or empty.
    """

    trial: Trial
    status: str
    message: str = ""


@dataclass(frozen=True)
class Notice:
    """Something that a person might want to know."""

    text: str


Event = Started | Advanced | Ended | Notice


class Executor(Protocol):
    """Runs trials, each in its folder.

    As a context it leaves nothing behind that still runs.
    """

    def __enter__(self) -> Self:
        """Find out that everything needed is there."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End at once what still runs."""

    def events(self) -> Iterator[Event | None]:
        """Run all trials and yield what happens; None several times a second when nothing does.

        Every trial that starts ends, unless the iteration is left.

        Raises
        ------
        FitImageError
            If it makes no sense to go on, such as when the disk is full.
        """

    def stop(self) -> None:
        """Ask what runs to save its state and to end; `events` goes on until it has."""
