"""A network, the patches that it learns from, and how far it has come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.memory import check_available, training_bytes
from fit_image.apps.unjpeg import network
from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.apps.unjpeg.contact_sheet import Crop, choose_parts, draw_parts
from fit_image.apps.unjpeg.directory import UnjpegMetrics
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.patches import samples
from fit_image.apps.unjpeg.patches.extractor import PatchExtractor
from fit_image.apps.unjpeg.patches.loader import PatchLoader, rmse
from fit_image.apps.unjpeg.pictures import PictureFolder, measure
from fit_image.errors import DivergenceError
from fit_image.nn.optimizers.adam import Adam
from fit_image.nn.optimizers.ema import EMA
from fit_image.nn.optimizers.parallel_step import parallel_step
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.runs.progress import Progress
from fit_image.runs.snapshot import Snapshot
from fit_image.runs.trainer import EpochEnd, StepTrainer, number_of, part_of
from fit_image.storage.npz import Arrays

_LEAST_ERROR = 0.002
"""Added to a patch's error where a gradient is divided by it: half a step of a byte."""

# What distinguishes these random numbers from those of other purposes.
_WEIGHTS = 21


@dataclass(frozen=True)
class BatchMetrics:
    """What a batch has come to; root mean square errors of Y, Cb and Cr in 0..1.

    Attributes
    ----------
    error : float
        Of the network's patches, before its step.
    damage : float
        Of the JPEG's.
    """

    error: float
    damage: float


class PatchTrainer(StepTrainer[BatchMetrics]):
    """Learns batch after batch.

    The loss of a batch is the mean over its patches of their root mean square errors, with outputs
    clipped to the legal range, times the numbers of a patch, such that rates mean about what they
    do for a sum over a patch. Where the clipped error is not zero, its derivative passes the
    clipping.

    Parameters
    ----------
    folder : PictureFolder
    recipe : UnjpegConfig
    threads : int, optional
        Default: all cores. Does not change the result.

    Attributes
    ----------
    validation : tuple of Picture
        Pictures that are not learned from.
    validation_error, validation_damage : float
        Of the newest epoch: root mean square errors of validation patches, of the network and of
        JPEG. NaN before the first one.

    Raises
    ------
    InputError
        If there are too few pictures or patches, or they do not fit in memory.
    """

    def __init__(
        self, folder: PictureFolder, recipe: UnjpegConfig, *, threads: int | None = None
    ) -> None:
        self.config = recipe
        self.validation = folder.validation
        self.epoch_size = recipe.patches // recipe.batch_size
        self.progress = Progress()
        self.snapshot = Snapshot()  # too large to be kept in memory: the checkpoint serves
        check_available(
            network.needed_bytes(recipe) + training_bytes(0, 0, samples.working_numbers(recipe)),
            "choose narrower --layers, or a smaller --block" + ", or no --whiten" * recipe.whiten,
        )
        chain = network.make_network(recipe.block, recipe.widths)
        self.cutter = PatchExtractor(recipe.block, *measure(folder))
        self.chain = chain
        rng = np.random.default_rng([recipe.seed, _WEIGHTS])
        network.init_weights(chain, rng, difference=recipe.difference)
        self.stream = PatchLoader(folder, recipe, self.cutter)
        self.best: FloatArray | None = None
        self.validation_error = self.validation_damage = math.nan
        self._pool = ThreadPool(threads)
        self._cache = chain.make_cache(recipe.batch_size, self._pool)
        self._gradient = chain.zeros() if recipe.optimizer == "adam" else None
        self._adam = Adam(chain.parameters.size) if recipe.optimizer == "adam" else None
        self._squares = np.zeros(2)
        self._best_error, self._best_epoch = math.inf, 0
        self._ema = EMA(recipe.average)
        self._inputs, self._targets = samples.validation_patches(folder, recipe, self.cutter)
        self._whitening = (
            samples.measure_whitening(folder, recipe, self.cutter, self._pool)
            if recipe.whiten
            else None
        )

    def train_step(self, go_on: Callable[[], bool] = lambda: True) -> BatchMetrics | None:
        """See `StepTrainer.train_step`."""
        began = time.perf_counter()
        self.stream.next()
        metrics = self.learn(self.stream.inputs, self.stream.targets)
        self.progress.seconds += time.perf_counter() - began
        if not math.isfinite(metrics.error):
            raise DivergenceError(f"the error is not finite in epoch {self.progress.epoch + 1}")
        self._squares += (metrics.error**2, metrics.damage**2)
        self.progress.position += 1
        return metrics

    def warm_up(self) -> None:
        """See `Trainer.warm_up`."""
        parameters = self.chain.parameters.copy()
        average = None if self._ema.average is None else self._ema.average.copy()
        adam = self._adam.to_arrays() if self._adam else {}
        shape = self.stream.inputs.shape
        self.learn(np.zeros(shape, np.float32), np.ones(shape, np.float32))
        self.chain.parameters[:] = parameters
        self._ema.average = average
        if self._adam:
            self._adam.restore(adam)

    def close(self) -> None:
        """End the thread that reads ahead."""
        self.stream.close()

    @property
    def ended(self) -> str | None:
        """See `Trainer.ended`: the validation error was not better for as long as may be."""
        waited = self.progress.epoch - self._best_epoch
        return "patience" if 0 < self.config.patience <= waited else None

    def end_epoch(self) -> EpochEnd:
        """See `StepTrainer.end_epoch`; all weights must be finite."""
        self._check_finite()
        progress = self.progress
        error, damage = np.sqrt(self._squares / self.epoch_size).tolist()
        self._squares[:] = 0.0
        progress.epoch += 1
        progress.position = 0
        validation = self.validation_error, self.validation_damage = self.validate()
        if self.validation_error < self._best_error:
            self._best_error, self._best_epoch = self.validation_error, progress.epoch
            self.best = self.counting.copy()
        metrics = UnjpegMetrics(progress.epoch, error, damage, *validation, progress.seconds)
        model = self.model() if self.is_best else None
        return EpochEnd(progress.epoch, metrics, self.draw(), model)

    def draw(self) -> npt.NDArray[np.uint8]:
        """See `StepTrainer.draw`."""
        return draw_parts(self._parts, self.restorer(best=False))

    @cached_property
    def _parts(self) -> list[Crop]:
        return choose_parts(self.validation, self.config)

    def model(self) -> Restorer:
        """See `Trainer.model`: the best network by now."""
        return self.restorer()

    @property
    def counting(self) -> FloatArray:
        """The parameters that count: the mean over the steps, or those at hand."""
        return self.chain.parameters if self._ema.average is None else self._ema.average

    def validate(self) -> tuple[float, float]:
        """Return the root mean square errors of validation patches, of network and JPEG."""
        squares = np.zeros(2)
        with self._ema.applied(self.chain.parameters):
            for first in range(0, len(self._inputs), self.config.batch_size):
                part = slice(first, first + self.config.batch_size)
                inputs, targets = self._inputs[part], self._targets[part]
                squares[0] += _square_sum(self._clipped_error(inputs, targets))
                squares[1] += _square_sum(inputs - targets)
        errors = self.cutter.deviation * np.sqrt(squares / self._inputs.size)
        return float(errors[0]), float(errors[1])

    @property
    def is_best(self) -> bool:
        """Whether no epoch was better than the newest one."""
        return self._best_epoch == self.progress.epoch

    def restorer(self, *, best: bool = True) -> Restorer:
        """Return the best network so far, or that at hand, as one that restores pictures."""
        recipe = self.config
        chain = network.make_network(recipe.block, recipe.widths)
        chain.parameters[:] = self.best if best and self.best is not None else self.counting
        if self._whitening:
            self._whitening.fold(chain)
        return Restorer(
            self.cutter, recipe.widths, recipe.difference, chain.parameters, recipe.quality
        )

    def state_dict(self) -> Arrays:
        """See `Trainer.state_dict`.

        Raises
        ------
        DivergenceError
            If a weight is not finite: there must be no checkpoint of that.
        """
        self._check_finite()
        arrays = {
            **super().state_dict(),
            **self.stream.to_arrays(),
            "parameters": self.chain.parameters.copy(),
            "squares": self._squares.copy(),
            "best_epoch": np.array(float(self._best_epoch)),
        }
        if self._ema.average is not None:
            arrays["average"] = self._ema.average.copy()
        if self.best is not None:
            arrays["best"] = self.best
            arrays["best_error"] = np.array(self._best_error)
        if self._whitening:
            arrays |= self._whitening.to_arrays()
        if self._adam:
            arrays |= {f"adam_{key}": array for key, array in self._adam.to_arrays().items()}
        return arrays

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Trainer.load_state_dict`."""
        mine = self.chain.parameters
        names = ("parameters", *(name for name in ("average", "best") if name in arrays))
        for name in names:
            numbers = arrays.get(name)
            if numbers is None or numbers.shape != mine.shape or numbers.dtype != mine.dtype:
                raise ValueError("the network has another size")
            if not np.isfinite(numbers).all():
                raise ValueError("the network is not finite")
        squares = arrays.get("squares")
        if squares is None or squares.shape != (2,) or squares.dtype != np.float64:
            raise ValueError("its errors are missing")
        if not np.isfinite(squares).all():
            raise ValueError("its errors are not finite")
        if self._whitening:
            self._whitening.restore(arrays)
        if self._adam:
            self._adam.restore(part_of(arrays, "adam_"))
        super().load_state_dict(arrays)
        self.stream.restore(arrays)
        self._best_epoch = int(number_of(arrays, "best_epoch"))
        self._best_error = number_of(arrays, "best_error") if "best" in arrays else math.inf
        self.best = np.array(arrays["best"]) if "best" in arrays else None
        self._ema.average = np.array(arrays["average"]) if "average" in arrays else None
        self._squares = np.array(squares, dtype=np.float64)
        mine[:] = arrays["parameters"]

    def _check_finite(self) -> None:
        if not np.isfinite(self.chain.parameters).all():
            raise DivergenceError(f"a weight is not finite in epoch {self.progress.epoch + 1}")

    def learn(self, inputs: FloatArray, targets: FloatArray) -> BatchMetrics:
        """Take a step with a batch of damaged and clean patches (float32, normalised)."""
        error = self._clipped_error(inputs, targets)
        damage = self.cutter.deviation * math.sqrt(_square_sum(inputs - targets) / inputs.size)
        # Clipping hides infinity.
        if not np.isfinite(self._cache.output).all():
            return BatchMetrics(math.nan, damage)
        roots = rmse(error)
        metrics = BatchMetrics(self.cutter.deviation * math.sqrt(np.square(roots).mean()), damage)
        least = _LEAST_ERROR / self.cutter.deviation
        error *= (1.0 / (len(error) * (roots + least))).astype(np.float32)[:, np.newaxis]
        self._step(error)
        if self.config.average:
            step = self.progress.epoch * self.epoch_size + self.progress.position
            self._ema.update(self.chain.parameters, step)
        return metrics

    def _step(self, grad_y: FloatArray) -> None:
        chain, rate = self.chain, self.config.rate
        if self._adam is None or self._gradient is None:
            rates = [rate / layer.in_shape[0] for layer in chain.layers]
            chain.descend(self._cache, grad_y, rates)
            return
        chain.backward(self._cache, grad_y, self._gradient)
        parallel_step(
            self._adam,
            chain.parameters,
            self._gradient,
            np.array([[0, chain.parameters.size]]),
            np.array([rate], dtype=np.float32),
            1.0,
            self._pool,
        )

    def _clipped_error(self, inputs: FloatArray, targets: FloatArray) -> FloatArray:
        seen = self._whitening.apply(inputs) if self._whitening else inputs
        outputs = self.chain.forward(seen, self._cache)
        restored = outputs + inputs if self.config.difference else outputs.copy()
        np.clip(restored, self.cutter.lowest, self.cutter.highest, out=restored)
        restored -= targets
        return restored


def _square_sum(numbers: FloatArray) -> float:
    return float(np.vdot(numbers, numbers))
