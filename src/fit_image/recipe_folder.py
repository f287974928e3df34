"""The folder of a training by a recipe, on a set of pictures; a kind for every application."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from fit_image.archive import Arrays, read_archive, write_archive
from fit_image.config import option_of
from fit_image.document import read_document
from fit_image.errors import InputError
from fit_image.metrics import AnyRow, MetricsFile
from fit_image.strict_json import from_json, to_json
from fit_image.training_folder import TrainingFolder


class AnySource(Protocol):
    """Which pictures are learned from; a dataclass of JSON values."""

    @property
    def path(self) -> str:
        """Absolute path when the training began; it may have moved since."""

    @property
    def sha256(self) -> str:
        """Of what is learned from."""


SourceType = TypeVar("SourceType", bound=AnySource)
RecipeType = TypeVar("RecipeType")


@dataclass(frozen=True)
class Stage(Generic[RecipeType]):
    """From where on a recipe was followed.

    Attributes
    ----------
    epoch, rounds : int
        Epochs completed, and rounds of the next one, when it began.
    recipe : dataclass
    """

    epoch: int
    rounds: int
    recipe: RecipeType

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"epoch": self.epoch, "rounds": self.rounds, "recipe": to_json(self.recipe)}

    @classmethod
    def from_json(cls, recipe_type: type[RecipeType], data: object) -> Self:
        """Read what `to_json` returned; `InputError` if it is not that."""
        if not isinstance(data, dict) or data.keys() != {"epoch", "rounds", "recipe"}:
            raise InputError("a stage is not one")
        epoch, rounds = data["epoch"], data["rounds"]
        if type(epoch) is not int or type(rounds) is not int:
            raise InputError("a stage begins nowhere")
        return cls(epoch, rounds, from_json(recipe_type, data["recipe"]))


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


class RecipeFolder(TrainingFolder, Generic[SourceType, RecipeType]):
    """The folder of a training by a recipe.

    Attributes
    ----------
    description : str
        What it is the folder of, such as ``training of digits``.
    archive_kind : str
        Of its checkpoints.
    format_version : int
        Of its document and checkpoints.
    source_type, recipe_type, row_type : type
        Dataclasses of what is in its document, and the rows of its metrics.
    rules : frozenset of str
        Fields of the recipe that may change when a training goes on: how networks learn, and not
        what they are.
    source : source_type
    stages : list of Stage
        The recipes, first to last.
    epochs : int
        To train.
    result : Result or None
        As last written; None before the first time.
    """

    description: ClassVar[str]
    archive_kind: ClassVar[str]
    format_version: ClassVar[int] = 1
    source_type: ClassVar[type[Any]]
    recipe_type: ClassVar[type[Any]]
    row_type: ClassVar[type[AnyRow]]
    rules: ClassVar[frozenset[str]]

    def __init__(
        self,
        path: Path,
        source: SourceType,
        stages: list[Stage[RecipeType]],
        epochs: int,
        result: Result | None = None,
    ) -> None:
        super().__init__(path, MetricsFile(path / "metrics.csv", self.row_type))
        self.source = source
        self.stages = stages
        self.epochs = epochs
        self.result = result

    @property
    def recipe(self) -> RecipeType:
        """The newest one."""
        return self.stages[-1].recipe

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read the document of a folder.

        Raises
        ------
        InputError
            If the folder holds no such training, or a damaged one, or one of another version.
        """
        path = Path(path)
        file = path / cls.document_name
        data = read_document(file, cls.description, cls.format_version)
        try:
            epochs, result, stages = (data.get(name) for name in ("epochs", "result", "stages"))
            if not isinstance(stages, list) or not stages:
                raise InputError("'stages' must be a list")
            if type(epochs) is not int or epochs < 1:
                raise InputError(f"'epochs' has a wrong value: {epochs!r}")
            return cls(
                path,
                from_json(cls.source_type, data.get("source")),
                [Stage.from_json(cls.recipe_type, stage) for stage in stages],
                epochs,
                None if result is None else from_json(Result, result),
            )
        except InputError as error:
            raise InputError(f"{file} is damaged: {error}") from error

    def document(self) -> dict[str, Any]:
        """See `TrainingFolder.document`."""
        return {
            "format": self.format_version,
            "source": to_json(self.source),
            "stages": [stage.to_json() for stage in self.stages],
            "epochs": self.epochs,
            "result": self.result and asdict(self.result),
        }

    def check_resumable(self, source: SourceType, recipe: RecipeType) -> None:
        """Raise `InputError`, naming what differs, if the training learns something else."""
        found = []
        if source.sha256 != self.source.sha256:
            found.append(f"the pictures (were {self.source.path})")
        old, new = to_json(self.recipe), to_json(recipe)
        found += [
            f"{option_of(name)} (was {old[name]}, now {new[name]})"
            for name in old
            if old[name] != new[name] and name not in self.rules
        ]
        if found:
            raise InputError(
                f"cannot resume {self.path}: {', '.join(found)} differ{'s' * (len(found) == 1)}; "
                "choose another folder with -o, or --overwrite"
            )

    def write_checkpoint(self, arrays: Mapping[str, Any]) -> None:
        """Write all that `read_checkpoint` returns."""
        self._write_arrays(self.checkpoint, arrays)

    def read_checkpoint(self) -> Arrays | None:
        """Return what `write_checkpoint` was given, or None if there is no checkpoint yet.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        return self._read_arrays(self.checkpoint)

    def _write_arrays(self, path: Path, arrays: Mapping[str, Any]) -> None:
        write_archive(path, self.archive_kind, self.format_version, arrays)

    def _read_arrays(self, path: Path) -> Arrays | None:
        if not path.exists():
            return None
        return read_archive(path, self.archive_kind, self.format_version)
