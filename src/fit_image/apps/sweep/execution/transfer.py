"""A run's files as bytes, on their way between the sweep's folder and a worker elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from fit_image import atomic
from fit_image.apps.animate import animate
from fit_image.apps.source import Source
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import FINISHED
from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.frames import frame_paths
from fit_image.image import save_image
from fit_image.run import RunFolder

Files = dict[str, bytes]

# In the order in which they are read: rows are written before the checkpoint that counts on them.
_STATE = ("checkpoint.npz", "metrics.csv", "run.json")
_NEWS = (*_STATE, "model.npz")

_FRAME_NAME = re.compile(r"frames/epoch-\d{6,}\.png", re.ASCII)


def read_state(path: Path) -> Files:
    """Return what a run needs to go on, by the files' names; nothing if there is no run.

    Raises
    ------
    FitImageError
        If a file cannot be read.
    """
    return _read(path, _STATE) if RunFolder.holds_run(path) else {}


def write_state(path: Path, state: Mapping[str, bytes]) -> None:
    """Make the folder of a run of what `read_state` returned; OSError if that fails."""
    path.mkdir()
    for name, data in state.items():
        (path / name).write_bytes(data)


def read_output(path: Path) -> Files:
    """Return the state, the model, and all frames there are.

    Raises
    ------
    FitImageError
        If a file cannot be read.
    """
    frames = [f"frames/{frame.name}" for _, frame in frame_paths(path / "frames")]
    return _read(path, (*_NEWS, *frames))


def store_output(
    trial: Trial, path: Path, source: Source, status: str, news: Mapping[str, bytes]
) -> None:
    """Write what `read_output` returned elsewhere to the folder of the trial's run.

    What can be made here does not travel: the target, the final picture, the animations.

    Parameters
    ----------
    trial : Trial
    path : Path
        The folder of its run, as it was when the state was read, or new.
    source : Source
        Its picture.
    status : str
        What ``run.json`` says among the news.
    news : mapping of str to bytes

    Raises
    ------
    InputError
        If the files are not those of a run; then nothing is written.
    FitImageError
        If a file cannot be written.
    """
    _check_names(news)
    run = RunFolder(path, trial.manifest)
    with run.locked(patience=20.0):
        _forget_after_checkpoint(run)
        for name in sorted(name for name in news if name not in _NEWS):
            atomic.write_bytes(path / name, news[name])
        if not run.target.exists():
            save_image(run.target, source.image.levels)
        for name in ("metrics.csv", "checkpoint.npz", "model.npz"):
            atomic.write_bytes(path / name, news[name])
        rows = run.metrics.read()
        # The checkpoint may have been one of a run that has begun again since.
        run.forget_after(rows[-1].epoch if rows else 0)
        frames = frame_paths(run.frames)
        if frames:
            atomic.copy(frames[-1][1], run.final)
        if status in FINISHED:
            for name in trial.manifest.record.animations:
                animate(run, path / name, trial.manifest.record)
        # Last: a run that is done has all of its files.
        atomic.write_bytes(path / "run.json", news["run.json"])


def _check_names(news: Mapping[str, bytes]) -> None:
    missing = [name for name in _NEWS if name not in news]
    if missing:
        raise InputError(f"a worker returned no {missing[0]}")
    for name in news:
        if name not in _NEWS and not _FRAME_NAME.fullmatch(name):
            raise InputError(f"a worker returned a file that is none of a run: {name[:80]!a}")


def _forget_after_checkpoint(run: RunFolder) -> None:
    saved = run.read_checkpoint()
    run.forget_after(saved[1].epoch if saved else 0)


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
