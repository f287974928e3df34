"""Training of one trial in its folder, from the last checkpoint if there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.manifest import FitResult
from fit_image.apps.fit.picture_source import PictureSource
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.fit.warm_up import warm_up
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import FINISHED
from fit_image.errors import DivergenceError
from fit_image.runs.animate import animate
from fit_image.runs.progress import Status
from fit_image.runs.recorder import RunRecorder
from fit_image.storage.untrusted import check_not_link

# After a sweep is interrupted and resumed at once, its old workers may still be saving checkpoints.
_LOCK_SECONDS = 20.0


def train_trial(
    trial: Trial,
    path: Path,
    source: PictureSource,
    should_stop: Callable[[Status], bool],
    *,
    until: int | None = None,
    animations: bool = True,
) -> FitResult:
    """Train a trial with one thread; its folder is the same as that of a single fit.

    Parameters
    ----------
    path : Path
        Folder of its run, which is resumed if it exists.
    should_stop : callable
        Called with the status several times a second; returns whether to stop.
    until : int, optional
        Pause after this epoch, with all that is needed to go on. Default: train to the end.
    animations : bool
        Whether to write the animations of the manifest when the trial is finished.

    Returns
    -------
    FitResult
        With status ``done``, ``diverged``, ``paused`` or ``interrupted``.

    Raises
    ------
    FitImageError
        If a file cannot be written, or the folder cannot be resumed.
    """
    manifest = trial.manifest
    check_not_link(path)
    earlier = FitDirectory.holds_run(path)
    run = FitDirectory.open(path) if earlier else FitDirectory(path, manifest)
    with run.locked(patience=_LOCK_SECONDS):
        if earlier:
            run = FitDirectory.open(path)  # again, under the lock
            if run.result and run.result.status in FINISHED and run.model.exists():
                return run.result
        warm_up(manifest.fit, [source.image.levels.dtype])
        trainer = FitTrainer(source.image.levels, manifest.fit, threads=1)
        recorder = (
            RunRecorder.resume(run, trainer, replace(manifest, picture=source.picture))
            if earlier
            else RunRecorder.begin(run, trainer)
        )
        status = _train(recorder, should_stop, until)
        if status in FINISHED and animations:
            # Before the result: a run that is done has its animations.
            for name in manifest.record.animations:
                animate(run, path / name, manifest.record)
        result: FitResult = recorder.conclude(status)
        return result


def _train(
    recorder: RunRecorder[FitTrainer], should_stop: Callable[[Status], bool], until: int | None
) -> str:
    trainer = recorder.trainer

    def is_due() -> bool:
        return until is not None and trainer.progress.epoch >= until and trainer.ended is None

    try:
        if is_due():
            return "paused"
        for status in recorder.steps():
            if trainer.ended is None and should_stop(status):
                return "interrupted"
            if is_due():
                return "paused"
    except DivergenceError:
        recorder.rollback()
        return "diverged"
    return "done"
