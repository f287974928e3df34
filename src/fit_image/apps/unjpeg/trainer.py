"""Training of a network that removes JPEG artefacts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.memory import check_available, training_bytes
from fit_image.apps.trained_network import TrainedNetwork
from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.apps.unjpeg.contact_sheet import Crop, choose_crops, draw_crops
from fit_image.apps.unjpeg.directory import UnjpegMetrics
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.network import init_weights, make_network, needed_bytes
from fit_image.apps.unjpeg.patches import samples
from fit_image.apps.unjpeg.patches.extractor import PatchExtractor
from fit_image.apps.unjpeg.patches.loader import PatchLoader, rmse
from fit_image.apps.unjpeg.patches.pictures import PictureFolder, measure
from fit_image.apps.unjpeg.whitening import Whitening
from fit_image.nn.optimizers.registry import OPTIMIZERS
from fit_image.nn.optimizers.sgd import SGD
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.runs.progress import Progress
from fit_image.runs.trainer import EpochEnd, StepTrainer
from fit_image.storage.npz import Arrays, array_like, number_of

_LEAST_ERROR = 0.002
"""Added to a patch's error where a gradient is divided by it: half a step of a byte."""

# Of the stream of random numbers for the initial weights.
_WEIGHTS = 21


@dataclass(frozen=True)
class BatchMetrics:
    """The metrics of a batch: root mean square errors of Y, Cb and Cr in 0..1.

    ``error`` is that of the network before its step, ``jpeg_error`` that of JPEG.
    """

    error: float
    jpeg_error: float


class PatchTrainer(StepTrainer[BatchMetrics]):
    """Trains on batches of patches.

    The loss of a batch is the mean over its patches of their root mean square errors, with outputs
    clipped to the legal range, multiplied by the size of a patch, so that learning rates mean about
    the same as for a sum over a patch. Where the clipped error is not zero, the gradient ignores
    the clipping.

    Parameters
    ----------
    threads : int, optional
        Default: all cores. Does not change the result.

    Attributes
    ----------
    validation : tuple of CleanPicture
        Pictures that are not learned from.
    best : float32 vector or None
        Parameters with the smallest validation error so far.

    Raises
    ------
    InputError
        If there are too few pictures or patches, or they do not fit in memory.
    """

    def __init__(
        self, folder: PictureFolder, config: UnjpegConfig, *, threads: int | None = None
    ) -> None:
        self.config = config
        self.validation = folder.validation
        self.epoch_size = config.patches // config.batch_size
        self.progress = Progress()
        self.snapshot = None  # too large to be kept in memory: the checkpoint serves
        check_available(
            needed_bytes(config) + training_bytes(0, 0, samples.working_numbers(config)),
            "choose narrower --layers, or a smaller --block" + ", or no --whiten" * config.whiten,
        )
        network = make_network(config.block, config.widths)
        self.extractor = PatchExtractor(config.block, *measure(folder))
        rng = np.random.default_rng([config.seed, _WEIGHTS])
        init_weights(network, rng, difference=config.difference)
        self.loader = PatchLoader(folder, config, self.extractor)
        self.best: FloatArray | None = None
        pool = ThreadPool(threads)
        kind, rates = OPTIMIZERS[config.optimizer], [config.rate] * len(network.layers)
        if kind is SGD:  # divided by the number of a layer's inputs
            rates = [config.rate / layer.in_shape[0] for layer in network.layers]
        optimizer = kind(network.parameters.size)
        self.trained = TrainedNetwork(
            network, optimizer, rates, config.batch_size, pool, config.average
        )
        self._squares = np.zeros(2)
        self._best_error, self._best_epoch = math.inf, 0
        self._inputs, self._targets = samples.validation_patches(folder, config, self.extractor)
        self._whitening: Whitening | None = None
        if config.whiten:
            self._whitening = samples.measure_whitening(folder, config, self.extractor, pool)

    def train_step(self, should_continue: Callable[[], bool] = lambda: True) -> BatchMetrics | None:
        self.clock.start()
        self.loader.next()
        metrics = self.learn(self.loader.inputs, self.loader.targets)
        self.progress.seconds += self.clock.lap()
        self.check_finite("the error", metrics.error)
        self._squares += (metrics.error**2, metrics.jpeg_error**2)
        self.progress.position += 1
        return metrics

    def warm_up(self) -> None:
        before, shape = self.trained.state_dict(), self.loader.inputs.shape
        self.learn(np.zeros(shape, np.float32), np.ones(shape, np.float32))
        self.trained.load_state_dict(before)

    def close(self) -> None:
        """End the loader's thread."""
        self.loader.close()

    @property
    def ended(self) -> str | None:
        """``patience`` if the validation error has not improved for so many epochs."""
        waited = self.progress.epoch - self._best_epoch
        return "patience" if 0 < self.config.patience <= waited else None

    def end_epoch(self) -> EpochEnd:
        self.check_finite("a weight", self.trained.network.parameters)
        progress = self.progress
        error, jpeg_error = np.sqrt(self._squares / self.epoch_size).tolist()
        self._squares[:] = 0.0
        progress.epoch += 1
        progress.position = 0
        validation_error, validation_jpeg_error = self.validate()
        is_best = validation_error < self._best_error
        if is_best:
            self._best_error, self._best_epoch = validation_error, progress.epoch
            self.best = self.trained.averaged_params.copy()
        errors = error, jpeg_error, validation_error, validation_jpeg_error
        metrics = UnjpegMetrics(progress.epoch, *errors, progress.seconds)
        return EpochEnd(progress.epoch, metrics, self.draw(), self.model() if is_best else None)

    def draw(self) -> npt.NDArray[np.uint8]:
        return draw_crops(self._crops, self.model(best=False))

    @cached_property
    def _crops(self) -> list[Crop]:
        return choose_crops(self.validation, self.config)

    def validate(self) -> tuple[float, float]:
        """Return the root mean square errors of network and JPEG on the validation patches."""
        squares = np.zeros(2)
        with self.trained.averaged():
            for first in range(0, len(self._inputs), self.config.batch_size):
                part = slice(first, first + self.config.batch_size)
                inputs, targets = self._inputs[part], self._targets[part]
                squares[0] += _square_sum(self.clipped_error(inputs, targets))
                squares[1] += _square_sum(inputs - targets)
        errors = self.extractor.deviation * np.sqrt(squares / self._inputs.size)
        return float(errors[0]), float(errors[1])

    def model(self, *, best: bool = True) -> Restorer:
        """Return the best network so far, or the current one, for whole pictures."""
        config = self.config
        network = make_network(config.block, config.widths)
        is_best = best and self.best is not None
        network.parameters[:] = self.best if is_best else self.trained.averaged_params
        if self._whitening:
            self._whitening.fold(network)
        return Restorer(self.extractor, network, config.difference, config.quality)

    def state_dict(self) -> Arrays:
        # There must be no checkpoint of weights that are not finite.
        self.check_finite("a weight", self.trained.network.parameters)
        arrays = {
            **super().state_dict(),
            **self.loader.state_dict(),
            **self.trained.state_dict(),
            "squares": self._squares.copy(),
            "best_epoch": np.array(float(self._best_epoch)),
        }
        if self.best is not None:
            arrays["best"] = self.best
            arrays["best_error"] = np.array(self._best_error)
        return arrays | (self._whitening.state_dict() if self._whitening else {})

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        squares = array_like(arrays, "squares", self._squares)
        best, best_error = None, math.inf
        if "best" in arrays:
            best = np.array(array_like(arrays, "best", self.trained.network.parameters))
            best_error = number_of(arrays, "best_error")
        if self._whitening:
            self._whitening.load_state_dict(arrays)
        self.trained.load_state_dict(arrays)
        super().load_state_dict(arrays)
        self.loader.load_state_dict(arrays)
        self._best_epoch = int(number_of(arrays, "best_epoch"))
        self.best, self._best_error = best, best_error
        self._squares = np.array(squares)

    def learn(self, inputs: FloatArray, targets: FloatArray) -> BatchMetrics:
        """Take a step on damaged and clean patches; return the errors before it."""
        deviation = self.extractor.deviation
        error = self.clipped_error(inputs, targets)
        jpeg_error = deviation * math.sqrt(_square_sum(inputs - targets) / inputs.size)
        # Clipping hides infinity.
        if not np.isfinite(self.trained.cache.output).all():
            return BatchMetrics(math.nan, jpeg_error)
        roots = rmse(error)
        metrics = BatchMetrics(deviation * math.sqrt(np.square(roots).mean()), jpeg_error)
        least = _LEAST_ERROR / deviation
        error *= (1.0 / (len(error) * (roots + least))).astype(np.float32)[:, np.newaxis]
        self.trained.train_step(error)
        if self.config.average:
            step = self.progress.epoch * self.epoch_size + self.progress.position
            self.trained.ema.update(self.trained.network.parameters, step)
        return metrics

    def clipped_error(self, inputs: FloatArray, targets: FloatArray) -> FloatArray:
        """Return the network's errors on patches, its outputs clipped to the legal range."""
        seen = self._whitening.apply(inputs) if self._whitening else inputs
        outputs = self.trained.forward(seen)
        restored = outputs + inputs if self.config.difference else outputs.copy()
        np.clip(restored, self.extractor.lowest, self.extractor.highest, out=restored)
        restored -= targets
        return restored


def _square_sum(values: FloatArray) -> float:
    return float(np.vdot(values, values))
