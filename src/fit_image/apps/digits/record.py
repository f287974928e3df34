"""A training of digits that is recorded in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fit_image.apps.digits.folder import DigitFolder, Row
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.sheet import draw_sheet
from fit_image.apps.digits.trainer import SAMPLES, DigitTrainer
from fit_image.apps.recipe_recording import RecipeRecording

# What distinguishes the chance of frames from that of training.
_FRAMES = 4

_TILE = 52
"""Pixels of a side of a sample in the frames."""


class DigitRecording(RecipeRecording[DigitFolder, DigitTrainer]):
    """A training under way, and the folder that its results go to."""

    def draw_beginning(self) -> None:
        """See `RecipeRecording.draw_beginning`."""
        self._draw(0, self.trainer.model())

    def end_epoch(self) -> None:
        """See `RecipeRecording.end_epoch`.

        Raises
        ------
        DivergenceError
            If the generator has collapsed; see `DigitTrainer.end_epoch`.
        """
        means, model = self.trainer.end_epoch()
        standing = self.trainer.standing
        self._draw(standing.epoch, model)
        self.folder.metrics.append(Row(standing.epoch, tuple(means.values()), standing.seconds))
        model.save(self.folder.model)
        self.folder.write_good(self.trainer.good)

    def save_model(self) -> None:
        """See `RecipeRecording.save_model`."""
        self.trainer.model().save(self.folder.model)

    def restore(self, arrays: Mapping[str, Any]) -> None:
        """See `RecipeRecording.restore`."""
        good = self.folder.read_good()
        if good:
            self.trainer.restore(good)
            self.trainer.good = good
        self.trainer.restore(arrays)

    def return_to_good(self) -> None:
        """See `RecipeRecording.return_to_good`."""
        self.trainer.return_to_good()
        self.folder.forget_after(self.trainer.standing.epoch)

    def _draw(self, epoch: int, model: DigitModel) -> None:
        # The same chance for every frame: what moves is what is learned.
        rng = np.random.default_rng([self.trainer.recipe.seed, _FRAMES])
        rows = [model.sample([label] * SAMPLES, rng) for label in range(len(model.names))]
        self.folder.write_frame(epoch, draw_sheet(model, rows, _TILE, _TILE))
