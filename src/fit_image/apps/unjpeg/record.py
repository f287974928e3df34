"""A training that removes JPEG's artefacts, recorded in its folder."""

from __future__ import annotations

from functools import cached_property

from fit_image.apps.recipe_recording import RecipeRecording
from fit_image.apps.unjpeg.folder import Row, UnjpegFolder
from fit_image.apps.unjpeg.sheet import Part, choose_parts, draw_parts
from fit_image.apps.unjpeg.trainer import PatchTrainer
from fit_image.errors import InputError


class UnjpegRecording(RecipeRecording[UnjpegFolder, PatchTrainer]):
    """A training under way, and the folder that its results go to."""

    def draw_beginning(self) -> None:
        """See `RecipeRecording.draw_beginning`."""
        self._draw(0)

    def end_epoch(self) -> None:
        """See `RecipeRecording.end_epoch`."""
        trainer = self.trainer
        error, damage = trainer.end_epoch()
        standing = trainer.standing
        self._draw(standing.epoch)
        self.folder.metrics.append(
            Row(
                standing.epoch,
                error,
                damage,
                trainer.validation_error,
                trainer.validation_damage,
                standing.seconds,
            )
        )
        if trainer.is_best:
            self.save_model()

    def save_model(self) -> None:
        """See `RecipeRecording.save_model`: the best network by now."""
        self.trainer.restorer().save(self.folder.model)

    def return_to_good(self) -> None:
        """Go back to the newest checkpoint, whose errors were finite."""
        arrays = self.folder.read_checkpoint()
        if arrays is None:
            raise InputError(f"{self.folder.checkpoint} is missing")
        self.trainer.restore(arrays)
        self.folder.forget_after(self.trainer.standing.epoch)

    def _draw(self, epoch: int) -> None:
        self.folder.write_frame(epoch, draw_parts(self._parts, self.trainer.restorer(best=False)))

    @cached_property
    def _parts(self) -> list[Part]:
        return choose_parts(self.trainer.validation, self.trainer.recipe)
