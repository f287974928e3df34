"""All kinds of runs, for replacing or describing a run of any kind, and what each is used by."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from fit_image.apps.autoencode.directory import AutoencoderDirectory
from fit_image.apps.digits.directory import DigitsDirectory
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.unjpeg.directory import UnjpegDirectory
from fit_image.errors import InputError, one_line
from fit_image.runs.directory import RunDirectory
from fit_image.storage.npz import is_archive

KINDS: tuple[type[RunDirectory], ...] = (
    DigitsDirectory,
    AutoencoderDirectory,
    UnjpegDirectory,
    FitDirectory,
)
"""The last one is what a path is taken for that is of no other kind."""


def kind_of(path: Path) -> type[RunDirectory] | None:
    """Return the kind of a folder, of its model or of a model file; None if it is of no kind."""
    if path.is_dir():
        for kind in KINDS:
            if kind.holds_run(path):
                return kind
        path = path / "model.npz"
    return next((kind for kind in KINDS if is_archive(path, kind.model_kind)), None)


def open_run(path: str | os.PathLike[str]) -> RunDirectory:
    """Open the folder of a run of any kind, of the commands ``fit``, ``digits train`` and so on.

    In a notebook, a run shows its newest frame. Its ``manifest`` says how it was made, ``metrics``
    reads its table, and ``describe()`` returns the facts that ``fit-image info`` shows.

    Raises
    ------
    InputError
        If it is missing, damaged, or no such folder.
    """
    if not isinstance(path, str | os.PathLike):
        kind = type(path).__name__
        raise InputError(f"a run is opened by the path of its folder, as text; not by {kind}")
    path = Path(path)
    found = next((kind for kind in KINDS if kind.holds_run(path)), KINDS[-1])
    check_kind(path, found)
    return found.open(path)


def check_kind(path: Path, wanted: type[RunDirectory] | None) -> None:
    """Raise `InputError`, naming the command that serves, if ``path`` is of another kind.

    What is of no kind at all passes: reading it gives the better message.

    Parameters
    ----------
    path : Path
        A folder or a model file.
    wanted : type or None
        The kind of run; None for a sweep, or where a folder is wanted.
    """
    name = one_line(path)
    if SweepDirectory.holds_sweep(path):
        if wanted:
            raise InputError(
                f"{name} is the folder of a sweep: give one of the runs in {name}/trials; "
                f"fit-image info {shlex.quote(str(path))} names the best"
            )
        return
    kind = kind_of(path)
    if kind is None:
        _check_whole(path)
        if wanted and path.is_dir() and not any(path.glob("*.npz")):
            raise InputError(
                f"{name} is not the folder of a {wanted.description}: it has neither "
                f"{wanted.document_name} nor model.npz"
            )
    elif wanted is None:
        raise InputError(f"{name} is the model of a {kind.description}: give the folder of a run")
    elif kind is not wanted:
        found = f"belongs to a {kind.description}, not to a {wanted.description}"
        raise InputError(f"{name} {found}: {_use(kind, path)}")


def check_data(path: Path, wanted: str) -> None:
    """Raise `InputError` if ``path``, given as ``wanted`` to learn, is a run or a sweep."""
    kind = kind_of(path)
    if kind:
        problem = f"belongs to a {kind.description}: give {wanted}; {_use(kind, path)}"
        raise InputError(f"{one_line(path)} {problem}")
    if SweepDirectory.holds_sweep(path):
        raise InputError(f"{one_line(path)} is the folder of a sweep: give {wanted}")


def check_picture(path: Path) -> None:
    """Raise `InputError` if ``path``, given as the one picture of a command, cannot be one."""
    check_data(path, "a picture")
    if path.is_dir():
        problem = f"is a directory: give one picture, or fit-image sweep {path}/*.png, or so"
        raise InputError(f"{one_line(path)} {problem}")


def _use(kind: type[RunDirectory], path: Path) -> str:
    return f"fit-image {kind.usage.replace('RUN', shlex.quote(str(path)))} uses it"


def _check_whole(path: Path) -> None:
    """Raise `InputError` if ``path`` is a file or a folder inside the folder of a run or sweep."""
    if not path.exists():
        return
    for folder in path.absolute().parents[:2]:
        names = {name for kind in KINDS if kind.holds_run(folder) for name in kind.file_names()}
        if SweepDirectory.holds_sweep(folder):
            names |= {"sweep.json", "trials"}
        # A damaged model is to be told as such.
        names -= {"model.npz"}
        if path.absolute().relative_to(folder).parts[0] in {*names, "frames"} and names:
            raise InputError(f"{one_line(path)} is a part of {one_line(folder)}: give that folder")
