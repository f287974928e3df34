"""Training of a network on a picture, which can be stopped and resumed anywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.fit.architecture import make_network, sized
from fit_image.apps.fit.drawing import Drawing, Fidelity
from fit_image.apps.fit.epoch_loop import follow
from fit_image.apps.fit.learner import EpochLearner, check_memory
from fit_image.apps.fit.manifest import FitResult
from fit_image.apps.fit.metrics import FitMetrics, FitProgress, HoldOutMetrics, row_type
from fit_image.apps.fit.picture_source import ImageLike, take_image
from fit_image.apps.fit.stall import StallWatch
from fit_image.apps.fit.warm_up import kernel_count, warm_up
from fit_image.apps.painting_network import FORMAT_VERSION as MODEL_VERSION
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.pixels.hold_out import HeldOut
from fit_image.apps.pixels.importance_sampling import Levels, PixelErrors
from fit_image.config.fit import FitConfig
from fit_image.config.hold_out import is_reached, shown_pixels
from fit_image.config.settings import check_threads
from fit_image.errors import DivergenceError, InputError
from fit_image.images.io import encode_png
from fit_image.runs.manifest import Manifest
from fit_image.runs.metrics import MetricsFile
from fit_image.runs.trainer import CheckpointPolicy, EpochEnd, Trainer
from fit_image.storage.npz import Arrays, part_of

# Of small pictures, an epoch is a few steps, and the first hundreds of steps overshoot: what looks
# like a collapse then is none.
_SETTLING_STEPS = 500

_OPTIMIZER, _ERRORS = "optimizer_", "errors"
"""In a state dict, the prefix of the optimizer's arrays, and the name of the pixels' errors."""


class FitTrainer(Trainer):
    """A network that learns a picture.

    Parameters
    ----------
    image : array, Pillow image, or path as text
        An array (height, width, channels), or (height, width) for grey, of 1, 3 or 4 channels:
        uint8 in 0..255, uint16 in 0..65535, bool, other integers in 0..255, or floats in 0..1.
        All types train to the same bits if their colours are the same. Not copied if it is uint8,
        uint16 or float32: it must not change while training.
    config : FitConfig
    threads : int, optional
        At most so many for learning and drawing. Default: what is fastest, found by trying while
        learning. Does not change the result.

    Raises
    ------
    InputError
        If the image has another shape or type, the network does not fit in memory, or ``threads``
        is not a whole number from 1 on.
    """

    # Epochs of small pictures take milliseconds.
    checkpoint_policy = CheckpointPolicy(0.005, 20.0, 55.0, at_epoch_ends=False)
    repeatable_seconds = 2 * checkpoint_policy.longest

    progress: FitProgress

    def __init__(self, image: ImageLike, config: FitConfig, *, threads: int | None = None) -> None:
        check_threads(threads)
        self.image = image = take_image(image)
        self.threads = threads
        self.progress = FitProgress()
        height, width, channels = image.shape
        self.config = config = sized(config, (width, height), channels)
        self.held_out = HeldOut.of(config, width, height)
        self.epoch_size = shown_pixels(config.hold_out, width, height)
        check_memory(config, (width, height), channels)
        self.network = make_network(config, (width, height), channels)
        self.learning = EpochLearner(self.network, self.image, config, threads, self.held_out)
        self._errors = PixelErrors(self.network, self.image, threads)
        self._newest_loss: float | None = None
        self.undrawn: FitMetrics | None = None
        self._best_unseen_psnr = -math.inf
        self.stall = StallWatch(self.image, config, self.held_out, threads)
        self._sound = False  # whether the state has been drawn, and did not collapse
        self.snapshot = self.state_dict()

    def checkpoint(self) -> Arrays:
        """Return the state dict and all that a model file holds: the checkpoint is one, too."""
        return {
            "fit_image_model": np.array(MODEL_VERSION, dtype=np.int64),
            **self.network.to_arrays(),
            **self._memory(),
        }

    def state_dict(self) -> Arrays:
        return {"parameters": self.network.parameters.copy(), **self._memory()}

    def _memory(self) -> Arrays:
        """Return the state dict without the parameters."""
        optimizer = self.learning.method.to_arrays()
        return {
            **self.progress.to_arrays(),
            **{f"{_OPTIMIZER}{name}": array for name, array in optimizer.items()},
            **({} if self.errors is None else {_ERRORS: self.errors}),
        }

    def resume_from(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `checkpoint`.

        `InputError` if it is that of other layers, another picture, optimizer or sampling.
        """
        try:
            network, progress = PaintingNetwork.from_arrays(arrays), FitProgress.from_arrays(arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"the checkpoint is damaged: {error}") from error
        if not self.network.is_like(network):
            raise InputError("the saved network has other layers, inputs or another size")
        if not 0 <= progress.position <= self.epoch_size or progress.epoch < 0:
            raise InputError("the saved progress does not belong to this picture")
        self._check_errors(progress, arrays.get(_ERRORS))
        try:
            self.load_state_dict({**arrays, "parameters": network.parameters})
        except ValueError as error:
            raise InputError(str(error)) from error
        self.snapshot = self.state_dict()

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.learning.method.restore(part_of(arrays, _OPTIMIZER))
        self.network.parameters[:] = arrays["parameters"]
        self.progress = FitProgress.from_arrays(arrays)
        self._forget_order(arrays.get(_ERRORS))

    def train(self, seconds: float = 0.1) -> bool:
        """Learn for about ``seconds``, at most to the end of the epoch and to the time limit.

        A huge batch may be left incomplete: its pixels are `pending`, and `progress` stands where
        the last complete batch ended.

        Returns
        -------
        bool
            Whether all pixels are learned, or the time is up. Then the picture may be drawn, and
            if they all are, `finish_epoch` begins the next epoch; a state saved in between is
            still one of this epoch.

        Raises
        ------
        DivergenceError
            If the loss is not finite any more.
        """
        progress = self.progress
        self._sound = False
        if self._needs_errors(progress) and not self._time_is_up:
            progress.seconds += self._errors.measure(min(seconds, self._time_left), self.clock)
            if self._errors.levels is None:
                return self._time_is_up
        if progress.position < self.epoch_size and not self._time_is_up:
            seconds = min(seconds, self._time_left)
            self.learning.learn(progress, seconds, self._errors.levels, self.clock)
        self._check_finite()
        if progress.position < self.epoch_size and not self._time_is_up:
            return False
        # Drawing and writing the picture need the memory, and the next epoch has another order.
        self._forget_order(self.errors if progress.position < self.epoch_size else None)
        return True

    @property
    def errors(self) -> Levels | None:
        """Errors of the pixels by which the epoch under way chose them.

        None with uniform sampling, in the first epoch, and between epochs, where the state alone
        tells them.
        """
        return self._errors.levels if self.progress.position else None

    @property
    def position(self) -> int:
        return self.progress.position + self.pending

    @property
    def pending(self) -> int:
        """Pixels learned of a batch under way; a saved state is one without them."""
        return self.learning.method.pending

    @property
    def ended(self) -> str | None:
        """The reason to end here: ``epochs``, ``target-psnr`` or ``time-limit``; or None."""
        config = self.config
        if self.learned_epochs >= config.epochs:
            return "epochs"
        if is_reached(config.target_psnr, self.progress.best_psnr, self._best_unseen_psnr):
            return "target-psnr"
        return "time-limit" if self._time_is_up else None

    @property
    def _time_left(self) -> float:
        return self.time_left(self.progress)

    def time_left(self, progress: FitProgress) -> float:
        """Return the seconds left to learn; infinity without a time limit."""
        limit = self.config.time_limit
        return math.inf if limit is None else limit - progress.seconds

    @property
    def _time_is_up(self) -> bool:
        return self._time_left <= 0

    @property
    def loss(self) -> float:
        """Mean loss over the pixels learned in the epoch under way; NaN before the first."""
        progress = self.progress
        return progress.loss_sum / progress.position if progress.position else math.nan

    @property
    def learned_epochs(self) -> int:
        """Epochs whose pixels are all learned, counted by `finish_epoch` or not yet."""
        return self.progress.epoch + int(self.progress.position == self.epoch_size)

    @property
    def _steps(self) -> int:
        """Steps taken so far."""
        batch, progress = min(self.config.batch_size, self.epoch_size), self.progress
        steps: int = progress.epoch * -(-self.epoch_size // batch) + -(-progress.position // batch)
        return steps

    @property
    def stalled(self) -> str | None:
        return self.stall.reason

    @property
    def is_running_away(self) -> bool:
        return self._newest_loss is not None and self.loss > 10 * self._newest_loss

    def take_history(self, rows: Sequence[FitMetrics]) -> None:
        # From the rows, which are cut to the epoch of the state: checkpoints know nothing of it.
        drawn = [Fidelity(row.psnr, row.unseen_psnr) for row in rows if row.psnr is not None]
        self.newest_metrics = drawn[-1] if drawn else None
        self._newest_loss = FitMetrics.newest(rows)["loss"]
        self.undrawn = rows[-1] if rows and rows[-1].psnr is None else None
        unseen = [each.unseen_psnr for each in drawn if each.unseen_psnr is not None]
        self._best_unseen_psnr = max(unseen, default=-math.inf)
        self.stall.take_history(rows)

    def result(
        self, status: str, wall_seconds: float, metrics: MetricsFile[FitMetrics]
    ) -> FitResult:
        newest = row_type(self.config).newest(metrics.read())
        return FitResult(
            status=status,
            ended=self.ended if status == "done" else None,
            epochs=self.progress.epoch,
            psnr=newest["psnr"],
            loss=newest["loss"],
            parameters=self.network.num_params,
            seconds=round(self.progress.seconds, 3),
            wall_seconds=round(wall_seconds, 3),
            threads=self.learning.tuner.fastest,
            unseen_psnr=newest.get("unseen_psnr"),
            stalled=self.stalled,
        )

    def model(self) -> PaintingNetwork:
        return self.network

    @property
    def kernels(self) -> int | None:
        return kernel_count(self.config)

    def warm_up(self) -> None:
        warm_up(self.config, [self.image.dtype])

    def course(
        self, manifest: Manifest, should_continue: Callable[[], bool]
    ) -> Iterator[EpochEnd | int]:
        return follow(self, manifest.frame_every, encode_png)

    def finish_epoch(self) -> None:
        """Count the epoch as complete; if it was drawn, this becomes the last good state."""
        self._newest_loss = self.loss
        self.progress.epoch += 1
        self.stall.end_epoch(self.progress.epoch, self.loss)
        self.progress.position = 0
        self.progress.loss_sum = 0.0
        if self._sound:
            self.snapshot = self.state_dict()

    def draw(self) -> Iterator[Drawing]:
        """Draw the picture in strips, yielding one `Drawing` after each; the last completes it.

        Raises
        ------
        DivergenceError
            If the complete picture is far worse than an earlier one.
        """
        drawing = Drawing(self.image, self.held_out)
        for _ in drawing.strips(self.network, self.threads):
            yield drawing
        self.judge(drawing)

    def judge(self, drawing: Drawing) -> None:
        """Take in the complete drawing of the state; raises what `draw` does."""
        settled = self._steps >= _SETTLING_STEPS
        drawing.check_sound(self.progress.best_psnr if settled else -math.inf, self.learned_epochs)
        self.newest_metrics = fidelity = drawing.fidelity
        self.progress.best_psnr = max(fidelity.psnr, self.progress.best_psnr)
        if fidelity.unseen_psnr is not None:
            recorded = float(f"{fidelity.unseen_psnr:{HoldOutMetrics.formats['unseen_psnr']}}")
            self._best_unseen_psnr = max(recorded, self._best_unseen_psnr)
        if self.progress.position == self.epoch_size:
            self._look_for_stall(drawing)
        self._sound = True

    def _look_for_stall(self, drawing: Drawing) -> None:
        earlier = self.snapshot
        known = earlier is not None and earlier["progress_position"] == 0
        before = earlier["parameters"] if earlier is not None and known else None
        figures = self.learned_epochs, self._steps, self.loss
        self.stall.judge(*figures, drawing, self.network, before)

    def take_over(self, progress: FitProgress) -> None:
        """Go on from what was learned ahead of the epoch that begins.

        Raises
        ------
        DivergenceError
            If the loss is not finite any more.
        """
        self._sound = False
        self.progress = replace(progress, best_psnr=self.progress.best_psnr)
        if progress.position == self.epoch_size:
            self._forget_order()
        self._check_finite()

    def _check_finite(self) -> None:
        if not math.isfinite(self.progress.loss_sum):
            raise DivergenceError(f"training diverged in epoch {self.progress.epoch + 1}")

    def _forget_order(self, errors: Levels | None = None) -> None:
        self.learning.samples.forget_order()
        self._errors.reset(errors)

    def _needs_errors(self, progress: FitProgress) -> bool:
        chooses = self.config.sampling == "error" and progress.epoch > 0
        return chooses and progress.position < self.epoch_size

    def _check_errors(self, progress: FitProgress, errors: Levels | None) -> None:
        needed = self._needs_errors(progress) and progress.position > 0
        if needed != (errors is not None):
            raise InputError("the saved state is one of another --sampling")
        if errors is not None and (
            errors.dtype != np.uint8
            or errors.shape != (math.prod(self.network.size),)
            or not errors.all()
        ):
            raise InputError("the saved errors do not belong to this picture")
