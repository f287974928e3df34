"""The folder of a training of digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from fit_image.apps.digits.game import Figures
from fit_image.apps.digits.recipe import RULES, Recipe
from fit_image.archive import Arrays
from fit_image.recipe_folder import RecipeFolder

_FIGURES = tuple(field.name for field in fields(Figures))


@dataclass(frozen=True)
class Row:
    """An epoch's figures: means over its rounds, see `Figures`, and the training time so far."""

    columns: ClassVar = ("epoch", *_FIGURES, "seconds")

    epoch: int
    figures: tuple[float, ...]
    seconds: float

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line of the file; ValueError if it is not one."""
        epoch, *figures, seconds = line.split(",")
        if len(figures) != len(_FIGURES):
            raise ValueError("a row has too many or too few figures")
        return cls(int(epoch), tuple(map(float, figures)), float(seconds))

    def to_json(self) -> dict[str, Any]:
        """Return the figures, by their columns, as JSON values."""
        return dict(zip(self.columns, (self.epoch, *self.figures, self.seconds), strict=True))

    def __str__(self) -> str:
        figures = ",".join(f"{figure:.6g}" for figure in self.figures)
        return f"{self.epoch},{figures},{self.seconds:.3f}"


@dataclass(frozen=True)
class Source:
    """Which pictures a generator learns from.

    Attributes
    ----------
    path : str
        Absolute path when the training began.
    sha256 : str
        Of the pictures and labels.
    pictures, width, height : int
        How many, and of what size.
    classes : tuple of str
    channels : str
        ``grey`` or ``rgb``.
    limit : int or None
        How many of the data's pictures were chosen; None for all.
    """

    path: str
    sha256: str
    pictures: int
    width: int
    height: int
    classes: tuple[str, ...]
    channels: str
    limit: int | None


class DigitFolder(RecipeFolder[Source, Recipe]):
    """The folder of a training of digits."""

    description = "training of digits"
    document_name = "digits.json"
    archive_kind = "digits_checkpoint"
    source_type = Source
    recipe_type = Recipe
    row_type = Row
    rules = RULES
    file_names = (
        "digits.json",
        "metrics.csv",
        "checkpoint.npz",
        "good.npz",
        "model.npz",
        "final.png",
        "animation.gif",
    )

    def write_good(self, arrays: Mapping[str, Any]) -> None:
        """Write the state at the end of the last epoch that ended well."""
        self._write_arrays(self.path / "good.npz", arrays)

    def read_good(self) -> Arrays | None:
        """Return what `write_good` was given, or None if no epoch has ended yet.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        return self._read_arrays(self.path / "good.npz")
