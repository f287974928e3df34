"""Transfer of a run's files, as bytes, between the sweep's folder and a worker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from fit_image.animation.film import frame_paths
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.picture_source import PictureSource
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import FINISHED
from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.runs.animate import animate
from fit_image.storage import atomic
from fit_image.storage.npz import Arrays, whole_number_of
from fit_image.storage.untrusted import check_not_link

Files = dict[str, bytes]

# In the order of reading: metrics are written before the checkpoint that refers to them.
_STATE = ("checkpoint.npz", "metrics.csv", "run.json")
_OUTPUT = (*_STATE, "model.npz")

_FRAME_NAME = re.compile(r"frames/epoch-\d{6,}\.png", re.ASCII)


def read_state(path: Path) -> Files:
    """Read the files from which a run resumes, by name; none if there is no run.

    Raises
    ------
    FitImageError
        If a file cannot be read.
    """
    return _read(path, _STATE) if FitDirectory.holds_run(path) else {}


def write_state(path: Path, state: Mapping[str, bytes]) -> None:
    """Write what `read_state` returned to a new folder."""
    path.mkdir()
    for name, data in state.items():
        (path / name).write_bytes(data)


def read_output(path: Path) -> Files:
    """Read the state, the model and all frames of a run, by name.

    Raises
    ------
    FitImageError
        If a file cannot be read.
    """
    frames = [f"frames/{frame.name}" for _, frame in frame_paths(path / "frames")]
    return _read(path, (*_OUTPUT, *frames))


def store_output(
    trial: Trial, path: Path, source: PictureSource, status: str, output: Mapping[str, bytes]
) -> None:
    """Write a worker's `read_output` to the folder of a run, unchanged since `read_state`, or new.

    Files that can be made here are not transferred: the target, the spectra, the final picture, the
    animations.
    If these are not the files of a run, `InputError` is raised and nothing is written.
    """
    _check_names(output)
    check_not_link(path)
    run = FitDirectory(path, trial.manifest)
    with run.locked(patience=20.0):
        arrays = run.read_checkpoint()
        run.forget_after(_epoch(run, arrays) if arrays else 0)
        for name in sorted(name for name in output if name not in _OUTPUT):
            atomic.write_bytes(path / name, output[name])
        run.add_files(source.image.levels)
        for name in ("metrics.csv", "checkpoint.npz", "model.npz"):
            atomic.write_bytes(path / name, output[name])
        rows = run.metrics.read()
        # The old checkpoint may be of a run that was restarted since.
        run.forget_after(rows[-1].epoch if rows else 0)
        run.copy_final()
        if status in FINISHED:
            for name in trial.manifest.record.animations:
                animate(run, path / name, trial.manifest.record)
        # Last: a run that is done has all its files.
        atomic.write_bytes(path / "run.json", output["run.json"])


def _epoch(run: FitDirectory, arrays: Arrays) -> int:
    try:
        return whole_number_of(arrays, "progress_epoch")
    except ValueError as error:
        raise InputError(f"{run.checkpoint} is damaged: {error}") from error


def _check_names(output: Mapping[str, bytes]) -> None:
    missing = [name for name in _OUTPUT if name not in output]
    if missing:
        raise InputError(f"a worker returned no {missing[0]}")
    for name in output:
        if name not in _OUTPUT and not _FRAME_NAME.fullmatch(name):
            raise InputError(f"a worker returned a file that is not part of a run: {name[:80]!a}")


def _read(path: Path, names: tuple[str, ...]) -> Files:
    files = {}
    for name in names:
        try:
            files[name] = (path / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise FitImageError(f"cannot read {path / name}: {os_error_reason(error)}") from error
    return files
