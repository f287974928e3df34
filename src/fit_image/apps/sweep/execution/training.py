"""Training of one trial in its folder, from the last checkpoint if there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fit_image.apps.animate import animate
from fit_image.apps.compiling import warm_up
from fit_image.apps.record import Recording, Status
from fit_image.apps.source import Source
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import FINISHED
from fit_image.apps.trainer import Trainer
from fit_image.errors import DivergenceError
from fit_image.manifest import Result
from fit_image.run import RunFolder

# After a sweep is interrupted and resumed at once, its old workers may still be saving checkpoints.
_LOCK_SECONDS = 20.0


def train_trial(
    trial: Trial,
    path: Path,
    source: Source,
    should_stop: Callable[[Status], bool],
    *,
    animations: bool = True,
) -> Result:
    """Train a trial with one thread; its folder is the same as that of a single fit.

    Parameters
    ----------
    trial : Trial
    path : Path
        Folder of its run, which is resumed if it exists.
    source : Source
        Its picture.
    should_stop : callable
        Called with the status several times a second; returns whether to stop.
    animations : bool
        Whether to write the animations of the manifest.

    Returns
    -------
    Result
        With status ``done``, ``diverged`` or ``interrupted``.

    Raises
    ------
    FitImageError
        If a file cannot be written, or the folder cannot be resumed.
    """
    manifest = trial.manifest
    earlier = RunFolder.holds_run(path)
    run = RunFolder.open(path) if earlier else RunFolder(path, manifest)
    with run.locked(patience=_LOCK_SECONDS):
        if earlier:
            run = RunFolder.open(path)  # again, under the lock
            if run.result and run.result.status in FINISHED:
                return run.result
        warm_up(manifest.fit)
        trainer = Trainer(source.image.levels, manifest.fit, threads=1)
        if earlier:
            recording = Recording.resume(run, source, trainer, manifest.image, manifest.record)
        else:
            recording = Recording.begin(run, trainer, source)
        status = _train(recording, should_stop)
        if status in FINISHED and animations:
            # Before the result: a run that is done has its animations.
            for name in manifest.record.animations:
                animate(run, path / name, manifest.record)
        return recording.conclude(status)


def _train(recording: Recording, should_stop: Callable[[Status], bool]) -> str:
    try:
        for status in recording.steps():
            if recording.trainer.ended is None and should_stop(status):
                return "interrupted"
    except DivergenceError:
        recording.return_to_good()
        return "diverged"
    return "done"


def share_done(trial: Trial, status: Status) -> float:
    """Return the progress of a trial (0..1), by epochs or by time, whichever is further."""
    fit = trial.manifest.fit
    learned = max(status.epoch - 1, 0) + status.position / status.pixels
    by_time = status.seconds / fit.time_limit if fit.time_limit else 0.0
    return min(max(learned / fit.epochs if status.epoch else 0.0, by_time), 1.0)
