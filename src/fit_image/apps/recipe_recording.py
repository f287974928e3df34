"""A training by a recipe that is recorded in its folder, and can be stopped and resumed."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Self, TypeVar

from fit_image.apps.recipe_trainer import RecipeTrainer
from fit_image.errors import InputError
from fit_image.recipe_folder import AnySource, RecipeFolder, Result, Stage

_CHECKPOINT_SECONDS = 45.0

# Of large networks, checkpoints are rarer: they take one part in so many of the time at most.
_CHECKPOINT_SHARE = 30.0

FolderType = TypeVar("FolderType", bound=RecipeFolder[Any, Any])
TrainerType = TypeVar("TrainerType", bound=RecipeTrainer[Any, Any])


@dataclass(frozen=True)
class Status:
    """Where a recording stands.

    Attributes
    ----------
    epoch : int
        The epoch under way, or just ended.
    rounds, of_rounds : int
        Played of it, and how many there are.
    figures : dataclass
        Of the newest round.
    """

    epoch: int
    rounds: int
    of_rounds: int
    figures: Any


class RecipeRecording(ABC, Generic[FolderType, TrainerType]):
    """A training under way, and the folder that its results go to.

    Parameters
    ----------
    folder : RecipeFolder
        Locked by the caller.
    trainer : RecipeTrainer
    """

    def __init__(self, folder: FolderType, trainer: TrainerType) -> None:
        self.folder = folder
        self.trainer = trainer
        self._wall_before = folder.result.wall_seconds if folder.result else 0.0
        self._began = self._saved_at = time.monotonic()
        self._saving_seconds = 0.0

    @classmethod
    def begin(cls, folder: FolderType, trainer: TrainerType) -> Self:
        """Start in a folder, emptied of any earlier training.

        Raises
        ------
        FitImageError
            If the folder cannot be written.
        """
        folder.create()
        recording = cls(folder, trainer)
        recording.draw_beginning()
        recording.checkpoint("running")
        return recording

    @classmethod
    def resume(cls, folder: FolderType, trainer: TrainerType, source: AnySource) -> Self:
        """Go on from the last checkpoint, to the epochs that the folder says.

        The recipe may be another than before as far as the folder's ``rules`` permit.

        Raises
        ------
        InputError
            If the pictures or the recipe are others, or the checkpoint is damaged.
        FitImageError
            If the folder cannot be written.
        """
        folder.check_resumable(source, trainer.recipe)
        try:
            arrays = folder.read_checkpoint()
            if arrays is None:
                if folder.metrics.read():
                    raise InputError(f"{folder.checkpoint} is missing")
                return cls.begin(folder, trainer)
            recording = cls(folder, trainer)
            recording.restore(arrays)
        except (InputError, ValueError) as error:
            raise InputError(
                f"cannot resume {folder.path}: {error}; --overwrite starts it again"
            ) from error
        standing = trainer.standing
        begun = standing.epoch + (standing.rounds > 0)
        if folder.epochs < begun:
            raise InputError(
                f"cannot resume {folder.path} to --epochs {folder.epochs}: it is at {begun} already"
            )
        folder.forget_after(standing.epoch)
        folder.source = replace(folder.source, path=source.path)
        if trainer.recipe != folder.recipe:
            folder.stages.append(Stage(standing.epoch, standing.rounds, trainer.recipe))
        recording._note("running")
        return recording

    def steps(self, go_on: Callable[[], bool]) -> Iterator[Status]:
        """Train to the end of the last epoch; draw, write and checkpoint on the way.

        Ends early when ``go_on`` says no, which is asked before every step of long rounds, and
        between short ones, or when there is nothing more to gain. The caller then calls `conclude`.

        Raises
        ------
        DivergenceError
            If the training diverges; `return_to_good` undoes it.
        FitImageError
            If a file cannot be written.
        """
        trainer = self.trainer
        while trainer.standing.epoch < self.folder.epochs and not trainer.is_done and go_on():
            epoch = trainer.standing.epoch + 1
            figures = trainer.play(go_on)
            if figures is None:
                return
            status = Status(epoch, trainer.standing.rounds, trainer.rounds, figures)
            if trainer.epoch_is_over:
                self.end_epoch()
                self._checkpoint_after(0.0)
            else:
                self._checkpoint_after(_CHECKPOINT_SECONDS)
            yield status

    def _checkpoint_after(self, seconds: float) -> None:
        """Save if the last time is so long ago, and saving not too slow to be done so often."""
        rarest = max(seconds, _CHECKPOINT_SHARE * self._saving_seconds)
        if time.monotonic() - self._saved_at > rarest:
            self.checkpoint("running")

    @abstractmethod
    def draw_beginning(self) -> None:
        """Write the frame of what is not trained yet."""

    @abstractmethod
    def end_epoch(self) -> None:
        """Count the trainer's epoch; write its frame, its row and the model."""

    @abstractmethod
    def save_model(self) -> None:
        """Write the model as it is now."""

    def restore(self, arrays: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's arrays; ValueError or InputError if that cannot be done."""
        self.trainer.restore(arrays)

    @abstractmethod
    def return_to_good(self) -> None:
        """Undo what led to divergence, in the networks and in the folder."""

    def conclude(self, status: str) -> Result:
        """Write checkpoint, model, final picture and result, and return that.

        Raises
        ------
        FitImageError
            If a file cannot be written.
        """
        self.checkpoint(status)
        self.save_model()
        self.folder.copy_final()
        return self._note(status)

    def checkpoint(self, status: str) -> Result:
        """Save all that is needed to go on from here."""
        began = time.monotonic()
        self.folder.metrics.flush_to_disk()
        self.folder.write_checkpoint(self.trainer.to_arrays())
        self._saved_at = time.monotonic()
        self._saving_seconds = self._saved_at - began
        return self._note(status)

    def _note(self, status: str) -> Result:
        standing = self.trainer.standing
        wall = self._wall_before + time.monotonic() - self._began
        result = Result(status, standing.epoch, round(standing.seconds, 3), round(wall, 3))
        self.folder.result = result
        self.folder.write_document()
        return result
