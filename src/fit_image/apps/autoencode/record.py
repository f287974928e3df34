"""A training of an auto-encoder that is recorded in its folder."""

from __future__ import annotations

from fit_image.apps.autoencode.folder import AutoencoderFolder, Row
from fit_image.apps.autoencode.sheet import COLUMNS, choose, draw_sheet
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.apps.recipe_recording import RecipeRecording
from fit_image.recipe_folder import Result


class AutoencoderRecording(RecipeRecording[AutoencoderFolder, AutoencoderTrainer]):
    """A training under way, and the folder that its results go to."""

    def draw_beginning(self) -> None:
        """See `RecipeRecording.draw_beginning`."""
        self._draw(0)

    def end_epoch(self) -> None:
        """See `RecipeRecording.end_epoch`.

        Raises
        ------
        DivergenceError
            If the loss on held-out pictures is not finite.
        """
        loss, test_loss = self.trainer.end_epoch()
        standing = self.trainer.standing
        self._draw(standing.epoch)
        self.folder.metrics.append(Row.measured(standing.epoch, loss, test_loss, standing.seconds))

    def checkpoint(self, status: str) -> Result:
        """See `RecipeRecording.checkpoint`; the model is as new as the checkpoint."""
        if status == "running":  # when a training ends, it is written besides
            self.save_model()
        return super().checkpoint(status)

    def save_model(self) -> None:
        """See `RecipeRecording.save_model`."""
        self.trainer.model().save(self.folder.model)

    def return_to_good(self) -> None:
        """See `RecipeRecording.return_to_good`."""
        self.trainer.return_to_good()
        self.folder.forget_after(self.trainer.standing.epoch)

    def _draw(self, epoch: int) -> None:
        # The same pictures in every frame: what moves is what is learned.
        pictures = choose(self.trainer.held_out, COLUMNS, self.trainer.recipe.seed)
        self.folder.write_frame(epoch, draw_sheet(self.trainer.model(), pictures))
