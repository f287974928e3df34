"""A network, a picture, and how far the one has learned the other."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.fit.architecture import make_network
from fit_image.apps.fit.directory import FitMetrics, FitProgress, FitResult
from fit_image.apps.fit.drawing import Drawing
from fit_image.apps.fit.epoch_loop import follow
from fit_image.apps.fit.importance_sampling import Levels, measure_errors
from fit_image.apps.fit.learner import check_memory, make_learner
from fit_image.apps.fit.samples import Samples
from fit_image.apps.fit.warm_up import warm_up
from fit_image.apps.painting_network import FORMAT_VERSION as MODEL_VERSION
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.config.fit import FitConfig
from fit_image.errors import DivergenceError, InputError
from fit_image.images.io import COLOUR_TYPES, check_shape
from fit_image.nn.optimizers.schedules import RateSchedule
from fit_image.nn.runtime import machine
from fit_image.nn.runtime.thread_tuner import ThreadTuner, counts_up_to
from fit_image.runs.checkpoint import CheckpointPolicy
from fit_image.runs.manifest import Manifest
from fit_image.runs.metrics import MetricsFile
from fit_image.runs.snapshot import Snapshot
from fit_image.runs.trainer import EpochEnd, Trainer
from fit_image.storage.npz import Arrays, part_of

_LARGEST_CHUNK = 1 << 13

# Of small pictures, an epoch is a few steps, and the first hundreds of steps overshoot: what looks
# like a collapse then is none.
_SETTLING_STEPS = 500


_OPTIMIZER = "optimizer_"
"""What the names of the optimizer's arrays begin with."""

_ERRORS = "errors"
"""The name of the pixels' errors."""


class FitTrainer(Trainer):
    """A network, a picture, and how far the one has learned the other.

    Parameters
    ----------
    image : uint8, uint16 or float32 (height, width, channels)
        Colours in 0..255, 0..65535 or 0..1, of 1, 3 or 4 channels. All three types train to the
        same bits if their colours are the same. Not copied: it must not change while training.
    config : FitConfig
    threads : int, optional
        At most so many for learning and drawing. Default: what is fastest, found by trying while
        learning. Does not change the result.

    Raises
    ------
    InputError
        If the image has another shape or type, or the network does not fit in memory.
    """

    # Epochs of small pictures take milliseconds.
    checkpoint_policy = CheckpointPolicy(0.005, 20.0, 55.0, at_epoch_ends=False)
    repeatable_seconds = 2 * checkpoint_policy.longest

    progress: FitProgress

    def __init__(
        self, image: npt.NDArray[Any], config: FitConfig, *, threads: int | None = None
    ) -> None:
        image = np.asarray(image)
        check_shape(image)
        if image.dtype not in COLOUR_TYPES:
            raise InputError(f"an image is of float32 in 0..1, uint8 or uint16, not {image.dtype}")
        if image.dtype == np.float32 and not (image.min() >= 0.0 and image.max() <= 1.0):  # or NaN
            raise InputError("an image of float32 has colours in 0..1; divide bytes by 255")
        self.image = np.ascontiguousarray(image)
        self.threads = threads
        self.progress = FitProgress()
        self.height, self.width, channels = image.shape
        self.pixels = self.epoch_size = self.width * self.height
        self.config = config = config.for_picture(self.width, self.height)
        check_memory(config, (self.width, self.height), channels)
        self.network = make_network(config, (self.width, self.height), channels)

        self._samples = Samples(self.image)
        self._learner = make_learner(self.network, config, self.pixels)
        self._schedule = RateSchedule(config.lr_schedule, config.epochs, config.warmup)
        # More threads than cores would wait for one another.
        cores = machine.usable_cores()
        most = min(threads or cores, cores, self._learner.most_threads)
        self._threads = ThreadTuner([most] if threads else counts_up_to(most))
        self._ordered_epoch = 0
        self._errors: Levels | None = None
        self._forget_order()
        self._newest_loss: float | None = None
        self._chunk = 1  # learned at once; it grows as fast as the time allows
        self._sound = False  # whether the state has been drawn, and did not collapse
        self.snapshot = Snapshot(self.state_dict())

    def checkpoint(self) -> Arrays:
        """See `Trainer.checkpoint`; it is a model file, too."""
        return {
            "fit_image_model": np.array(MODEL_VERSION, dtype=np.int64),
            **self.network.to_arrays(),
            **self._memory(),
        }

    def state_dict(self) -> Arrays:
        return {"parameters": self.network.parameters.copy(), **self._memory()}

    def _memory(self) -> Arrays:
        """Return what there is to remember besides the parameters."""
        optimizer = self._learner.to_arrays()
        return {
            **self.progress.to_arrays(),
            **{f"{_OPTIMIZER}{name}": array for name, array in optimizer.items()},
            **({} if self.errors is None else {_ERRORS: self.errors}),
        }

    def resume_from(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `checkpoint`.

        Raises
        ------
        InputError
            If the network has other layers, the progress is impossible for this picture, or the
            arrays are not those of the configured optimizer and sampling.
        """
        try:
            network, progress = PaintingNetwork.from_arrays(arrays), FitProgress.from_arrays(arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"the checkpoint is damaged: {error}") from error
        if not self.network.is_like(network):
            raise InputError("the saved network has other layers, inputs or another size")
        if not 0 <= progress.position <= self.pixels or progress.epoch < 0:
            raise InputError("the saved progress does not belong to this picture")
        self._check_errors(progress, arrays.get(_ERRORS))
        try:
            self.load_state_dict({**arrays, "parameters": network.parameters})
        except ValueError as error:
            raise InputError(str(error)) from error
        self.snapshot.take(self)

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._learner.restore(part_of(arrays, _OPTIMIZER))
        self.network.parameters[:] = arrays["parameters"]
        self.progress = FitProgress.from_arrays(arrays)
        self._forget_order()
        self._errors = arrays.get(_ERRORS)

    def optimizer_arrays(self) -> Arrays:
        """Return what the optimizer remembers of earlier batches."""
        return self._learner.to_arrays()

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
        if not self._time_is_up and not self._know_errors(min(seconds, self._time_left)):
            return self._time_is_up
        start, time_left = time.perf_counter(), self._time_left
        if progress.position < self.pixels and time_left > 0:
            self._draw_order()
        loss_sum = np.array([progress.loss_sum])
        elapsed = 0.0
        position = progress.position + self.pending
        with self._learner.session():
            while elapsed < min(seconds, time_left) and position < self.pixels:
                before = elapsed
                places, colours, weights = self._samples.gather(
                    position, self._learner.next_cut(self._chunk)
                )
                learned = progress.epoch * self.pixels + position
                self._learner.learn(
                    places,
                    colours,
                    weights,
                    loss_sum,
                    factors=self._schedule.factors(learned, len(places), self.pixels),
                    threads=self._threads.threads,
                )
                position += len(places)
                if position == self.pixels:
                    self._learner.finish(loss_sum)
                elapsed = time.perf_counter() - start
                self._threads.record(len(places), elapsed - before)
                # Chunks grow until they take a quarter of the time: no more calls than are needed.
                if elapsed - before < seconds / 8:
                    self._chunk = min(2 * self._chunk, _LARGEST_CHUNK)
                elif elapsed - before > seconds / 2:
                    self._chunk = max(self._chunk // 2, 1)
        progress.position = position - self.pending
        progress.loss_sum = float(loss_sum[0])
        progress.seconds += elapsed
        if not math.isfinite(progress.loss_sum):
            raise DivergenceError(f"training diverged in epoch {progress.epoch + 1}")
        if progress.position < self.pixels and not self._time_is_up:
            return False
        # Drawing and writing the picture need the memory, and the next epoch has another order.
        errors = self.errors if progress.position < self.pixels else None
        self._forget_order()
        self._errors = errors
        return True

    @property
    def errors(self) -> Levels | None:
        """Errors of the pixels by which the epoch under way chose them, for `restore`.

        None where the state alone tells them, or nobody asks: with uniform sampling, in the first
        epoch, and between epochs.
        """
        return self._errors if self.progress.position else None

    @property
    def learning_threads(self) -> int:
        """How many threads learn: as many as asked for and of use, or the fastest number so far."""
        return self._threads.fastest

    @property
    def position(self) -> int:
        return self.progress.position + self.pending

    @property
    def pending(self) -> int:
        """Pixels learned of a batch under way; a saved state is one without them."""
        return self._learner.pending

    @property
    def ended(self) -> str | None:
        """What ends the training here: ``epochs``, ``target-psnr`` or ``time-limit``; or None."""
        config = self.config
        if self.learned_epochs >= config.epochs:
            return "epochs"
        if config.target_psnr is not None and self.progress.best_psnr >= config.target_psnr:
            return "target-psnr"
        return "time-limit" if self._time_is_up else None

    @property
    def _time_left(self) -> float:
        limit = self.config.time_limit
        return math.inf if limit is None else limit - self.progress.seconds

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
        return self.progress.epoch + int(self.progress.position == self.pixels)

    @property
    def _steps(self) -> int:
        """Steps taken so far."""
        batch, progress = min(self.config.batch_size, self.pixels), self.progress
        steps: int = progress.epoch * -(-self.pixels // batch) + -(-progress.position // batch)
        return steps

    @property
    def is_running_away(self) -> bool:
        return self._newest_loss is not None and self.loss > 10 * self._newest_loss

    def take_history(self, rows: Sequence[FitMetrics]) -> None:
        newest = FitMetrics.newest(rows)
        self.newest_metrics, self._newest_loss = newest["psnr"], newest["loss"]

    def result(
        self, status: str, wall_seconds: float, metrics: MetricsFile[FitMetrics]
    ) -> FitResult:
        newest = FitMetrics.newest(metrics.read())
        return FitResult(
            status=status,
            ended=self.ended if status == "done" else None,
            epochs=self.progress.epoch,
            psnr=newest["psnr"],
            loss=newest["loss"],
            parameters=self.network.num_params,
            seconds=round(self.progress.seconds, 3),
            wall_seconds=round(wall_seconds, 3),
            threads=self.learning_threads,
        )

    def model(self) -> PaintingNetwork:
        return self.network

    def warm_up(self) -> None:
        warm_up(self.config)

    def course(self, manifest: Manifest, go_on: Callable[[], bool]) -> Iterator[EpochEnd | int]:
        for reached in follow(self, manifest.frame_every):
            if isinstance(reached, EpochEnd):
                if reached.frame is not None:
                    self.newest_metrics = reached.metrics.psnr
                self._newest_loss = reached.metrics.loss if reached.epoch else None
            yield reached

    def finish_epoch(self) -> None:
        """Count the epoch as complete.

        If its picture has been drawn, this is the last good state from here on.
        """
        self.progress.epoch += 1
        self.progress.position = 0
        self.progress.loss_sum = 0.0
        if self._sound:
            self.snapshot.take(self)

    def draw(self) -> Iterator[Drawing]:
        """Draw the picture in pieces, yielding after each one what there is so far.

        The last `Drawing` is complete.

        Raises
        ------
        DivergenceError
            If the complete picture is far worse than an earlier one.
        """
        drawing = Drawing(np.empty(self.image.shape, dtype=np.uint8))
        for top, strip in self.network.render_strips(self.width, self.height, threads=self.threads):
            drawing.add(top, strip, self.image)
            yield drawing
        settled = self._steps >= _SETTLING_STEPS
        drawing.check_sound(self.progress.best_psnr if settled else -math.inf, self.learned_epochs)
        self.progress.best_psnr = max(drawing.psnr, self.progress.best_psnr)
        self._sound = True

    def _draw_order(self) -> None:
        # Seeded by the epoch, so that resuming needs no generator state.
        epoch = self.progress.epoch + 1
        if self._ordered_epoch != epoch:
            self._samples.shuffle(np.random.default_rng([self.config.seed, epoch]), self._errors)
            self._ordered_epoch = epoch

    def _forget_order(self) -> None:
        self._samples.forget_order()
        self._ordered_epoch = 0
        self._errors = None
        self._measuring = measure_errors(self.network, self.image, self.threads)

    def _chooses_by_error(self, progress: FitProgress) -> bool:
        return self.config.sampling == "error" and progress.epoch > 0

    def _know_errors(self, seconds: float) -> bool:
        """Measure the pixels' errors where an epoch needs them; return False if time was short."""
        needed = self._chooses_by_error(self.progress) and self.progress.position < self.pixels
        if not needed or self._errors is not None:
            return True
        start, elapsed = time.perf_counter(), 0.0
        while self._errors is None and elapsed < seconds:
            self._errors = next(self._measuring)
            elapsed = time.perf_counter() - start
        self.progress.seconds += elapsed
        return self._errors is not None

    def _check_errors(self, progress: FitProgress, errors: Levels | None) -> None:
        needed = self._chooses_by_error(progress) and 0 < progress.position < self.pixels
        if needed != (errors is not None):
            raise InputError("the saved state is one of another --sampling")
        if errors is not None and (
            errors.dtype != np.uint8 or errors.shape != (self.pixels,) or not errors.all()
        ):
            raise InputError("the saved errors do not belong to this picture")
