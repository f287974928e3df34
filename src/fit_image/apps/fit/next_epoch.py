"""Learning ahead: the next epoch begins while other threads draw the picture of the last one.

What the drawing says may end the training, or undo it. Until it is known, nothing of the next epoch
is to be seen: the trainer, its network, and all that is saved, stand at the end of the last one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fit_image.apps.fit.drawing import Drawing
from fit_image.nn.runtime.threads import BackgroundTask

if TYPE_CHECKING:
    from fit_image.apps.fit.trainer import FitTrainer

# Multiplications of a drawing from which on another thread is worth being told of it.
DRAWING_WORK = 1 << 24

_WAIT_SECONDS = 0.05

Encode = Callable[[npt.NDArray[np.uint8]], bytes]


def can_learn_ahead(trainer: FitTrainer) -> bool:
    """Return whether there are an epoch to learn, and idle threads for the drawing before it."""
    learning = trainer.learning
    return (
        trainer.progress.position == trainer.epoch_size
        and trainer.ended is None
        and trainer.config.sampling != "error"  # which needs the picture of the whole epoch
        and learning.idle_threads > 0
        and math.prod(trainer.network.size) * trainer.network.num_params >= DRAWING_WORK
    )


class NextEpoch:
    """The next epoch of a trainer at the end of one.

    Parameters
    ----------
    adopt : callable
        Gives the network what was learned.
    """

    def __init__(self, trainer: FitTrainer, adopt: Callable[[], None]) -> None:
        self._trainer = trainer
        self._adopt = adopt
        done = trainer.progress
        self._progress = replace(done, epoch=done.epoch + 1, position=0, loss_sum=0.0)

    @classmethod
    @contextmanager
    def begin(cls, trainer: FitTrainer) -> Iterator[NextEpoch]:
        """Return the context in which it is learned; what is not adopted then is lost."""
        with trainer.learning.ahead() as adopt:
            yield cls(trainer, adopt)

    def learn(self, seconds: float = 0.1) -> bool:
        """Learn for about ``seconds``; return whether there was something to learn."""
        progress, trainer = self._progress, self._trainer
        seconds = min(seconds, trainer.time_left(progress))
        diverged = not math.isfinite(progress.loss_sum)
        if seconds <= 0 or diverged or progress.position == trainer.epoch_size:
            return False
        trainer.learning.learn(progress, seconds, None, trainer.clock)
        return True

    def adopt(self) -> None:
        """Go on from here with the trainer, which has counted the epoch before.

        Not if that is to end now, or its network was changed since it was drawn.
        """
        trainer = self._trainer
        assert trainer.snapshot is not None  # the state that was drawn
        same = np.array_equal(trainer.network.parameters, trainer.snapshot["parameters"])
        if trainer.ended is None and same:
            self._adopt()
            trainer.take_over(self._progress)


class FrameTask:
    """The drawing of a trainer's picture by an idle thread, and its file if ``encode`` is given.

    Attributes
    ----------
    drawing : Drawing
        Complete when `wait` has said so.
    """

    def __init__(self, trainer: FitTrainer, encode: Encode | None) -> None:
        self.drawing = Drawing(trainer.image, trainer.held_out)
        self._task = BackgroundTask(partial(self._draw, trainer, encode))

    def _draw(self, trainer: FitTrainer, encode: Encode | None) -> bytes | None:
        # One thread draws in less time than an epoch of single pixels takes, and more would disturb
        # the threads that learn.
        for _ in self.drawing.strips(trainer.network, 1):
            pass
        return encode(self.drawing.picture) if encode else None

    def wait(self, *, long: bool) -> bool:
        """Return whether it is done, at once or after a while."""
        return self._task.wait(_WAIT_SECONDS if long else 0.0)

    def result(self) -> bytes | None:
        """Return the picture as ``encode`` encoded it."""
        return self._task.result()

    def end(self) -> None:
        """Wait until it is done, or end it early."""
        self.drawing.is_void = True
        self._task.wait()
