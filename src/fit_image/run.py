"""A run's folder: which files lie there, and how they survive whatever happens."""

from __future__ import annotations

import json
import math
import os
import platform
from contextlib import AbstractContextManager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Self

import numba
import numpy as np
import numpy.typing as npt
import PIL

from fit_image import atomic
from fit_image.archive import Arrays, read_archive, write_archive
from fit_image.config import RecordConfig
from fit_image.document import read_document
from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.frames import frame_path, frame_paths
from fit_image.image import save_image
from fit_image.locking import lock_folder
from fit_image.manifest import Manifest, Result
from fit_image.metrics import Metrics
from fit_image.model import FORMAT_VERSION as MODEL_VERSION
from fit_image.model import Network
from fit_image.progress import Progress
from fit_image.strict_json import from_json
from fit_image.version import __version__

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


class RunFolder:
    """The folder of one run.

    Attributes
    ----------
    path : Path
    manifest : Manifest
    result : Result or None
        As last written; None before the first time.
    """

    def __init__(self, path: Path, manifest: Manifest, result: Result | None = None) -> None:
        self.path = path
        self.manifest = manifest
        self.result = result
        self.frames = path / "frames"
        self.final = path / "final.png"
        self.model = path / "model.npz"
        self.checkpoint = path / "checkpoint.npz"
        self.metrics = Metrics(path / "metrics.csv")
        self.target = path / "target.png"

    @staticmethod
    def holds_run(path: Path) -> bool:
        """Return whether ``path`` is the folder of a run."""
        return (path / "run.json").exists()

    @staticmethod
    def replaced_by_run(path: Path) -> list[Path]:
        """Return the files in ``path`` that a new run would replace or remove."""
        present = [path / name for name in RUN_FILES if (path / name).exists()]
        return present + [frame for _, frame in frame_paths(path / "frames")]

    @staticmethod
    def check_spared(path: Path, output: Path, picture: Path) -> None:
        """Find out that writing to ``output`` would replace what a run in ``path`` needs.

        Raises
        ------
        InputError
            If it would, or would replace ``picture``.
        """
        kept = [path / name for name in RUN_FILES if name not in RecordConfig().animations]
        target = output.resolve()
        in_frames = target.parent == (path / "frames").resolve()
        if in_frames or target in [file.resolve() for file in (*kept, picture)]:
            raise InputError(f"{output} would replace a file that the run needs: give another name")

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

    def create(self) -> None:
        """Make the folder, or empty it of an earlier run; other files in it stay.

        Raises
        ------
        FitImageError
            If that cannot be done.
        """
        try:
            # First what must not be resumed under the new manifest; then the manifest, so that a
            # run killed at any moment can be resumed.
            self.checkpoint.unlink(missing_ok=True)
            self.frames.mkdir(parents=True, exist_ok=True)
            self.write_manifest()
            for file in self.replaced_by_run(self.path):
                if file.name != "run.json":
                    file.unlink()
        except OSError as error:
            raise FitImageError(
                f"cannot use the folder {self.path}: {os_error_reason(error)}"
            ) from error
        self._remove_leftovers()
        self.metrics.create()

    def locked(self, patience: float = 0.0) -> AbstractContextManager[None]:
        """Return a context that keeps other processes from writing to the folder.

        See `lock_folder`.
        """
        return lock_folder(self.path, patience)

    def write_manifest(self, result: Result | None = None) -> None:
        """Write ``run.json``, with how far the run has come."""
        self.result = result or self.result
        data = {
            "format": FORMAT_VERSION,
            **self.manifest.to_json(),
            "result": self.result and asdict(self.result),
            "versions": {
                "fit-image": __version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "numba": numba.__version__,
                "pillow": PIL.__version__,
                "platform": platform.platform(),
            },
        }
        text = json.dumps(data, indent=2, allow_nan=False)
        atomic.write_bytes(self.path / "run.json", f"{text}\n".encode())

    def write_frame(self, epoch: int, picture: npt.NDArray[np.uint8]) -> None:
        """Write the frame (uint8, height x width x channels) of an epoch."""
        save_image(frame_path(self.frames, epoch), picture)

    def write_checkpoint(
        self,
        network: Network,
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
    ) -> tuple[Network, Progress, Arrays, npt.NDArray[np.uint8] | None] | None:
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
            network = Network.from_arrays(arrays)
            return network, Progress(**state), optimizer_arrays, arrays.get(_ERRORS)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self.checkpoint} is damaged: {error}") from error

    def forget_after(self, epoch: int) -> None:
        """Drop rows and frames of later epochs: they will be made again from the checkpoint.

        Raises
        ------
        FitImageError
            If a file cannot be changed.
        """
        self._remove_leftovers()
        self.metrics.forget_after(epoch)
        try:
            self.frames.mkdir(exist_ok=True)
            for number, frame in frame_paths(self.frames):
                if number > epoch:
                    frame.unlink()
        except OSError as error:
            raise FitImageError(f"cannot change {self.frames}: {os_error_reason(error)}") from error

    def _remove_leftovers(self) -> None:
        for folder in (self.path, self.frames):
            atomic.remove_leftovers(folder)
