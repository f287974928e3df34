"""Training that is recorded in a run's folder, and can be stopped and resumed anywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fit_image.apps.course import Milestone, follow
from fit_image.apps.source import Source
from fit_image.apps.trainer import Trainer
from fit_image.config import FitConfig, ImageConfig, RecordConfig, option_of
from fit_image.errors import InputError
from fit_image.image import save_image
from fit_image.manifest import Manifest, Result
from fit_image.metrics import Row
from fit_image.run import RunFolder
from fit_image.strict_json import to_json

# A checkpoint may cost this share of the time; the interval stays between the two bounds.
_CHECKPOINT_SHARE = 0.005
_CHECKPOINT_SECONDS = (20.0, 55.0)

# How long a run lasts may change when it is resumed, and nothing else of what it learns.
_FREE = {"epochs", "target_psnr", "time_limit"}


@dataclass(frozen=True)
class Status:
    """Where a recording stands.

    Attributes
    ----------
    epoch : int
        The epoch under way, or just recorded; 0 while the untrained network is drawn.
    position : int
        Its pixels learned so far.
    pixels : int
        Pixels of the picture.
    psnr : float or None
        Of the newest frame, in dB.
    seconds : float
        Training time so far.
    """

    epoch: int
    position: int
    pixels: int
    psnr: float | None
    seconds: float


class Recording:
    """A run under way: a trainer and the folder that its results go to.

    Parameters
    ----------
    run : RunFolder
        Locked by the caller (`RunFolder.locked`).
    trainer : Trainer
    """

    def __init__(self, run: RunFolder, trainer: Trainer) -> None:
        self.run = run
        self.trainer = trainer
        self._psnr, self._loss = self.run.metrics.newest_figures()
        self._wall_before = run.result.wall_seconds if run.result else 0.0
        self._began = time.monotonic()
        self._saved_at = self._began
        self._save_cost = 0.0
        self._recorded_epoch: int | None = None

    @classmethod
    def begin(cls, run: RunFolder, trainer: Trainer, source: Source) -> Recording:
        """Start a run in its folder, emptied of any earlier run.

        Raises
        ------
        FitImageError
            If the folder cannot be written.
        """
        run.create()
        save_image(run.target, source.image.levels)
        recording = cls(run, trainer)
        run.write_manifest(recording.result("running"))
        recording.checkpoint()
        return recording

    @classmethod
    def resume(
        cls,
        run: RunFolder,
        source: Source,
        trainer: Trainer,
        image: ImageConfig,
        record: RecordConfig,
    ) -> Recording:
        """Go on with a run from its last checkpoint.

        Parameters
        ----------
        run : RunFolder
        source : Source
        trainer : Trainer
            A new one for the same picture and configuration, but perhaps other stopping rules.
        image : ImageConfig
            How the picture was prepared.
        record : RecordConfig
            What to keep from here on.

        Raises
        ------
        InputError
            If the picture or the configuration is another one; names what differs.
        FitImageError
            If the folder cannot be written.
        """
        check_resumable(run, source, trainer.config, image)
        try:
            saved = run.read_checkpoint()
            if saved:
                trainer.restore(*saved)
        except InputError as error:
            raise InputError(
                f"cannot resume {run.path}: {error}; --overwrite starts the run again"
            ) from error
        _check_reachable(run, trainer, has_checkpoint=saved is not None)
        run.forget_after(trainer.progress.epoch)
        picture = replace(run.manifest.picture, path=source.picture.path)
        preset = run.manifest.preset
        run.manifest = Manifest(picture, trainer.config, image, record, preset)
        if not run.target.exists():
            save_image(run.target, source.image.levels)
        recording = cls(run, trainer)
        run.write_manifest(recording.result("running"))
        return recording

    def steps(self) -> Iterator[Status]:
        """Train until `Trainer.ended`; draw, write and checkpoint on the way.

        The caller may stop iterating at any time and call `conclude`.

        Yields
        ------
        Status
            Several times a second, as far as the network's size allows.

        Raises
        ------
        DivergenceError
            If training diverges; `Trainer.return_to_good` undoes it.
        FitImageError
            If a file cannot be written.
        """
        trainer = self.trainer
        for reached in follow(trainer, self.run.manifest.record.frame_every):
            if not isinstance(reached, Milestone):
                self._checkpoint_if_due()
                yield self._status(reached)
                continue
            self._record(reached)
            self._checkpoint_if_due()
            status = self._status(reached.epoch)
            yield replace(status, position=trainer.pixels) if reached.complete else status

    def conclude(self, status: str) -> Result:
        """Write the checkpoint, the model, the final picture and the result, and return that.

        Parameters
        ----------
        status : str
            ``done``, ``interrupted`` or ``diverged``.

        Raises
        ------
        FitImageError
            If a file cannot be written.
        """
        self.checkpoint()
        self.trainer.network.save(self.run.model)
        self.run.copy_final()
        result = self.result(status)
        self.run.write_manifest(result)
        return result

    def return_to_good(self) -> None:
        """Undo what led to divergence, in the network and in the folder."""
        self.trainer.return_to_good()
        self.run.forget_after(self.trainer.progress.epoch)
        self._psnr, self._loss = self.run.metrics.newest_figures()

    def checkpoint(self) -> None:
        """Save all that is needed to go on from here."""
        began = time.monotonic()
        self.run.metrics.flush_to_disk()
        trainer = self.trainer
        self.run.write_checkpoint(
            trainer.network, trainer.progress, trainer.optimizer_arrays(), trainer.errors
        )
        self._saved_at = time.monotonic()
        self._save_cost = self._saved_at - began

    def result(self, status: str) -> Result:
        """Return how far the run has come, with the newest figures of its metrics."""
        trainer = self.trainer
        psnr, loss = self.run.metrics.newest_figures()
        return Result(
            status=status,
            ended=trainer.ended if status == "done" else None,
            epochs=trainer.progress.epoch,
            psnr=psnr,
            loss=loss,
            parameters=trainer.network.num_params,
            seconds=round(trainer.progress.seconds, 3),
            wall_seconds=round(self._wall_before + time.monotonic() - self._began, 3),
            threads=trainer.learning_threads,
        )

    def _record(self, milestone: Milestone) -> None:
        """Write the frame and the row of a milestone."""
        run, epoch, drawing = self.run, milestone.epoch, milestone.drawing
        if drawing:
            run.write_frame(epoch, drawing.picture)
            self._psnr = drawing.psnr
        if epoch == self._recorded_epoch:  # again, because it was not drawn the first time
            run.metrics.forget_after(epoch - 1)
        if epoch > 0:
            psnr = drawing.psnr if drawing else None
            run.metrics.append(Row(epoch, milestone.loss, psnr, self.trainer.progress.seconds))
            self._loss = milestone.loss
        self._recorded_epoch = epoch

    def _checkpoint_if_due(self) -> None:
        shortest, longest = _CHECKPOINT_SECONDS
        interval = min(max(self._save_cost / _CHECKPOINT_SHARE, shortest), longest)
        # A state on its way to divergence is not worth returning to.
        running_away = self._loss is not None and self.trainer.loss > 10 * self._loss
        if time.monotonic() - self._saved_at >= interval and not running_away:
            self.checkpoint()
            self.run.write_manifest(self.result("running"))

    def _status(self, epoch: int) -> Status:
        trainer = self.trainer
        return Status(
            epoch,
            trainer.progress.position + trainer.pending,
            trainer.pixels,
            self._psnr,
            trainer.progress.seconds,
        )


def check_resumable(run: RunFolder, source: Source, fit: FitConfig, image: ImageConfig) -> None:
    """Raise `InputError`, naming what differs, if the run learns something else or otherwise."""
    manifest = run.manifest
    found = []
    if source.picture.sha256 != manifest.picture.sha256:
        found.append(f"the picture (was {manifest.picture.path})")
    for before, now in ((manifest.fit, fit), (manifest.image, image)):
        old, new = to_json(before), to_json(now)
        found += [
            f"{option_of(name)} (was {_shown(old[name])}, now {_shown(new[name])})"
            for name in old
            if old[name] != new[name] and name not in _FREE
        ]
    if found:
        raise InputError(
            f"cannot resume {run.path}: {', '.join(found)} differ{'s' * (len(found) == 1)}; "
            "choose another folder with -o, or --overwrite"
        )


def _check_reachable(run: RunFolder, trainer: Trainer, *, has_checkpoint: bool) -> None:
    # One was written long before so many seconds: starting again would throw its work away.
    rows = run.metrics.read()
    if not has_checkpoint and rows and rows[-1].seconds > 2 * _CHECKPOINT_SECONDS[1]:
        raise InputError(
            f"cannot resume {run.path}: {run.checkpoint} is missing; "
            "--overwrite starts the run again"
        )
    epochs, progress = trainer.config.epochs, trainer.progress
    begun = progress.epoch + (progress.position > 0)
    if epochs < begun:
        raise InputError(f"cannot resume {run.path} to --epochs {epochs}: it is at {begun} already")


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
