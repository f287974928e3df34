"""An auto-encoder, the pictures that it learns, and how far it has come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.apps.autoencode.contact_sheet import COLUMNS, choose, draw_sheet
from fit_image.apps.autoencode.directory import AutoencoderMetrics
from fit_image.apps.autoencode.model import AutoencoderModel
from fit_image.apps.autoencode.networks import make_autoencoder
from fit_image.apps.memory import check_available, numbers_per_sample, training_bytes
from fit_image.datasets.arrays import Pictures
from fit_image.errors import DivergenceError
from fit_image.images.io import to_float
from fit_image.nn.losses import mean_squared_error
from fit_image.nn.optimizers.adam import AdamW
from fit_image.nn.optimizers.parallel_step import parallel_step
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.runs.progress import Progress
from fit_image.runs.snapshot import Snapshot
from fit_image.runs.trainer import EpochEnd, StepTrainer, number_of, part_of
from fit_image.storage.npz import Arrays

# What distinguishes the random numbers of one purpose from those of another.
_WEIGHTS, _ORDER, _ROUND = range(3)

_GOOD = "good_"


@dataclass(frozen=True)
class StepMetrics:
    """What a step has come to.

    Attributes
    ----------
    loss : float
        Mean squared error of a number (0..1) of its pictures, as redrawn before its step.
    """

    loss: float


class AutoencoderTrainer(StepTrainer[StepMetrics]):
    """Takes step after step, each with the next batch of shuffled pictures.

    Parameters
    ----------
    pictures, held_out : ndarray of uint8, shape (count, height, width, channels)
        Those to learn from, and those that figures are measured on. Not copied.
    recipe : AutoencodeConfig
    threads : int, optional
        Default: all cores. Does not change the result.

    Raises
    ------
    InputError
        If the pictures are too small for the network, or the network is too large for the memory.
    """

    saves_model_with_checkpoint = True

    def __init__(
        self,
        pictures: Pictures,
        held_out: Pictures,
        recipe: AutoencodeConfig,
        *,
        threads: int | None = None,
    ) -> None:
        self.pictures, self.held_out, self.config = pictures, held_out, recipe
        batch = min(recipe.batch_size, len(pictures))
        mean = (pictures.mean(axis=0, dtype=np.float64) / 255).astype(np.float32)
        self.network = make_autoencoder(recipe, mean)
        chain = self.network.chain
        # Parameters, gradient, two moments, and two copies while a checkpoint is written.
        needed = training_bytes(chain.parameters.size, 6, batch * numbers_per_sample(chain))
        check_available(needed, "give a smaller --size, --bottleneck or --batch-size")
        self.mean = mean
        self.epoch_size = -(-len(pictures) // batch)
        self.progress = Progress()
        self._batch = batch
        self._pool = ThreadPool(threads)
        self._cache = chain.make_cache(batch, self._pool)
        self._gradient = chain.zeros()
        self._adam = AdamW(chain.parameters.size, recipe.weight_decay)
        self._sum = 0.0
        self.network.init_params(mean, np.random.default_rng([recipe.seed, _WEIGHTS]))
        self.snapshot = Snapshot(self.state_dict())

    def train_step(self, go_on: Callable[[], bool] = lambda: True) -> StepMetrics:
        """See `StepTrainer.train_step`."""
        recipe, progress = self.config, self.progress
        began = time.perf_counter()
        order = np.random.default_rng([recipe.seed, _ORDER, progress.epoch]).permutation(
            len(self.pictures)
        )
        chosen = order[progress.position * self._batch :][: self._batch]
        rng = np.random.default_rng([recipe.seed, _ROUND, progress.epoch, progress.position])
        loss = self.learn(self._varied(to_float(self.pictures[chosen]), rng))
        progress.seconds += time.perf_counter() - began
        if not math.isfinite(loss):
            raise DivergenceError(f"the loss is not finite in epoch {progress.epoch + 1}")
        self._sum += loss * len(chosen)
        progress.position += 1
        return StepMetrics(loss)

    def warm_up(self) -> None:
        """See `Trainer.warm_up`."""
        before = self.state_dict()
        self.learn(self._varied(to_float(self.pictures[: self._batch]), np.random.default_rng(0)))
        self.load_state_dict(before)

    def end_epoch(self) -> EpochEnd:
        """See `StepTrainer.end_epoch`; the loss on held-out pictures must be finite."""
        progress = self.progress
        loss = self._sum / len(self.pictures)
        test_loss = self.test_loss()
        if not math.isfinite(test_loss):
            raise DivergenceError(
                f"the loss on held-out pictures is not finite in epoch {progress.epoch + 1}"
            )
        self._sum = 0.0
        progress.epoch += 1
        progress.position = 0
        self.snapshot.take(self)
        metrics = AutoencoderMetrics.measured(progress.epoch, loss, test_loss, progress.seconds)
        return EpochEnd(progress.epoch, metrics, self.draw())

    def draw(self) -> npt.NDArray[np.uint8]:
        """See `StepTrainer.draw`."""
        # The same pictures in every frame: what moves is what is learned.
        pictures = choose(self.held_out, COLUMNS, self.config.seed)
        return draw_sheet(self.model(), pictures)

    def test_loss(self) -> float:
        """Return the mean squared error of a number (0..1) of the held-out pictures."""
        total = 0.0
        for first in range(0, len(self.held_out), self._batch):
            wanted = to_float(self.held_out[first : first + self._batch])
            drawn = self._forward(wanted)
            total += float(np.square(drawn - wanted).sum(dtype=np.float64))
        return total / self.held_out.size

    def model(self) -> AutoencoderModel:
        """Return the network, which goes on learning: no copy of it."""
        return AutoencoderModel(self.config, self.mean, self.network)

    def checkpoint(self) -> Arrays:
        """See `Trainer.checkpoint`; inside an epoch, the last good state is a part of it."""
        arrays = self.state_dict()
        if self.progress.position and self.snapshot.arrays is not None:
            good = self.snapshot.arrays.items()
            arrays |= {f"{_GOOD}{name}": array for name, array in good}
        return arrays

    def resume_from(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Trainer.resume_from`."""
        good = part_of(arrays, _GOOD)
        if good:
            self.load_state_dict(good)
        self.load_state_dict(arrays)
        if bool(good) != bool(self.progress.position):
            raise ValueError("its last good state is missing")
        self.snapshot = Snapshot(good or self.state_dict())

    def state_dict(self) -> Arrays:
        """See `Trainer.state_dict`."""
        return {
            **super().state_dict(),
            "sum": np.array(self._sum),
            "parameters": self.network.chain.parameters.copy(),
            **{f"adam_{name}": array for name, array in self._adam.to_arrays().items()},
        }

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Trainer.load_state_dict`."""
        total = number_of(arrays, "sum")
        parameters = arrays.get("parameters")
        own = self.network.chain.parameters
        if (
            parameters is None
            or parameters.dtype != own.dtype
            or parameters.shape != own.shape
            or not np.isfinite(parameters).all()
        ):
            raise ValueError("its parameters are not those of this network")
        self._adam.restore(part_of(arrays, "adam_"))
        super().load_state_dict(arrays)
        own[:], self._sum = parameters, total

    def _varied(self, pictures: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Turn and shift pictures by chance, as the recipe says; what comes in is the edge's."""
        height, width = pictures.shape[1:3]
        shift = self.config.shift
        if self.config.mirror:
            turned = rng.random(len(pictures)) < 0.5
            pictures[turned] = pictures[turned, :, ::-1]
        if shift:
            for picture, (down, right) in zip(
                pictures, rng.integers(-shift, shift + 1, (len(pictures), 2)), strict=True
            ):
                rows = (np.arange(height) - down).clip(0, height - 1)
                columns = (np.arange(width) - right).clip(0, width - 1)
                picture[:] = picture[rows[:, np.newaxis], columns]
        return pictures

    def _forward(self, pictures: FloatArray) -> FloatArray:
        # What is not finite is found in the loss, and said in one line.
        with np.errstate(over="ignore", invalid="ignore"):
            return self.network.chain.forward(pictures, self._cache)

    def learn(self, pictures: FloatArray) -> float:
        """Take a step with a batch (float32, 0..1); return the mean squared error before it."""
        chain = self.network.chain
        drawn, grad_y = self._forward(pictures), self._cache.grad_output
        loss = mean_squared_error(drawn, pictures, grad_y)
        with np.errstate(over="ignore", invalid="ignore"):
            chain.backward(self._cache, grad_y, self._gradient)
        parallel_step(
            self._adam,
            chain.parameters,
            self._gradient,
            np.array([[0, chain.parameters.size]]),
            np.array([self.config.rate], dtype=np.float32),
            1.0,
            self._pool,
        )
        return loss
