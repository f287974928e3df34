"""What a recorder asks of a training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from fit_image.runs.checkpoint import CheckpointPolicy
from fit_image.runs.manifest import Manifest, Result, RunResult
from fit_image.runs.metrics import MetricsFile
from fit_image.runs.progress import Progress
from fit_image.runs.snapshot import Snapshot
from fit_image.storage.npz import Arrays, number_of

StepMetrics = TypeVar("StepMetrics")


class Model(Protocol):
    """A network that can be written to a model file."""

    def save(self, path: Path) -> None:
        """Write the file."""


@dataclass(frozen=True)
class EpochEnd:
    """An epoch that is learned, or as much of the last one as the time allowed.

    Attributes
    ----------
    epoch : int
        Its number; 0 is the untrained network.
    metrics : EpochMetrics
        Those of epoch 0 are not recorded.
    frame : ndarray of uint8, shape (height, width, channels), or None
        What is drawn after it, unless that is not asked for.
    model : Model or None
        To be written now; None if the model of an earlier epoch stays.
    complete : bool
        Whether all of it is learned.
    """

    epoch: int
    metrics: Any
    frame: npt.NDArray[np.uint8] | None
    model: Model | None = None
    complete: bool = True


class Trainer(ABC):
    """A network, what it learns from, and how far it has come.

    What is learned does not depend on where training stops: going on from `checkpoint` gives the
    same bits.

    Attributes
    ----------
    progress : Progress
    epoch_size : int
        Positions of an epoch.
    snapshot : Snapshot
    newest_metrics : object
        What the line of progress shows.
    checkpoint_policy : CheckpointPolicy
    saves_model_with_checkpoint : bool
        Whether the model file is written with every checkpoint.
    repeatable_seconds : float
        Of training, that are learned again where the checkpoint of a run is missing; after more,
        that is an error.
    """

    checkpoint_policy: ClassVar[CheckpointPolicy] = CheckpointPolicy()
    saves_model_with_checkpoint: ClassVar[bool] = False
    repeatable_seconds: ClassVar[float] = 0.0

    progress: Progress
    epoch_size: int
    snapshot: Snapshot
    newest_metrics: Any = None

    @abstractmethod
    def warm_up(self) -> None:
        """Compile all kernels, or load them, and leave everything as it was."""

    @abstractmethod
    def course(self, manifest: Manifest, go_on: Callable[[], bool]) -> Iterator[EpochEnd | int]:
        """Train from wherever the training is until something ends it.

        Parameters
        ----------
        manifest : Manifest
            For its ``epochs`` and ``frame_every``.
        go_on : callable
            Asked now and then, if steps take long, whether to go on.

        Yields
        ------
        EpochEnd or int
            First the untrained network as epoch 0; several times a second, as far as the network's
            size allows, the number of the epoch under way.

        Raises
        ------
        DivergenceError
            If training diverges.
        """

    @abstractmethod
    def model(self) -> Model:
        """Return what the model file is to hold."""

    @abstractmethod
    def state_dict(self) -> Arrays:
        """Return copies of all there is to remember."""

    @abstractmethod
    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `state_dict`; ValueError if the arrays are not those of such a training."""

    def checkpoint(self) -> Arrays:
        """Return what a checkpoint holds: the state dict, and perhaps the last good one."""
        return self.state_dict()

    def resume_from(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `checkpoint`.

        Raises
        ------
        InputError or ValueError
            If the arrays are not those of such a training.
        """
        self.load_state_dict(arrays)

    @property
    def position(self) -> int:
        """Where the epoch under way is, what is not complete yet included."""
        return self.progress.position

    @property
    def ended(self) -> str | None:
        """What ends the training before its epochs are over; or None."""
        return None

    @property
    def is_running_away(self) -> bool:
        """Whether the state is on its way to divergence, and not worth returning to."""
        return False

    def take_history(self, rows: Sequence[Any]) -> None:  # noqa: B027  # not all need it
        """Take in the metrics of the epochs recorded so far."""

    def result(self, status: str, wall_seconds: float, metrics: MetricsFile[Any]) -> Result:
        """Return how far the training has come, with what is newest in its ``metrics``."""
        seconds = round(self.progress.seconds, 3)
        return RunResult(status, self.progress.epoch, seconds, round(wall_seconds, 3))


class StepTrainer(Trainer, Generic[StepMetrics]):
    """Takes step after step, each with the next batch of its data.

    Attributes
    ----------
    config : dataclass
    """

    config: Any

    @abstractmethod
    def train_step(self, go_on: Callable[[], bool] = lambda: True) -> StepMetrics | None:
        """Take the next step, and return its metrics.

        Parameters
        ----------
        go_on : callable
            Asked now and then, if steps take long. If it says no, nothing has happened.

        Returns
        -------
        dataclass or None
            None if it was stopped.

        Raises
        ------
        DivergenceError
            If a loss or gradient is not finite.
        """

    @abstractmethod
    def end_epoch(self) -> EpochEnd:
        """Count the epoch, measure and draw what it has come to.

        Raises
        ------
        DivergenceError
            If that is not finite, or the network has collapsed.
        """

    @abstractmethod
    def draw(self) -> npt.NDArray[np.uint8]:
        """Draw what the network does now: uint8 (height, width, channels)."""

    @property
    def epoch_is_over(self) -> bool:
        """Whether all steps of the epoch are taken."""
        return self.progress.position == self.epoch_size

    def course(self, manifest: Manifest, go_on: Callable[[], bool]) -> Iterator[EpochEnd | int]:
        """See `Trainer.course`; ``go_on`` is asked between steps, too."""
        if self.progress.begun_epochs == 0:
            yield EpochEnd(0, None, self.draw())
        while self.progress.epoch < manifest.epochs and not self.ended and go_on():
            self.newest_metrics = self.train_step(go_on)
            if self.newest_metrics is None:
                return
            yield self.end_epoch() if self.epoch_is_over else self.progress.epoch + 1

    def state_dict(self) -> Arrays:
        """See `Trainer.state_dict`; here, the progress."""
        progress = self.progress
        return {
            "epoch": np.array(float(progress.epoch)),
            "rounds": np.array(float(progress.position)),
            "seconds": np.array(float(progress.seconds)),
        }

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        epoch, position, seconds = (
            number_of(arrays, name) for name in ("epoch", "rounds", "seconds")
        )
        if position >= self.epoch_size:
            raise ValueError("its rounds are not those of an epoch")
        self.progress = Progress(int(epoch), int(position), seconds)
