"""A training of digits that is recorded in its folder, and can be stopped and resumed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from fit_image.apps.digits.folder import DigitFolder, Result, Row, Source, Stage
from fit_image.apps.digits.game import Figures
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.recipe import RULES, Recipe
from fit_image.apps.digits.sheet import draw_sheet
from fit_image.apps.digits.trainer import SAMPLES, DigitTrainer
from fit_image.config import option_of
from fit_image.errors import InputError
from fit_image.strict_json import to_json

_CHECKPOINT_SECONDS = 45.0

# What distinguishes the chance of frames from that of training.
_FRAMES = 4

_TILE = 52
"""Pixels of a side of a sample in the frames."""


@dataclass(frozen=True)
class Status:
    """Where a recording stands.

    Attributes
    ----------
    epoch : int
        The epoch under way, or just ended.
    rounds, of_rounds : int
        Played of it, and how many there are.
    figures : Figures
        Of the newest round.
    """

    epoch: int
    rounds: int
    of_rounds: int
    figures: Figures


class DigitRecording:
    """A training under way, and the folder that its results go to.

    Parameters
    ----------
    folder : DigitFolder
        Locked by the caller.
    trainer : DigitTrainer
    """

    def __init__(self, folder: DigitFolder, trainer: DigitTrainer) -> None:
        self.folder = folder
        self.trainer = trainer
        self._wall_before = folder.result.wall_seconds if folder.result else 0.0
        self._began = self._saved_at = time.monotonic()

    @classmethod
    def begin(cls, folder: DigitFolder, trainer: DigitTrainer) -> DigitRecording:
        """Start in a folder, emptied of any earlier training.

        Raises
        ------
        FitImageError
            If the folder cannot be written.
        """
        folder.create()
        recording = cls(folder, trainer)
        recording._draw(0, trainer.model())
        recording.checkpoint("running")
        return recording

    @classmethod
    def resume(cls, folder: DigitFolder, trainer: DigitTrainer, source: Source) -> DigitRecording:
        """Go on from the last checkpoint, to the epochs that the folder says.

        The rules of the game may be others than before: see `fit_image.apps.digits.recipe.RULES`.

        Raises
        ------
        InputError
            If the pictures or the recipe are others, or the checkpoint is damaged.
        FitImageError
            If the folder cannot be written.
        """
        check_resumable(folder, source, trainer.recipe)
        try:
            arrays, good = folder.read_checkpoint(), folder.read_good()
            if arrays is None:
                if folder.metrics.read():
                    raise InputError(f"{folder.checkpoint} is missing")
                return cls.begin(folder, trainer)
            if good:
                trainer.restore(good)
                trainer.good = good
            trainer.restore(arrays)
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
        recording = cls(folder, trainer)
        recording._note("running")
        return recording

    def steps(self, go_on: Callable[[], bool]) -> Iterator[Status]:
        """Train to the end of the last epoch; draw, write and checkpoint on the way.

        Ends early when ``go_on`` says no, which is asked before every step of long rounds, and
        between short ones. The caller then calls `conclude`.

        Raises
        ------
        DivergenceError
            If the training diverges or collapses; `DigitTrainer.return_to_good` undoes it.
        FitImageError
            If a file cannot be written.
        """
        trainer = self.trainer
        while trainer.standing.epoch < self.folder.epochs and go_on():
            epoch = trainer.standing.epoch + 1
            figures = trainer.play(go_on)
            if figures is None:
                return
            status = Status(epoch, trainer.standing.rounds, trainer.rounds, figures)
            if trainer.epoch_is_over:
                means, model = trainer.end_epoch()
                self._draw(epoch, model)
                row = Row(epoch, tuple(means.values()), trainer.standing.seconds)
                self.folder.metrics.append(row)
                model.save(self.folder.model)
                self.folder.write_good(trainer.good)
                self.checkpoint("running")
            elif time.monotonic() - self._saved_at > _CHECKPOINT_SECONDS:
                self.checkpoint("running")
            yield status

    def conclude(self, status: str) -> Result:
        """Write checkpoint, model, final picture and result, and return that.

        Raises
        ------
        FitImageError
            If a file cannot be written.
        """
        self.checkpoint(status)
        self.trainer.model().save(self.folder.model)
        self.folder.copy_final()
        return self._note(status)

    def return_to_good(self) -> None:
        """Undo what led to divergence, in the networks and in the folder."""
        self.trainer.return_to_good()
        self.folder.forget_after(self.trainer.standing.epoch)

    def checkpoint(self, status: str) -> Result:
        """Save all that is needed to go on from here."""
        self.folder.metrics.flush_to_disk()
        self.folder.write_checkpoint(self.trainer.to_arrays())
        self._saved_at = time.monotonic()
        return self._note(status)

    def _note(self, status: str) -> Result:
        standing = self.trainer.standing
        wall = self._wall_before + time.monotonic() - self._began
        result = Result(status, standing.epoch, round(standing.seconds, 3), round(wall, 3))
        self.folder.result = result
        self.folder.write_document()
        return result

    def _draw(self, epoch: int, model: DigitModel) -> None:
        # The same chance for every frame: what moves is what is learned.
        rng = np.random.default_rng([self.trainer.recipe.seed, _FRAMES])
        rows = [model.sample([label] * SAMPLES, rng) for label in range(len(model.names))]
        self.folder.write_frame(epoch, draw_sheet(model, rows, _TILE, _TILE))


def check_resumable(folder: DigitFolder, source: Source, recipe: Recipe) -> None:
    """Raise `InputError`, naming what differs, if a folder's training learns something else."""
    found = []
    if source.sha256 != folder.source.sha256:
        found.append(f"the pictures (were {folder.source.path})")
    old, new = to_json(folder.recipe), to_json(recipe)
    found += [
        f"{option_of(name)} (was {old[name]}, now {new[name]})"
        for name in old
        if old[name] != new[name] and name not in RULES
    ]
    if found:
        raise InputError(
            f"cannot resume {folder.path}: {', '.join(found)} differ{'s' * (len(found) == 1)}; "
            "choose another folder with -o, or --overwrite"
        )
