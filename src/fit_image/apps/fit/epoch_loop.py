"""The course of a training: epoch after epoch until something ends it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fit_image.apps.fit.drawing import Drawing
from fit_image.apps.fit.metrics import row_type
from fit_image.apps.fit.next_epoch import Encode, FrameTask, NextEpoch, can_learn_ahead
from fit_image.runs.trainer import EpochEnd

if TYPE_CHECKING:
    from fit_image.apps.fit.trainer import FitTrainer


def follow(
    trainer: FitTrainer, frame_every: int, encode: Encode | None = None
) -> Iterator[EpochEnd | int]:
    """Train until `FitTrainer.ended`, from wherever the trainer stands.

    The picture is drawn after every ``frame_every`` epochs, in the beginning and at the end. A
    state that ends inside of an epoch is always drawn, also if nothing is left to learn, and so is
    the last epoch recorded, if nothing follows it. ``encode`` makes the file of a frame, where a
    thread has time for it.

    Yields
    ------
    EpochEnd or int
        The end of an epoch when it is reached; several times a second before, the number of the
        epoch under way. If the time is up before anything of an epoch is learned, and the one
        before was not drawn, its end comes again, drawn.

    Raises
    ------
    DivergenceError
        If training diverges.
    """
    undrawn = trainer.undrawn
    last = undrawn and EpochEnd(undrawn.epoch, undrawn, None)
    if trainer.learned_epochs == 0 and trainer.progress.position == 0:
        last = yield from _draw(trainer, _end(trainer, 0), encode)
    while trainer.ended is None or trainer.progress.position > 0:
        epoch = trainer.progress.epoch + 1
        while trainer.ended is None and not trainer.train():
            yield epoch
        position = trainer.progress.position
        if position == 0:
            break
        last = _end(trainer, epoch, complete=position == trainer.epoch_size)
        if epoch % frame_every == 0 or trainer.ended:
            draw = _draw_beside if can_learn_ahead(trainer) else _draw
            last = yield from draw(trainer, last, encode)
        else:
            trainer.finish_epoch()
            yield last
        if not last.complete:
            return
    if last and last.frame is None:
        yield from _draw(trainer, last, encode)


def _end(trainer: FitTrainer, epoch: int, *, complete: bool = True) -> EpochEnd:
    metrics = row_type(trainer.config)(epoch, trainer.loss, None, trainer.progress.seconds)
    return EpochEnd(epoch, metrics, None, complete=complete)


def _draw(
    trainer: FitTrainer, end: EpochEnd, encode: Encode | None
) -> Generator[EpochEnd | int, None, EpochEnd]:
    """Draw the picture, count its epoch if that is to be done, and yield the end with it."""
    for drawing in trainer.draw():  # noqa: B007  # the last one is complete
        yield end.epoch
    end = _drawn(trainer, end, drawing)
    yield end
    return end


def _draw_beside(
    trainer: FitTrainer, end: EpochEnd, encode: Encode | None
) -> Generator[EpochEnd | int, None, EpochEnd]:
    """Do what `_draw` does while the next epoch is learned, which then goes on from there."""
    with NextEpoch.begin(trainer) as following:
        frame = FrameTask(trainer, encode)
        try:
            while not frame.wait(long=not following.learn()):
                yield end.epoch
            file = frame.result()
        finally:
            frame.end()
        trainer.judge(frame.drawing)
        end = replace(_drawn(trainer, end, frame.drawing), file=file)
        yield end
        following.adopt()
    return end


def _drawn(trainer: FitTrainer, end: EpochEnd, drawing: Drawing) -> EpochEnd:
    seconds = trainer.progress.seconds
    metrics = replace(end.metrics, **drawing.fidelity._asdict(), seconds=seconds)
    if trainer.progress.position == trainer.epoch_size:
        trainer.finish_epoch()
    return replace(end, metrics=metrics, frame=drawing.picture)
