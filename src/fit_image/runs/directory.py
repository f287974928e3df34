"""The directory of a run: the files that all kinds have, and how they survive crashes."""

from __future__ import annotations

import json
import os
import platform
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numba
import numpy as np
import numpy.typing as npt
import PIL

from fit_image.animation.film import frame_path, frame_paths, read_frame
from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.images.io import encode_png
from fit_image.images.showing import Shown, ShownInNotebooks
from fit_image.runs.manifest import Manifest, Result, RunResult
from fit_image.runs.metrics import EpochMetrics, MetricsFile
from fit_image.storage import atomic
from fit_image.storage.dataclass_json import from_json
from fit_image.storage.json_document import read_document
from fit_image.storage.locking import lock_folder
from fit_image.storage.npz import Arrays, read_archive, write_archive
from fit_image.storage.untrusted import check_not_link
from fit_image.version import __version__

_OF_ALL_KINDS = ("metrics.csv", "checkpoint.npz", "model.npz", "final.png", "animation.gif")
"""Files that all kinds of runs write."""


class RunDirectory(ShownInNotebooks):
    """The directory of a run, its manifest, and its last result; a subclass for every kind.

    In a notebook, the newest frame.

    Attributes
    ----------
    description : str
        The kind in messages, such as ``run`` or ``training of digits``.
    document_name : str
        The file that makes a directory one of its kind.
    archive_kind, model_kind : str
        Of its checkpoints, and of its model file.
    format_version, checkpoint_version : int
        Of its document, and of its checkpoints: these hold parameters as they lie in memory.
    manifest_type, result_type, metrics_type : type
    own_files : tuple of str
        Files of a run besides the document and those of all kinds.
    made_again : tuple of str
        Files that users may make themselves, too.
    snapshot_name : str or None
        The file of `Trainer.snapshot`, if that has one of its own.
    usage : str
        The words of a command that uses the model of ``RUN``.
    """

    description: ClassVar[str]
    document_name: ClassVar[str]
    archive_kind: ClassVar[str]
    model_kind: ClassVar[str]
    format_version: ClassVar[int] = 1
    checkpoint_version: ClassVar[int] = 2
    manifest_type: ClassVar[type[Manifest]]
    result_type: ClassVar[type[Result]] = RunResult
    metrics_type: ClassVar[type[EpochMetrics]]
    own_files: ClassVar[tuple[str, ...]] = ()
    made_again: ClassVar[tuple[str, ...]] = ()
    snapshot_name: ClassVar[str | None] = None
    usage: ClassVar[str]

    _kinds: ClassVar[list[type[RunDirectory]]] = []

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        RunDirectory._kinds.append(cls)

    def __init__(self, path: Path, manifest: Any, result: Any = None) -> None:
        self.path = path
        self.manifest = manifest
        self.result = result
        self.metrics: MetricsFile[Any] = MetricsFile(path / "metrics.csv", self.row_type)
        self.frames = path / "frames"
        self.final = path / "final.png"
        self.model = path / "model.npz"
        self.checkpoint = path / "checkpoint.npz"

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open the directory of an existing run; `InputError` if it holds none of this version."""
        path = Path(path)
        file = path / cls.document_name
        data = read_document(file, cls.description, cls.format_version)
        try:
            result = data.get("result")
            return cls(
                path,
                cls.manifest_type.from_json(data),
                None if result is None else from_json(cls.result_type, result),
            )
        except InputError as error:
            raise InputError(f"{file} is damaged: {error}") from error

    @classmethod
    @abstractmethod
    def describe_model(cls, path: Path) -> dict[str, Any]:
        """Return the facts of a model file that ``fit-image info`` shows, as JSON values."""

    @classmethod
    def file_names(cls) -> tuple[str, ...]:
        """Return the files of a run, except its frames."""
        return (cls.document_name, *_OF_ALL_KINDS, *cls.own_files)

    @classmethod
    def holds_run(cls, path: Path) -> bool:
        """Return whether ``path`` is a directory of this kind."""
        return (path / cls.document_name).exists()

    @classmethod
    def replaced_by_run(cls, path: Path) -> list[Path]:
        """Return the files in ``path`` that a new run would replace or remove."""
        names = dict.fromkeys(name for kind in (cls, *cls._kinds) for name in kind.file_names())
        present = [path / name for name in names if (path / name).exists()]
        return present + [frame for _, frame in frame_paths(path / "frames")]

    @classmethod
    def check_folder(cls, path: Path) -> None:
        """Raise `InputError` if ``path`` cannot be a folder, because something else is there."""
        if path.is_symlink() and not path.exists():
            raise InputError(f"cannot use {path}: it is a broken link; choose another with -o")
        check_not_link(path / "frames")
        folder = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
        if not folder.is_dir():
            raise InputError(f"cannot use {path}: {folder} is not a folder; choose another with -o")

    @classmethod
    def check_replaced(cls, path: Path, *, overwrite: bool) -> None:
        """Raise `InputError` if a new run would replace files without ``overwrite``."""
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
    def check_output(cls, path: Path, output: Path, *inputs: Path) -> None:
        """Raise `InputError` if ``output`` is one of ``inputs``, or needed by a run in ``path``."""
        needed = [path / name for name in cls.file_names() if name not in cls.made_again]
        target = Path(os.path.realpath(output))
        in_frames = target.parent == Path(os.path.realpath(path / "frames"))
        if in_frames or target in [Path(os.path.realpath(file)) for file in (*needed, *inputs)]:
            raise InputError(f"{output} would replace a file that the run needs: give another name")

    @property
    def row_type(self) -> type[EpochMetrics]:
        """The type of this run's rows of ``metrics.csv``, which may have more columns."""
        return self.metrics_type

    @property
    def target(self) -> Path | None:
        """The file of the picture that is learned, if it is one."""
        return None

    @property
    def background(self) -> str:
        """The CSS colour behind transparent frames."""
        return "white"

    def create(self) -> None:
        """Make the folder, or empty it of an earlier run; other files in it stay."""
        check_not_link(self.frames)
        try:
            # First what must not be resumed under the new document; then the document, so that a
            # run killed at any moment can be resumed.
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
        atomic.remove_leftovers(self.path, self.frames)
        self.metrics.create()

    def locked(self, patience: float = 0.0) -> AbstractContextManager[None]:
        """Return the context of `lock_folder`."""
        return lock_folder(self.path, patience)

    def write_document(self) -> None:
        """Write the manifest, the result and the versions of the libraries."""
        data = {
            "format": self.format_version,
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
        atomic.write_bytes(self.path / self.document_name, f"{text}\n".encode())

    def check_resumable(self, asked: Manifest) -> None:
        """Raise `InputError`, naming what differs, if the run learns otherwise than asked."""
        found = self.manifest.differences(asked)
        if found:
            raise InputError(
                f"cannot resume {self.path}: {', '.join(found)} differ{'s' * (len(found) == 1)}; "
                "choose another folder with -o, or --overwrite"
            )

    def prepare(self, trainer: Any) -> None:  # not every kind needs something
        """Write further files that a run of this kind needs, if they are missing."""

    def describe(self) -> dict[str, Any]:
        """Return the facts that ``fit-image info`` shows, as JSON values."""
        facts = {"run": str(self.path), **self.manifest.describe()}
        facts |= asdict(self.result) if self.result else {}
        # The rows are newer than the document while a run is under way, or when it was killed.
        rows = self.metrics.read()
        facts["epochs_done"] = self._epochs_done(rows)
        facts["epochs"] = self.manifest.epochs
        facts |= self.row_type.newest(rows) if rows else {}
        facts["frames"] = len(frame_paths(self.frames))
        return facts

    def shown(self) -> Shown:
        """Return the picture and the line that a notebook shows."""
        frames, rows = frame_paths(self.frames), self.metrics.read()
        caption = f"{self.path}: {self._epochs_done(rows)} of {self.manifest.epochs} epochs"
        for name, value in self.row_type.newest(rows).items():
            if value is not None:
                caption += f", {name} {value:{self.row_type.formats[name]}}"
        return Shown(read_frame(frames[-1][1]) if frames else None, caption)

    def _epochs_done(self, rows: Sequence[EpochMetrics]) -> int:
        return rows[-1].epoch if rows else getattr(self.result, "epochs", 0)

    def write_checkpoint(self, arrays: Mapping[str, Any]) -> None:
        """Write the arrays of `Trainer.checkpoint`."""
        write_archive(self.checkpoint, self.archive_kind, self.checkpoint_version, arrays)

    def read_checkpoint(self) -> Arrays | None:
        """Return the arrays of the checkpoint, or None if there is none yet.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        return self._read_arrays(self.checkpoint)

    def write_snapshot(self, arrays: Arrays | None) -> None:
        """Write the last good state, if that has a file of its own."""
        if self.snapshot_name and arrays is not None:
            file = self.path / self.snapshot_name
            write_archive(file, self.archive_kind, self.checkpoint_version, arrays)

    def read_snapshot(self) -> Arrays | None:
        """Return the arrays of the last good state, or None if it has no file.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        return self._read_arrays(self.path / self.snapshot_name) if self.snapshot_name else None

    def _read_arrays(self, path: Path) -> Arrays | None:
        if not path.exists():
            return None
        return read_archive(path, self.archive_kind, self.checkpoint_version)

    def write_frame(
        self, epoch: int, picture: npt.NDArray[np.uint8], file: bytes | None = None
    ) -> None:
        """Write the frame (uint8, height x width x channels) of an epoch.

        ``file`` is what `fit_image.images.io.encode_png` returns for it, if that is known.
        """
        atomic.write_bytes(frame_path(self.frames, epoch), file or encode_png(picture))

    def copy_final(self) -> None:
        """Make the newest frame the final picture."""
        frames = frame_paths(self.frames)
        if frames:
            atomic.copy(frames[-1][1], self.final)

    def forget_after(self, epoch: int) -> None:
        """Drop rows and frames of later epochs: they will be made again from the checkpoint.

        Raises
        ------
        InputError
            If the folder of frames is a link.
        FitImageError
            If a file cannot be changed.
        """
        check_not_link(self.frames)
        atomic.remove_leftovers(self.path, self.frames)
        self.metrics.forget_after(epoch)
        try:
            self.frames.mkdir(exist_ok=True)
            for number, frame in frame_paths(self.frames):
                if number > epoch:
                    frame.unlink()
        except OSError as error:
            raise FitImageError(f"cannot change {self.frames}: {os_error_reason(error)}") from error
