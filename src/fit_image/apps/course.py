"""The course of a training: epoch after epoch until something ends it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from fit_image.apps.drawing import Drawing
from fit_image.apps.trainer import Trainer


@dataclass(frozen=True)
class Milestone:
    """An epoch that is learned, or as much of the last one as the time allowed.

    Attributes
    ----------
    epoch : int
        Its number; 0 is the untrained network.
    loss : float
        Mean over the pixels learned; NaN for epoch 0.
    drawing : Drawing or None
        The picture after it, unless that is not asked for.
    complete : bool
        Whether all its pixels are learned.
    """

    epoch: int
    loss: float
    drawing: Drawing | None
    complete: bool


def follow(trainer: Trainer, frame_every: int) -> Iterator[Milestone | int]:
    """Train until `Trainer.ended`, from wherever the trainer stands.

    The picture is drawn after every ``frame_every`` epochs, in the beginning and at the end. A
    state that ends inside of an epoch is always drawn, also if nothing is left to learn.

    Yields
    ------
    Milestone or int
        A milestone when it is reached; several times a second before, the number of the epoch under
        way. If the time is up before anything of an epoch is learned, and the one before was not
        drawn, its milestone comes again, drawn.

    Raises
    ------
    DivergenceError
        If training diverges.
    """
    last: Milestone | None = None
    if trainer.learned_epochs == 0 and trainer.progress.position == 0:
        last = yield from _draw(trainer, Milestone(0, trainer.loss, None, complete=True))
    while trainer.ended is None or trainer.progress.position > 0:
        epoch = trainer.progress.epoch + 1
        while trainer.ended is None and not trainer.train():
            yield epoch
        position = trainer.progress.position
        if position == 0:
            if last and not last.drawing:
                yield from _draw(trainer, last)
            return
        last = Milestone(epoch, trainer.loss, None, complete=position == trainer.pixels)
        if epoch % frame_every == 0 or trainer.ended:
            last = yield from _draw(trainer, last)
        else:
            trainer.finish_epoch()
            yield last
        if not last.complete:
            return


def _draw(trainer: Trainer, milestone: Milestone) -> Generator[Milestone | int, None, Milestone]:
    """Draw the picture, count its epoch if that is to be done, and yield the milestone with it."""
    drawing = None
    for drawing in trainer.draw():  # noqa: B007  # the last one is complete
        yield milestone.epoch
    milestone = replace(milestone, drawing=drawing)
    if trainer.progress.position == trainer.pixels:
        trainer.finish_epoch()
    yield milestone
    return milestone
