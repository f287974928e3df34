"""The networks of earlier epochs of a run, learned again.

A run keeps its frames, and one network: the newest. The others follow from the seed, to the same
bits; whether they did is seen by the loss of each epoch, which is in the run's metrics.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from fit_image.animation.film import frame_paths
from fit_image.animation.pacing import choose_frames
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.epoch_loop import follow
from fit_image.apps.fit.picture_source import load_source
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.config.usage import unused_fields
from fit_image.errors import InputError
from fit_image.runs.trainer import EpochEnd

# Drawing is left out.
_NEVER = 1 << 62


def choose_epochs(run: FitDirectory, pace: str, every: int) -> list[int]:
    """Return the epochs of a run's frames that an animation shows, as `choose_frames` does.

    `InputError` if there is no frame.
    """
    psnr = {0: None, **{row.epoch: row.psnr for row in run.metrics.read()}}
    epochs = [epoch for epoch, _ in frame_paths(run.frames) if epoch in psnr]
    if not epochs:
        raise InputError(f"{run.path} has no frames yet")
    return choose_frames(epochs, [psnr[epoch] for epoch in epochs], pace=pace, every=every)


def networks_of_epochs(
    run: FitDirectory, epochs: Collection[int], threads: int | None = None
) -> Iterator[tuple[int, PaintingNetwork | None]]:
    """Learn the picture of a run again, and yield its network after some of its epochs.

    Parameters
    ----------
    run : FitDirectory
        Not under way, and with its picture where it was.
    epochs : collection of int
        Of `choose_epochs`.
    threads : int, optional
        As for `FitTrainer`.

    Yields
    ------
    int
        The epochs learned so far, several times a second.
    PaintingNetwork or None
        Its network, if it is one of ``epochs``: valid until the next is asked for.

    Raises
    ------
    InputError
        If the picture is missing or has changed, or an epoch does not come out as it did.
    """
    rows = {row.epoch: row for row in run.metrics.read()}
    last = max(epochs)
    trainer = _trainer(run, threads)
    trainer.warm_up()
    for end in follow(trainer, _NEVER):
        if not isinstance(end, EpochEnd):
            yield max(end - 1, 0), None
            continue
        epoch, network = end.epoch, trainer.network
        if epoch > 0 and f"{end.metrics.loss:.9g}" != f"{rows[epoch].loss:.9g}":
            network = _cut_short(run, epoch, newest=max(rows))
        yield epoch, network if epoch in epochs else None
        if epoch == last:
            return


def _cut_short(run: FitDirectory, epoch: int, newest: int) -> PaintingNetwork:
    """Return the network of an epoch that a time limit ended; `InputError` if none did."""
    if run.result and run.result.ended == "time-limit" and epoch == newest:
        return PaintingNetwork.load(run.model)
    raise InputError(
        f"epoch {epoch} of {run.path} cannot be learned again: it has another loss here than in "
        "metrics.csv; was the run resumed with other options, or on another kind of processor?"
    )


def _trainer(run: FitDirectory, threads: int | None) -> FitTrainer:
    manifest = run.manifest
    picture = manifest.picture
    if picture.path == "-":
        raise InputError(f"{run.path} learned a picture from standard input: it is not kept")
    source = load_source(picture.path, manifest.image)
    if source.picture.sha256 != picture.sha256:
        raise InputError(f"{picture.path} has changed since {run.path} learned it")
    fit = manifest.fit
    if fit.schedule_by == "time" and "schedule_by" not in unused_fields(fit):
        raise InputError(
            f"{run.path} had a schedule by time: the networks of its epochs cannot be learned again"
        )
    # The run's end is that of its metrics; the schedule of the learning rate needs the epochs.
    config = replace(fit, time_limit=None, target_psnr=None)
    return FitTrainer(source.image.levels, config, threads=threads)
