"""A run's folder: what lies there, and the checkpoint from which it goes on."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fit_image.archive import Arrays, read_archive, write_archive
from fit_image.config import RecordConfig
from fit_image.document import read_document
from fit_image.errors import InputError
from fit_image.manifest import Manifest, Result
from fit_image.metrics import Metrics
from fit_image.model import FORMAT_VERSION as MODEL_VERSION
from fit_image.model import PaintingNetwork
from fit_image.progress import Progress
from fit_image.strict_json import from_json
from fit_image.training_folder import TrainingFolder

FORMAT_VERSION = 3

# What the names of an optimizer's arrays begin with in a checkpoint.
_OPTIMIZER = "optimizer_"

# The name of the pixels' errors there.
_ERRORS = "errors"

RUN_FILES = (
    "run.json",
    "metrics.csv",
    "checkpoint.npz",
    "model.npz",
    "final.png",
    "target.png",
    "animation.gif",
)


class RunFolder(TrainingFolder):
    """The folder of one run.

    Attributes
    ----------
    path : Path
    manifest : Manifest
    result : Result or None
        As last written; None before the first time.
    """

    document_name = "run.json"
    made_again = tuple(RecordConfig().animations)
    file_names = RUN_FILES
    metrics: Metrics

    def __init__(self, path: Path, manifest: Manifest, result: Result | None = None) -> None:
        super().__init__(path, Metrics(path / "metrics.csv"))
        self.manifest = manifest
        self.result = result
        self.target = path / "target.png"

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read the ``run.json`` of a folder.

        Raises
        ------
        InputError
            If the folder holds no run, or a damaged one, or one of another version.
        """
        path = Path(path)
        file = path / "run.json"
        data = read_document(file, "run", FORMAT_VERSION)
        try:
            manifest = Manifest.from_json(data)
            result = data.get("result")
            return cls(path, manifest, None if result is None else from_json(Result, result))
        except InputError as error:
            raise InputError(f"{file} is damaged: {error}") from error

    def document(self) -> dict[str, Any]:
        """See `TrainingFolder.document`."""
        return {
            "format": FORMAT_VERSION,
            **self.manifest.to_json(),
            "result": self.result and asdict(self.result),
        }

    def write_manifest(self, result: Result | None = None) -> None:
        """Write ``run.json``, with how far the run has come."""
        self.result = result or self.result
        self.write_document()

    def write_checkpoint(
        self,
        network: PaintingNetwork,
        progress: Progress,
        optimizer_arrays: Arrays,
        errors: npt.NDArray[np.uint8] | None = None,
    ) -> None:
        """Write all that `read_checkpoint` needs; the file is a model file, too."""
        write_archive(
            self.checkpoint,
            "checkpoint",
            FORMAT_VERSION,
            {
                "fit_image_model": np.int64(MODEL_VERSION),
                **network.to_arrays(),
                **{f"progress_{name}": value for name, value in asdict(progress).items()},
                **{f"{_OPTIMIZER}{name}": array for name, array in optimizer_arrays.items()},
                **({} if errors is None else {_ERRORS: errors}),
            },
        )

    def read_checkpoint(
        self,
    ) -> tuple[PaintingNetwork, Progress, Arrays, npt.NDArray[np.uint8] | None] | None:
        """Return what `write_checkpoint` was given, or None if the run has no checkpoint yet.

        Whether the optimizer's arrays and the errors make sense is for the trainer to find out.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        if not self.checkpoint.exists():
            return None
        arrays = read_archive(self.checkpoint, "checkpoint", FORMAT_VERSION)
        try:
            state = {
                field.name: arrays[f"progress_{field.name}"].reshape(()).item()
                for field in fields(Progress)
            }
            types = {field.name: type(field.default) for field in fields(Progress)}
            if any(type(value) is not types[name] for name, value in state.items()):
                raise ValueError("progress is not made of numbers")
            if not (math.isfinite(state["loss_sum"]) and math.isfinite(state["seconds"])):
                raise ValueError("progress is not finite")
            optimizer_arrays = {
                name.removeprefix(_OPTIMIZER): array
                for name, array in arrays.items()
                if name.startswith(_OPTIMIZER)
            }
            network = PaintingNetwork.from_arrays(arrays)
            return network, Progress(**state), optimizer_arrays, arrays.get(_ERRORS)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self.checkpoint} is damaged: {error}") from error
