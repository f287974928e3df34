"""The folder of a training of digits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from fit_image.apps.digits.game import Figures
from fit_image.apps.digits.recipe import Recipe
from fit_image.archive import Arrays, read_archive, write_archive
from fit_image.document import read_document
from fit_image.errors import InputError
from fit_image.metrics import MetricsFile
from fit_image.strict_json import from_json, to_json
from fit_image.training_folder import TrainingFolder

FORMAT_VERSION = 1

_KIND = "digits_checkpoint"

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


@dataclass(frozen=True)
class Stage:
    """From where on a recipe was followed.

    Attributes
    ----------
    epoch, rounds : int
        Epochs completed, and rounds of the next one played, when it began.
    recipe : Recipe
    """

    epoch: int
    rounds: int
    recipe: Recipe

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"epoch": self.epoch, "rounds": self.rounds, "recipe": to_json(self.recipe)}

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read what `to_json` returned; `InputError` if it is not that."""
        if not isinstance(data, dict) or data.keys() != {"epoch", "rounds", "recipe"}:
            raise InputError("a stage is not one")
        epoch, rounds = data["epoch"], data["rounds"]
        if type(epoch) is not int or type(rounds) is not int:
            raise InputError("a stage begins nowhere")
        return cls(epoch, rounds, from_json(Recipe, data["recipe"]))


@dataclass(frozen=True)
class Result:
    """How far a training has come.

    Attributes
    ----------
    status : str
        ``running``, ``done``, ``interrupted`` or ``diverged``.
    epochs : int
        Completed.
    seconds, wall_seconds : float
        Training time; time from start to end, summed over resumed sessions.
    """

    status: str
    epochs: int
    seconds: float
    wall_seconds: float


class DigitFolder(TrainingFolder):
    """The folder of a training of digits.

    Attributes
    ----------
    source : Source
    stages : list of Stage
        The recipes, first to last: rules may change when a training goes on.
    epochs : int
        To train.
    result : Result or None
        As last written; None before the first time.
    """

    document_name = "digits.json"
    file_names = (
        "digits.json",
        "metrics.csv",
        "checkpoint.npz",
        "good.npz",
        "model.npz",
        "final.png",
        "animation.gif",
    )

    def __init__(
        self,
        path: Path,
        source: Source,
        stages: list[Stage],
        epochs: int,
        result: Result | None = None,
    ) -> None:
        super().__init__(path, MetricsFile(path / "metrics.csv", Row))
        self.source = source
        self.stages = stages
        self.epochs = epochs
        self.result = result

    @property
    def recipe(self) -> Recipe:
        """The newest one."""
        return self.stages[-1].recipe

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read the ``digits.json`` of a folder.

        Raises
        ------
        InputError
            If the folder holds no such training, or a damaged one, or one of another version.
        """
        path = Path(path)
        file = path / cls.document_name
        data = read_document(file, "training of digits", FORMAT_VERSION)
        try:
            epochs, result, stages = (data.get(name) for name in ("epochs", "result", "stages"))
            if not isinstance(stages, list) or not stages:
                raise InputError("'stages' must be a list")
            if type(epochs) is not int or epochs < 1:
                raise InputError(f"'epochs' has a wrong value: {epochs!r}")
            return cls(
                path,
                from_json(Source, data.get("source")),
                [Stage.from_json(stage) for stage in stages],
                epochs,
                None if result is None else from_json(Result, result),
            )
        except InputError as error:
            raise InputError(f"{file} is damaged: {error}") from error

    def document(self) -> dict[str, Any]:
        """See `TrainingFolder.document`."""
        return {
            "format": FORMAT_VERSION,
            "source": to_json(self.source),
            "stages": [stage.to_json() for stage in self.stages],
            "epochs": self.epochs,
            "result": self.result and asdict(self.result),
        }

    def write_checkpoint(self, arrays: Mapping[str, Any]) -> None:
        """Write all that `read_checkpoint` returns."""
        write_archive(self.checkpoint, _KIND, FORMAT_VERSION, arrays)

    def read_checkpoint(self) -> Arrays | None:
        """Return what `write_checkpoint` was given, or None if there is no checkpoint yet.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        return _read(self.checkpoint)

    def write_good(self, arrays: Mapping[str, Any]) -> None:
        """Write the state at the end of the last epoch that ended well."""
        write_archive(self.path / "good.npz", _KIND, FORMAT_VERSION, arrays)

    def read_good(self) -> Arrays | None:
        """Return what `write_good` was given, or None if no epoch has ended yet.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        return _read(self.path / "good.npz")


def _read(path: Path) -> Arrays | None:
    return read_archive(path, _KIND, FORMAT_VERSION) if path.exists() else None
