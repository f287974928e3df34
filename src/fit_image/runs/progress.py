"""Progress of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Progress:
    """Position of a training.

    Attributes
    ----------
    epoch : int
        Epochs completed.
    position : int
        How much of the next one is learned: steps, or pixels of a picture.
    seconds : float
        Training time so far, compiling and drawing left out.
    """

    epoch: int = 0
    position: int = 0
    seconds: float = 0.0

    @property
    def begun_epochs(self) -> int:
        """Epochs completed, and the one under way."""
        return self.epoch + (self.position > 0)


@dataclass(frozen=True)
class Status:
    """Status of a recorded training.

    Attributes
    ----------
    epoch : int
        The epoch under way, or just recorded; 0 while the untrained network is drawn.
    position, epoch_size : int
        How much of it is learned, and how much there is.
    seconds : float
        Training time so far.
    metrics : object
        `Trainer.newest_metrics`.
    stalled : str or None
        `Trainer.stalled`.
    """

    epoch: int
    position: int
    epoch_size: int
    seconds: float
    metrics: Any = None
    stalled: str | None = None

    @property
    def epochs(self) -> float:
        """Epochs learned so far, the one under way by its share."""
        return self.epoch - 1 + self.position / self.epoch_size if self.epoch else 0.0
