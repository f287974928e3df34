"""A training that is recorded in the directory of its run, and can be stopped and resumed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, Self, TypeVar

from fit_image.errors import InputError
from fit_image.runs.directory import RunDirectory
from fit_image.runs.manifest import Manifest, Result
from fit_image.runs.observer import Observers
from fit_image.runs.progress import Status
from fit_image.runs.trainer import EpochEnd, Trainer
from fit_image.storage import atomic

TrainerType = TypeVar("TrainerType", bound=Trainer)


class RunRecorder(Generic[TrainerType]):
    """A training under way, and the directory of its results, which the caller has locked.

    ``observers`` are told what happens.
    """

    def __init__(
        self, directory: RunDirectory, trainer: TrainerType, observers: Observers | None = None
    ) -> None:
        self.directory = directory
        self.trainer = trainer
        self._observers = Observers() if observers is None else observers
        rows = directory.metrics.read()
        trainer.take_history(rows)
        self._wall_before = directory.result.wall_seconds if directory.result else 0.0
        self._began = time.monotonic()
        self._saved_at = self._began
        # The shorter of two: in the longer one the process may have been stopped.
        self._saving_seconds: deque[float] = deque(maxlen=2)
        self._recorded_epoch = rows[-1].epoch if rows else None
        self._observers.begin(directory, trainer.epoch_size, rows, lambda: trainer.snapshot)

    @classmethod
    def begin(
        cls, directory: RunDirectory, trainer: TrainerType, observers: Observers | None = None
    ) -> Self:
        """Start in a directory, emptied of any earlier run."""
        directory.create()
        directory.prepare(trainer)
        recorder = cls(directory, trainer, observers)
        recorder.note("running")
        recorder.checkpoint()
        return recorder

    @classmethod
    def resume(
        cls,
        directory: RunDirectory,
        trainer: TrainerType,
        asked: Manifest,
        observers: Observers | None = None,
    ) -> Self:
        """Go on from the last checkpoint, with a new trainer.

        ``asked`` may differ from the manifest of the run as far as `Manifest.differences` permits.

        Raises
        ------
        InputError
            If the pictures or the configuration are others, or the checkpoint is damaged.
        """
        directory.check_resumable(asked)
        path = directory.path
        try:
            arrays = directory.read_checkpoint()
            if arrays is None:
                # One is written when a run begins: starting again may throw its work away.
                rows = directory.metrics.read()
                if rows and rows[-1].seconds > trainer.repeatable_seconds:
                    raise InputError(f"{directory.checkpoint} is missing")
            else:
                good = directory.read_snapshot()
                if good is not None:
                    trainer.load_state_dict(good)
                    trainer.snapshot = good
                trainer.resume_from(arrays)
        except (InputError, ValueError) as error:
            raise InputError(
                f"cannot resume {path}: {error}; --overwrite starts the run again"
            ) from error
        begun = trainer.progress.begun_epochs
        if asked.epochs < begun:
            raise InputError(
                f"cannot resume {path} to --epochs {asked.epochs}: it is at {begun} already"
            )
        directory.manifest = directory.manifest.continued(asked, trainer.progress)
        if arrays is None:
            return cls.begin(directory, trainer, observers)
        directory.forget_after(trainer.progress.epoch)
        directory.prepare(trainer)
        recorder = cls(directory, trainer, observers)
        recorder.note("running")
        return recorder

    def steps(self, should_continue: Callable[[], bool] = lambda: True) -> Iterator[Status]:
        """Train until something ends it; draw, write and checkpoint on the way.

        The caller may stop iterating at any time, and calls `conclude` in the end. Where steps take
        long, ``should_continue`` is asked now and then.

        Yields
        ------
        Status
            Several times a second, as far as the network's size allows.

        Raises
        ------
        DivergenceError
            If training diverges; `rollback` undoes it.
        """
        trainer = self.trainer
        for reached in trainer.course(self.directory.manifest, should_continue):
            if isinstance(reached, EpochEnd):
                end: EpochEnd | None = reached
                self._record(reached)
                epoch, complete = reached.epoch, reached.complete
            else:
                end, epoch, complete = None, reached, False
            self._checkpoint_if_due(epoch_ended=complete and epoch > 0)
            status = Status(
                epoch,
                trainer.epoch_size if complete else trainer.position,
                trainer.epoch_size,
                trainer.progress.seconds,
                trainer.newest_metrics,
                trainer.stalled,
            )
            self._observers.tell(status, end)
            yield status

    def conclude(self, status: str) -> Any:
        """Write the checkpoint, the model, the final picture and the result, and return that.

        ``status`` is ``done``, ``interrupted`` or ``diverged``.
        """
        self.checkpoint()
        self.trainer.model().save(self.directory.model)
        self.directory.copy_final()
        result = self.note(status)
        self._observers.end(result)
        return result

    def rollback(self) -> None:
        """Undo what led to divergence, in the network and in the directory.

        Raises
        ------
        InputError
            If there is neither a snapshot nor a checkpoint to return to.
        """
        trainer, directory = self.trainer, self.directory
        if trainer.snapshot is not None:
            trainer.load_state_dict(trainer.snapshot)
        elif (arrays := directory.read_checkpoint()) is not None:
            trainer.resume_from(arrays)
        else:
            raise InputError("there is no checkpoint to return to")
        directory.forget_after(trainer.progress.epoch)
        trainer.take_history(directory.metrics.read())

    def checkpoint(self) -> None:
        """Save all that is needed to go on from here."""
        began = time.monotonic()
        atomic.flush_to_disk(self.directory.metrics.path)
        self.directory.write_checkpoint(self.trainer.checkpoint())
        self._saved_at = time.monotonic()
        self._saving_seconds.append(self._saved_at - began)

    def note(self, status: str) -> Result:
        """Write how far the run has come, and return it."""
        # A machine's clock may be moved back in spite of its name.
        wall_seconds = self._wall_before + max(time.monotonic() - self._began, 0.0)
        result = self.trainer.result(status, wall_seconds, self.directory.metrics)
        self.directory.result = result
        self.directory.write_document()
        return result

    def _record(self, end: EpochEnd) -> None:
        directory = self.directory
        if end.frame is not None:
            directory.write_frame(end.epoch, end.frame, end.file)
        if end.epoch == self._recorded_epoch:  # again, because it was not drawn the first time
            directory.metrics.forget_after(end.epoch - 1)
        if end.epoch > 0:
            directory.metrics.append(end.metrics)
        if end.model is not None:
            end.model.save(directory.model)
        if end.epoch > 0:
            directory.write_snapshot(self.trainer.snapshot)
        self._recorded_epoch = end.epoch

    def _checkpoint_if_due(self, *, epoch_ended: bool) -> None:
        policy = self.trainer.checkpoint_policy
        shortest = 0.0 if epoch_ended and policy.at_epoch_ends else policy.shortest
        saving = min(self._saving_seconds, default=0.0)
        interval = min(max(saving / policy.share, shortest), policy.longest)
        is_due = time.monotonic() - self._saved_at >= interval
        if is_due and not self.trainer.is_running_away:
            if self.trainer.saves_model_with_checkpoint:
                self.trainer.model().save(self.directory.model)
            self.checkpoint()
            self.note("running")
