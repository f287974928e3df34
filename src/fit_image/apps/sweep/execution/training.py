"""Training one trial in its folder, from wherever it stands."""

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

# An interrupted sweep that is resumed at once may find its last workers saving their state.
_PATIENCE = 20.0


def train_trial(
    trial: Trial,
    path: Path,
    source: Source,
    should_stop: Callable[[Status], bool],
    *,
    animations: bool = True,
) -> Result:
    """Train a trial with one thread, and leave its folder as a single fit would.

    Parameters
    ----------
    trial : Trial
    path : Path
        The folder of its run; it goes on where that one was stopped.
    source : Source
        Its picture, loaded.
    should_stop : callable
        Is given the status several times a second, and returns whether to stop here.
    animations : bool
        Whether to make the animations that the manifest asks for.

    Returns
    -------
    Result
        Its status is ``done``, ``diverged`` or ``interrupted``.

    Raises
    ------
    FitImageError
        If a file cannot be written, or the folder cannot be resumed.
    """
    manifest = trial.manifest
    earlier = RunFolder.holds_run(path)
    run = RunFolder.open(path) if earlier else RunFolder(path, manifest)
    with run.locked(patience=_PATIENCE):
        if earlier:
            run = RunFolder.open(path)  # again, now that no other process can write
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
            # Before the result is written: a run that is done has them.
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
    """Return how much of a trial is done (0..1), by its epochs or by its time."""
    fit = trial.manifest.fit
    learned = max(status.epoch - 1, 0) + status.position / status.pixels
    by_time = status.seconds / fit.time_limit if fit.time_limit else 0.0
    return min(max(learned / fit.epochs if status.epoch else 0.0, by_time), 1.0)
