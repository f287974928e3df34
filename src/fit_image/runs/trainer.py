"""The interface between a training and its recorder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from fit_image.errors import DivergenceError
from fit_image.runs.manifest import Manifest, Result, RunResult
from fit_image.runs.metrics import MetricsFile
from fit_image.runs.progress import Progress
from fit_image.runs.training_clock import TrainingClock
from fit_image.storage.npz import Arrays, number_of

StepMetrics = TypeVar("StepMetrics")


@dataclass(frozen=True)
class CheckpointPolicy:
    """Frequency of checkpoints.

    Attributes
    ----------
    share : float
        Largest fraction of the time that saving may take.
    shortest, longest : float
        Seconds from one checkpoint to the next, whatever the share.
    at_epoch_ends : bool
        Whether an epoch that has ended is saved after less than ``shortest``.
    """

    share: float = 1 / 30
    shortest: float = 45.0
    longest: float = float("inf")
    at_epoch_ends: bool = True


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
        None if the epoch is not drawn.
    model : Model or None
        To be written now; None if the model of an earlier epoch stays.
    complete : bool
        Whether all of it is learned.
    file : bytes or None
        The frame as a PNG, if it has been made already.
    """

    epoch: int
    metrics: Any
    frame: npt.NDArray[np.uint8] | None
    model: Model | None = None
    complete: bool = True
    file: bytes | None = None


class Trainer(ABC):
    """A network, its training data, and the progress of the training.

    What is learned does not depend on where training stops: going on from `checkpoint` gives the
    same bits.

    Attributes
    ----------
    progress : Progress
    epoch_size : int
        Positions of an epoch.
    snapshot : dict of str to array, or None
        State dict of the last good state. None if the network is too large to be kept in memory
        twice: after divergence, the newest checkpoint serves instead.
    newest_metrics : object
        Shown in the line of progress.
    checkpoint_policy : CheckpointPolicy
    saves_model_with_checkpoint : bool
        Whether the model file is written with every checkpoint.
    repeatable_seconds : float
        Training time that may be repeated if the checkpoint is missing; after more, that is an
        error.
    """

    checkpoint_policy: ClassVar[CheckpointPolicy] = CheckpointPolicy()
    saves_model_with_checkpoint: ClassVar[bool] = False
    repeatable_seconds: ClassVar[float] = 0.0

    progress: Progress
    epoch_size: int
    snapshot: Arrays | None
    newest_metrics: Any = None

    @cached_property
    def clock(self) -> TrainingClock:
        """Measures `progress.seconds`."""
        return TrainingClock()

    @property
    def kernels(self) -> int | None:
        """The number of kernels that `warm_up` needs, if known: it is only shown."""
        return None

    @abstractmethod
    def warm_up(self) -> None:
        """Compile all kernels, or load them, and leave everything as it was."""

    @abstractmethod
    def course(
        self, manifest: Manifest, should_continue: Callable[[], bool]
    ) -> Iterator[EpochEnd | int]:
        """Train until something ends it.

        Parameters
        ----------
        manifest : Manifest
            For its ``epochs`` and ``frame_every``.
        should_continue : callable
            Asked now and then, if steps take long.

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
        """Return the model to save."""

    @abstractmethod
    def state_dict(self) -> Arrays:
        """Return copies of all there is to remember."""

    @abstractmethod
    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `state_dict`; ValueError if the arrays are not those of such a training."""

    def checkpoint(self) -> Arrays:
        """Return the arrays of a checkpoint: the state dict, and perhaps the last good one."""
        return self.state_dict()

    def resume_from(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `checkpoint`; InputError or ValueError if it is not one of such a training."""
        self.load_state_dict(arrays)

    @property
    def position(self) -> int:
        """Position in the epoch under way, steps that are not complete included."""
        return self.progress.position

    @property
    def ended(self) -> str | None:
        """The reason why training ends before its epochs are over; None if it does not."""
        return None

    @property
    def stalled(self) -> str | None:
        """Why nothing is learned, and which options help, in a line; None while something is."""
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
    def train_step(self, should_continue: Callable[[], bool] = lambda: True) -> StepMetrics | None:
        """Take the next step, and return its metrics; `DivergenceError` if one is not finite.

        A long step asks ``should_continue`` now and then. If that says no, the result is None, and
        nothing has happened.
        """

    @abstractmethod
    def end_epoch(self) -> EpochEnd:
        """Count the epoch, measure and draw it; `DivergenceError` if the network has collapsed."""

    @abstractmethod
    def draw(self) -> npt.NDArray[np.uint8]:
        """Draw what the network does now: uint8 (height, width, channels)."""

    @property
    def epoch_is_over(self) -> bool:
        """Whether all steps of the epoch are taken."""
        return self.progress.position == self.epoch_size

    def check_finite(self, name: str, values: npt.ArrayLike) -> None:
        """Raise `DivergenceError` unless all values are finite."""
        if not np.isfinite(values).all():
            raise DivergenceError(f"{name} is not finite in epoch {self.progress.epoch + 1}")

    def course(
        self, manifest: Manifest, should_continue: Callable[[], bool]
    ) -> Iterator[EpochEnd | int]:
        if self.progress.begun_epochs == 0:
            yield EpochEnd(0, None, self.draw())
        while self.progress.epoch < manifest.epochs and not self.ended and should_continue():
            self.newest_metrics = self.train_step(should_continue)
            if self.newest_metrics is None:
                return
            yield self.end_epoch() if self.epoch_is_over else self.progress.epoch + 1

    def state_dict(self) -> Arrays:
        progress = self.progress
        return {
            "epoch": np.array(float(progress.epoch)),
            "rounds": np.array(float(progress.position)),
            "seconds": np.array(float(progress.seconds)),
        }

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        names = ("epoch", "rounds", "seconds")
        epoch, position, seconds = (number_of(arrays, name) for name in names)
        if position >= self.epoch_size:
            raise ValueError("its rounds are not those of an epoch")
        self.progress = Progress(int(epoch), int(position), seconds)
