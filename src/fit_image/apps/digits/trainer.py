"""A game, the pictures that it is played with, and how far it has come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.contact_sheet import draw_sheet
from fit_image.apps.digits.directory import DigitsMetrics
from fit_image.apps.digits.gan_trainer import (
    GANTrainer,
    GradientError,
    RoundAbandonedError,
    RoundMetrics,
)
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.networks import working_numbers
from fit_image.apps.memory import check_available, training_bytes
from fit_image.datasets.labelled import LabelledPictures
from fit_image.errors import DivergenceError, InputError
from fit_image.images.crops import centre_crop, random_crops
from fit_image.runs.progress import Progress
from fit_image.runs.snapshot import Snapshot
from fit_image.runs.trainer import EpochEnd, StepTrainer, number_of

SAMPLES = 10
"""Pictures of each class that are looked at after an epoch."""

# What distinguishes the random numbers of one purpose from those of another.
_ORDER, _ROUND, _LOOK, _FRAMES = 1, 2, 3, 4

_TILE = 52
"""Pixels of a side of a sample in the frames."""

_LEAST_SIDE = 8

# Before so many rounds, a generator that draws one class only has not collapsed: it has not begun.
_SETTLING_ROUNDS = 300

# Rounds of more seconds than this can be stopped inside.
_LONG_ROUND = 1.0

_METRICS = [field.name for field in fields(RoundMetrics)]


class DigitTrainer(StepTrainer[RoundMetrics]):
    """Plays round after round, each with the next batch of shuffled and cropped pictures.

    Parameters
    ----------
    data : LabelledPictures
        Not copied.
    recipe : DigitsConfig
    threads : int, optional
        Default: all cores. Does not change the result.

    Raises
    ------
    InputError
        If the pictures are too small to be cropped, or fewer than a batch, or do not fit in memory.
    """

    def __init__(
        self, data: LabelledPictures, recipe: DigitsConfig, *, threads: int | None = None
    ) -> None:
        self.data, self.config = data, recipe
        count, height, width, channels = data.pictures.shape
        if count < recipe.batch_size:
            raise InputError(
                f"{count} pictures are too few for batches of {recipe.batch_size}: "
                "give a smaller --batch-size"
            )
        side = min(height, width) - recipe.crop
        if side < _LEAST_SIDE:
            raise InputError(
                f"pictures of {width}x{height} are too small: after --crop {recipe.crop}, "
                f"{_LEAST_SIDE} rows and columns must be left"
            )
        self.side = side
        check_available(
            training_bytes(0, 0, working_numbers(recipe, (side, side, channels), len(data.names))),
            "give a smaller --batch-size",
        )
        self.game = GANTrainer(recipe, (side, side, channels), len(data.names), threads=threads)
        self.epoch_size = count // recipe.batch_size
        self.progress = Progress()
        self._sums = dict.fromkeys(_METRICS, 0.0)
        self._was_diverse = False
        self._round_seconds = math.inf
        self.snapshot = Snapshot(self.state_dict())

    def train_step(self, go_on: Callable[[], bool] = lambda: True) -> RoundMetrics | None:
        """See `StepTrainer.train_step`."""
        recipe, progress = self.config, self.progress
        began = time.perf_counter()
        rng = np.random.default_rng([recipe.seed, _ORDER, progress.epoch])
        order = rng.permutation(len(self.data.labels))
        first = progress.position * recipe.batch_size
        chosen = order[first : first + recipe.batch_size]
        rng = np.random.default_rng([recipe.seed, _ROUND, progress.epoch, progress.position])
        pictures = random_crops(self.data.pictures[chosen], self.side, rng)
        labels = self.data.labels[chosen]
        # What is not finite is found below, and said in one line.
        long = self._round_seconds >= _LONG_ROUND
        before = self.game.to_arrays() if long else {}
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                metrics = self.game.play(pictures, labels, rng, go_on if long else lambda: True)
        except RoundAbandonedError:
            self.game.restore(before)
            return None
        except GradientError:
            raise DivergenceError(
                f"a gradient is not finite in epoch {progress.epoch + 1}"
            ) from None
        self._round_seconds = time.perf_counter() - began
        progress.seconds += self._round_seconds
        for name, value in asdict(metrics).items():
            if not math.isfinite(value):
                raise DivergenceError(
                    f"the {name.replace('_', ' ')} is not finite in epoch {progress.epoch + 1}"
                )
            self._sums[name] += value
        progress.position += 1
        return metrics

    def warm_up(self) -> None:
        """See `Trainer.warm_up`."""
        before, rng = self.game.to_arrays(), np.random.default_rng(0)
        chosen = slice(self.config.batch_size)
        pictures = centre_crop(self.data.pictures[chosen], self.side)
        self.game.try_all(pictures, self.data.labels[chosen], rng)
        self.game.restore(before)

    def end_epoch(self) -> EpochEnd:
        """See `StepTrainer.end_epoch`.

        Raises
        ------
        DivergenceError
            If all generated pictures are taken for one class, and once were not, or never were
            in many rounds.
        """
        means = {name: total / self.epoch_size for name, total in self._sums.items()}
        model = self.model()
        taken_for = self._look(model)
        progress = self.progress
        settled = (progress.epoch + 1) * self.epoch_size >= _SETTLING_ROUNDS
        if len(taken_for) == 1 and (self._was_diverse or settled):
            raise DivergenceError(
                f"the generator collapsed in epoch {progress.epoch + 1}: all its pictures are "
                f"taken for {self.data.names[taken_for.pop()]}"
            )
        self._was_diverse |= len(taken_for) > len(self.data.names) // 2
        self._sums = dict.fromkeys(_METRICS, 0.0)
        progress.epoch += 1
        progress.position = 0
        self.snapshot.take(self)
        metrics = DigitsMetrics(epoch=progress.epoch, seconds=progress.seconds, **means)
        return EpochEnd(progress.epoch, metrics, self._drawn(model), model)

    def draw(self) -> npt.NDArray[np.uint8]:
        """See `StepTrainer.draw`."""
        return self._drawn(self.model())

    def _drawn(self, model: DigitModel) -> npt.NDArray[np.uint8]:
        # The same chance for every frame: what moves is what is learned.
        rng = np.random.default_rng([self.config.seed, _FRAMES])
        rows = [model.sample([label] * SAMPLES, rng) for label in range(len(model.names))]
        return draw_sheet(model, rows, _TILE, _TILE)

    def model(self) -> DigitModel:
        """Return the generator as it draws, with the statistics of the classes' real pictures."""
        with self.game.averaged():
            return self._model()

    def _model(self) -> DigitModel:
        names = self.data.names
        means = np.zeros((len(names), self.config.latent), dtype=np.float64)
        squares, counts = np.zeros_like(means), np.zeros(len(names))
        brightness = 0.0
        for first in range(0, len(self.data.labels), self.config.batch_size):
            part = slice(first, first + self.config.batch_size)
            pictures = centre_crop(self.data.pictures[part], self.side)
            labels = self.data.labels[part]
            mean, variance = self.game.encode(pictures)
            np.add.at(means, labels, mean)
            np.add.at(squares, labels, variance + np.square(mean, dtype=np.float64))
            np.add.at(counts, labels, 1)
            edge = pictures[:, [0, -1]].mean() + pictures[:, :, [0, -1]].mean()
            brightness += float(edge) / 2 * len(labels)
        means /= counts[:, np.newaxis]
        deviations = np.sqrt(np.maximum(squares / counts[:, np.newaxis] - means**2, 0.0))
        return DigitModel(
            self.config,
            self.game.shape[2],
            self.side,
            self.side,
            names,
            self.game.generator_numbers(),
            means.astype(np.float32),
            deviations.astype(np.float32),
            brightness / len(self.data.labels),
        )

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """See `Trainer.state_dict`."""
        return {
            **super().state_dict(),
            **self.game.to_arrays(),
            **{f"sum_{name}": np.array(total) for name, total in self._sums.items()},
            "was_diverse": np.array(float(self._was_diverse)),
        }

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Trainer.load_state_dict`."""
        sums = {name: number_of(arrays, f"sum_{name}") for name in _METRICS}
        was_diverse = number_of(arrays, "was_diverse") > 0
        self.game.restore(arrays)
        super().load_state_dict(arrays)
        self._sums, self._was_diverse = sums, was_diverse

    def _look(self, model: DigitModel) -> set[int]:
        """Return the classes for which the classifier takes some generated pictures."""
        rng = np.random.default_rng([self.config.seed, _LOOK])
        latents = model.sample(np.arange(len(model.names) * SAMPLES) % len(model.names), rng)
        found: set[int] = set()
        for first in range(0, len(latents), self.config.batch_size):
            with self.game.averaged():
                drawn = self.game.draw(latents[first : first + self.config.batch_size])
            found |= set(self.game.classify(drawn).tolist())
        return found
