"""The last good state of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fit_image.errors import InputError
from fit_image.storage.npz import Arrays

if TYPE_CHECKING:
    from fit_image.runs.directory import RunDirectory
    from fit_image.runs.trainer import Trainer


class Snapshot:
    """The state that a training returns to when it diverges.

    Attributes
    ----------
    arrays : dict of str to array, or None
        The trainer's state dict. None if none was taken: of networks too large to be kept in memory
        twice, the newest checkpoint serves instead.
    """

    def __init__(self, arrays: Arrays | None = None) -> None:
        self.arrays = arrays

    def take(self, trainer: Trainer) -> None:
        """Remember the present state."""
        self.arrays = trainer.state_dict()

    def rollback(self, trainer: Trainer, directory: RunDirectory | None = None) -> None:
        """Undo all that the trainer has learned since.

        Raises
        ------
        InputError
            If there is neither a snapshot nor a checkpoint in ``directory``.
        """
        if self.arrays is not None:
            trainer.load_state_dict(self.arrays)
            return
        arrays = directory.read_checkpoint() if directory else None
        if arrays is None:
            raise InputError("there is no checkpoint to return to")
        trainer.resume_from(arrays)
