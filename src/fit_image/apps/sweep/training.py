"""Training one trial in its folder, from wherever it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fit_image.apps.animate import animate
from fit_image.apps.compiling import warm_up
from fit_image.apps.fit_directory import FitDirectory, FitResult
from fit_image.apps.source import PictureSource
from fit_image.apps.sweep.outcome import FINISHED
from fit_image.apps.sweep.trial import Trial
from fit_image.apps.trainer import FitTrainer
from fit_image.errors import DivergenceError
from fit_image.runs.progress import Status
from fit_image.runs.recorder import RunRecorder

# An interrupted sweep that is resumed at once may find its last workers saving their state.
_PATIENCE = 20.0


def train_trial(
    trial: Trial,
    path: Path,
    source: PictureSource,
    should_stop: Callable[[Status], bool],
    *,
    animations: bool = True,
) -> FitResult:
    """Train a trial with one thread, and leave its folder as a single fit would.

    Parameters
    ----------
    trial : Trial
    path : Path
        The folder of its run; it goes on where that one was stopped.
    source : PictureSource
        Its picture, loaded.
    should_stop : callable
        Is given the status several times a second, and returns whether to stop here.
    animations : bool
        Whether to make the animations that the manifest asks for.

    Returns
    -------
    FitResult
        Its status is ``done``, ``diverged`` or ``interrupted``.

    Raises
    ------
    FitImageError
        If a file cannot be written, or the folder cannot be resumed.
    """
    manifest = trial.manifest
    earlier = FitDirectory.holds_run(path)
    run = FitDirectory.open(path) if earlier else FitDirectory(path, manifest)
    with run.locked(patience=_PATIENCE):
        if earlier:
            run = FitDirectory.open(path)  # again, now that no other process can write
            if run.result and run.result.status in FINISHED:
                return run.result
        warm_up(manifest.fit)
        trainer = FitTrainer(source.image.levels, manifest.fit, threads=1)
        recorder = (
            RunRecorder.resume(run, trainer, replace(manifest, picture=source.picture))
            if earlier
            else RunRecorder.begin(run, trainer)
        )
        status = _train(recorder, should_stop)
        if status in FINISHED and animations:
            # Before the result is written: a run that is done has them.
            for name in manifest.record.animations:
                animate(run, path / name, manifest.record)
        result: FitResult = recorder.conclude(status)
        return result


def _train(recorder: RunRecorder[FitTrainer], should_stop: Callable[[Status], bool]) -> str:
    try:
        for status in recorder.steps():
            if recorder.trainer.ended is None and should_stop(status):
                return "interrupted"
    except DivergenceError:
        recorder.rollback()
        return "diverged"
    return "done"
