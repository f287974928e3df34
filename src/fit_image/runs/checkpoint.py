"""When a training is saved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class CheckpointPolicy:
    """How often a training is saved.

    Attributes
    ----------
    share : float
        Of the time, that saving may take.
    shortest, longest : float
        Seconds from one checkpoint to the next, whatever the share.
    at_epoch_ends : bool
        Whether an epoch that has ended is saved after less than ``shortest``.
    """

    share: float = 1 / 30
    shortest: float = 45.0
    longest: float = float("inf")
    at_epoch_ends: bool = True


class CheckpointTimer:
    """Knows when the next checkpoint is due."""

    def __init__(self, policy: CheckpointPolicy) -> None:
        self._policy = policy
        self._saved_at = time.monotonic()
        self._cost = 0.0

    def is_due(self, *, epoch_ended: bool) -> bool:
        """Return whether it is time to save."""
        policy = self._policy
        shortest = 0.0 if epoch_ended and policy.at_epoch_ends else policy.shortest
        interval = min(max(self._cost / policy.share, shortest), policy.longest)
        return time.monotonic() - self._saved_at >= interval

    def save(self, write: Callable[[], None]) -> None:
        """Save, and note how long it took."""
        began = time.monotonic()
        write()
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - began
