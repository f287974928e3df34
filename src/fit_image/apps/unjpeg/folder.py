"""The folder of a training that removes JPEG's artefacts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from fit_image.apps.unjpeg.recipe import RULES, Recipe
from fit_image.recipe_folder import RecipeFolder


@dataclass(frozen=True)
class Row:
    """An epoch's figures: root mean square errors of Y, Cb and Cr in 0..1.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    error, damage : float
        Of the epoch's patches: of the network, as it learned, and of JPEG.
    validation_error, validation_damage : float
        The same of patches of the pictures that validate, after the epoch.
    seconds : float
        Training time so far.
    """

    columns: ClassVar[tuple[str, ...]] = (
        "epoch",
        "error",
        "damage",
        "validation_error",
        "validation_damage",
        "gain",
        "seconds",
    )

    epoch: int
    error: float
    damage: float
    validation_error: float
    validation_damage: float
    seconds: float

    @property
    def gain(self) -> float:
        """What the validation patches gain over JPEG, in dB."""
        return gain(self.validation_error, self.validation_damage)

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line of the file; ValueError if it is not one."""
        epoch, *errors, _, seconds = line.split(",")
        error, damage, validation_error, validation_damage = map(float, errors)
        return cls(int(epoch), error, damage, validation_error, validation_damage, float(seconds))

    def to_json(self) -> dict[str, Any]:
        """Return the figures, by their columns, as JSON values."""
        figures = {**asdict(self), "gain": self.gain if math.isfinite(self.gain) else None}
        return {name: figures[name] for name in self.columns}

    def __str__(self) -> str:
        errors = (self.error, self.damage, self.validation_error, self.validation_damage)
        shown = ",".join(f"{error:.7g}" for error in errors)
        return f"{self.epoch},{shown},{self.gain:.4f},{self.seconds:.3f}"


def gain(error: float, damage: float) -> float:
    """Return by how many dB a root mean square error is below another."""
    if not error or not damage:
        return 0.0 if error == damage else math.copysign(math.inf, damage - error)
    return 20 * math.log10(damage / error)


@dataclass(frozen=True)
class Source:
    """Which pictures are learned from.

    Attributes
    ----------
    path : str
        Absolute path of their folder when the training began.
    sha256 : str
        See `fit_image.apps.unjpeg.pictures.Folder`.
    training, validation : int
        How many learn, and how many validate.
    """

    path: str
    sha256: str
    training: int
    validation: int


class UnjpegFolder(RecipeFolder[Source, Recipe]):
    """The folder of a training that removes JPEG's artefacts."""

    description = "training of unjpeg"
    document_name = "unjpeg.json"
    archive_kind = "unjpeg_checkpoint"
    source_type = Source
    recipe_type = Recipe
    row_type = Row
    rules = RULES
    file_names = (
        "unjpeg.json",
        "metrics.csv",
        "checkpoint.npz",
        "model.npz",
        "final.png",
        "animation.gif",
    )
