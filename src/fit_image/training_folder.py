"""The folder of a training: the files that all kinds have, and how they survive what happens."""

from __future__ import annotations

import json
import os
import platform
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np
import numpy.typing as npt
import PIL

from fit_image import atomic
from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.frames import frame_path, frame_paths
from fit_image.image import save_image
from fit_image.locking import lock_folder
from fit_image.metrics import MetricsFile
from fit_image.version import __version__

_OF_SOME_KINDS = ("run.json", "digits.json", "autoencoder.json", "unjpeg.json", "good.npz")
"""The documents of all kinds of trainings, and what else not all of them have."""


class TrainingFolder(ABC):
    """The folder of a training.

    Parameters
    ----------
    path : Path
    metrics : MetricsFile
        Its ``metrics.csv``.

    Attributes
    ----------
    document_name : str
        The file that makes a folder one of its kind.
    file_names : tuple of str
        All that a training writes there, but for the frames.
    made_again : tuple of str
        Of these, those that users may make themselves.
    """

    document_name: ClassVar[str]
    file_names: ClassVar[tuple[str, ...]]
    made_again: ClassVar[tuple[str, ...]] = ()

    def __init__(self, path: Path, metrics: MetricsFile[Any]) -> None:
        self.path = path
        self.metrics = metrics
        self.frames = path / "frames"
        self.final = path / "final.png"
        self.model = path / "model.npz"
        self.checkpoint = path / "checkpoint.npz"

    @classmethod
    def holds_run(cls, path: Path) -> bool:
        """Return whether ``path`` is a folder of this kind."""
        return (path / cls.document_name).exists()

    @classmethod
    def replaced_by_run(cls, path: Path) -> list[Path]:
        """Return the files in ``path`` that a new training would replace or remove."""
        names = dict.fromkeys((*cls.file_names, *_OF_SOME_KINDS))
        present = [path / name for name in names if (path / name).exists()]
        return present + [frame for _, frame in frame_paths(path / "frames")]

    @classmethod
    def check_folder(cls, path: Path) -> None:
        """Raise `InputError` if ``path`` cannot be a folder, because something else is there."""
        if path.is_symlink() and not path.exists():
            raise InputError(f"cannot use {path}: it is a link to nothing; choose another with -o")
        folder = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
        if not folder.is_dir():
            raise InputError(f"cannot use {path}: {folder} is not a folder; choose another with -o")

    @classmethod
    def check_replaced(cls, path: Path, *, overwrite: bool) -> None:
        """Raise `InputError` if a new training would replace what the user has not offered."""
        if (path / "sweep.json").exists():
            raise InputError(f"{path} holds a sweep: choose another folder with -o")
        if overwrite:
            return
        if cls.holds_run(path):
            raise InputError(
                f"{path} already holds a run: --resume goes on with it, --overwrite replaces it, "
                "-o chooses another folder"
            )
        replaced = cls.replaced_by_run(path)
        if replaced:
            raise InputError(
                f"{replaced[0]} would be replaced: --overwrite allows it, -o chooses another folder"
            )

    @classmethod
    def check_spared(cls, path: Path, output: Path, *inputs: Path) -> None:
        """Find out that writing to ``output`` would replace what a training in ``path`` needs.

        Raises
        ------
        InputError
            If it would, or would replace one of ``inputs``.
        """
        kept = [path / name for name in cls.file_names if name not in cls.made_again]
        target = Path(os.path.realpath(output))
        in_frames = target.parent == Path(os.path.realpath(path / "frames"))
        if in_frames or target in [Path(os.path.realpath(file)) for file in (*kept, *inputs)]:
            raise InputError(f"{output} would replace a file that the run needs: give another name")

    def create(self) -> None:
        """Make the folder, or empty it of an earlier training; other files in it stay.

        Raises
        ------
        FitImageError
            If that cannot be done.
        """
        try:
            # First what must not be resumed under the new document; then the document, so that a
            # training killed at any moment can be resumed.
            self.checkpoint.unlink(missing_ok=True)
            self.frames.mkdir(parents=True, exist_ok=True)
            self.write_document()
            for file in self.replaced_by_run(self.path):
                if file.name != self.document_name:
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

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """Return what the document holds, as JSON values, but for the versions of programs."""

    def write_document(self) -> None:
        """Write the document.

        Raises
        ------
        FitImageError
            If that fails.
        """
        data = {
            **self.document(),
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
        atomic.write_bytes(self.path / self.document_name, f"{text}\n".encode())

    def write_frame(self, epoch: int, picture: npt.NDArray[np.uint8]) -> None:
        """Write the frame (uint8, height x width x channels) of an epoch."""
        save_image(frame_path(self.frames, epoch), picture)

    def copy_final(self) -> None:
        """Make the newest frame the final picture.

        Raises
        ------
        FitImageError
            If that fails.
        """
        frames = frame_paths(self.frames)
        if frames:
            atomic.copy(frames[-1][1], self.final)

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
