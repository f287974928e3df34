"""Training of digits: epochs, metrics, frames, and the model that comes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.digits.centres import Normals, choose_centres
from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.directory import COLUMNS, DigitsMetrics, RoundMetrics
from fit_image.apps.digits.gan_trainer import GANTrainer, GradientError, RoundAbandonedError
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.networks import generator_numbers, working_numbers
from fit_image.apps.memory import check_available, training_bytes
from fit_image.datasets.labelled import LabelledPictures
from fit_image.errors import DivergenceError, InputError
from fit_image.images.crops import centre_crop, random_crops
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.runs.progress import Progress
from fit_image.runs.trainer import EpochEnd, StepTrainer
from fit_image.storage.npz import number_of

SAMPLES = 10
"""Pictures drawn of each class after an epoch."""

# Streams of random numbers, one for each purpose.
_ORDER, _ROUND, _LOOK, _FRAMES, _CENTRES = 1, 2, 3, 4, 5

_TILE = 52
"""Pixels of a side of a sample in the frames."""

_LEAST_SIDE = 8

# Rounds of more seconds than this can be stopped inside.
_LONG_ROUND = 1.0


class DigitTrainer(StepTrainer[RoundMetrics]):
    """Trains round by round, each on the next batch of shuffled and cropped pictures.

    Parameters
    ----------
    data : LabelledPictures
        Not copied.
    settling_rounds : int
        Before so many rounds, a generator that draws one class only has not collapsed: it has not
        begun.
    threads : int, optional
        Default: all cores. Does not change the result.

    Raises
    ------
    InputError
        If the pictures are too small to be cropped, or fewer than a batch, or do not fit in memory.
    """

    def __init__(
        self,
        data: LabelledPictures,
        config: DigitsConfig,
        *,
        settling_rounds: int = 300,
        threads: int | None = None,
    ) -> None:
        self.data, self.config, self._settling_rounds = data, config, settling_rounds
        count, height, width, channels = data.pictures.shape
        if count < config.batch_size:
            raise InputError(
                f"{count} pictures are too few for batches of {config.batch_size}: "
                "give a smaller --batch-size"
            )
        side = min(height, width) - config.crop
        if side < _LEAST_SIDE:
            raise InputError(
                f"pictures of {width}x{height} are too small: after --crop {config.crop}, "
                f"{_LEAST_SIDE} rows and columns must be left"
            )
        self.side = side
        check_available(
            training_bytes(0, 0, working_numbers(config, (side, side, channels), len(data.names))),
            "give a smaller --batch-size",
        )
        self.gan = GANTrainer(config, (side, side, channels), len(data.names), threads=threads)
        self.epoch_size = count // config.batch_size
        self.progress = Progress()
        self._sums = dict.fromkeys(COLUMNS, 0.0)
        self._was_diverse = False
        self._round_seconds = math.inf
        self.snapshot = self.state_dict()

    def train_step(self, should_continue: Callable[[], bool] = lambda: True) -> RoundMetrics | None:
        config, progress = self.config, self.progress
        self.clock.start()
        rng = np.random.default_rng([config.seed, _ORDER, progress.epoch])
        order = rng.permutation(len(self.data.labels))
        chosen = order[progress.position * config.batch_size :][: config.batch_size]
        rng = np.random.default_rng([config.seed, _ROUND, progress.epoch, progress.position])
        pictures = random_crops(self.data.pictures[chosen], self.side, rng)
        labels = self.data.labels[chosen]
        # Values that are not finite are reported below, in one line.
        long = self._round_seconds >= _LONG_ROUND
        before = self.gan.state_dict() if long else {}
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                metrics = self.gan.train_step(
                    pictures, labels, rng, should_continue if long else lambda: True
                )
        except RoundAbandonedError:
            self.gan.load_state_dict(before)
            return None
        except GradientError:
            raise DivergenceError(
                f"a gradient is not finite in epoch {progress.epoch + 1}"
            ) from None
        self._round_seconds = self.clock.lap()
        progress.seconds += self._round_seconds
        for name, value in asdict(metrics).items():
            self.check_finite(f"the {name.replace('_', ' ')}", value)
            self._sums[name] += value
        progress.position += 1
        return metrics

    def warm_up(self) -> None:
        chosen = slice(self.config.batch_size)
        pictures = centre_crop(self.data.pictures[chosen], self.side)
        self.gan.warm_up(pictures, self.data.labels[chosen])

    def end_epoch(self) -> EpochEnd:
        # A generator has collapsed if all its pictures are taken for one class, and once were not,
        # or never were in many rounds.
        means = {name: total / self.epoch_size for name, total in self._sums.items()}
        model = self.model()
        classes = self.drawn_classes(model)
        progress = self.progress
        settled = (progress.epoch + 1) * self.epoch_size >= self._settling_rounds
        plays = self.config.adversary_weight > 0
        if plays and len(classes) == 1 and (self._was_diverse or settled):
            raise DivergenceError(
                f"the generator collapsed in epoch {progress.epoch + 1}: all its pictures are "
                f"taken for {self.data.names[classes.pop()]}"
            )
        self._was_diverse |= len(classes) > len(self.data.names) // 2
        self._sums = dict.fromkeys(COLUMNS, 0.0)
        progress.epoch += 1
        progress.position = 0
        self.snapshot = self.state_dict()
        metrics = DigitsMetrics(epoch=progress.epoch, seconds=progress.seconds, **means)
        return EpochEnd(progress.epoch, metrics, self.draw(model), model)

    def draw(self, model: DigitModel | None = None) -> npt.NDArray[np.uint8]:
        model = model or self.model()
        # The same latents' noise in every frame: only learning moves them.
        rng = np.random.default_rng([self.config.seed, _FRAMES])
        rows = [model.sample([label] * SAMPLES, rng) for label in range(len(model.class_names))]
        # The scale is reached in the middles of a tile's border pixels, not of the trained ones, so
        # that the frames of a run stay alike when one of an earlier version is resumed.
        scale = self.config.scale * (self.side - 1) / self.side * _TILE / (_TILE - 1)
        return model.draw_sheet(rows, _TILE, _TILE, scale=scale)

    def model(self) -> DigitModel:
        names, centres = self.data.names, self.config.centres
        sums = np.zeros((len(names), self.config.latent), dtype=np.float64)
        squares, counts = np.zeros_like(sums), np.zeros(len(names))
        posteriors = []
        brightness = 0.0
        with self.gan.averaged():
            numbers = generator_numbers(self.config, self.gan.generator.network)
            for first in range(0, len(self.data.labels), self.config.batch_size):
                part = slice(first, first + self.config.batch_size)
                pictures = centre_crop(self.data.pictures[part], self.side)
                labels = self.data.labels[part]
                mean, variance = self.gan.encode(pictures)
                np.add.at(sums, labels, mean)
                np.add.at(squares, labels, variance + np.square(mean, dtype=np.float64))
                np.add.at(counts, labels, 1)
                if centres:
                    posteriors.append((mean, variance))
                edge = pictures[:, [0, -1]].mean() + pictures[:, :, [0, -1]].mean()
                brightness += float(edge) / 2 * len(labels)
            means = sums / counts[:, np.newaxis]
            deviations = np.sqrt(np.maximum(squares / counts[:, np.newaxis] - means**2, 0.0))
            normals: Normals = (means[:, np.newaxis], deviations[:, np.newaxis])
            if centres:
                encoded, variances = map(np.concatenate, zip(*posteriors, strict=True))
                seed = [self.config.seed, _CENTRES]
                statistics = means, deviations
                codes, labels = (encoded, variances), self.data.labels
                normals = choose_centres(codes, labels, statistics, centres, seed, self._draw)
        return DigitModel(
            self.config,
            self.gan.shape[2],
            self.side,
            self.side,
            names,
            numbers,
            normals[0].astype(np.float32),
            normals[1].astype(np.float32),
            brightness / len(self.data.labels),
        )

    def _draw(self, latents: FloatArray) -> FloatArray:
        """Draw pictures as the model does, but of the size of those in training."""
        batch = self.config.batch_size
        parts = [self.gan.draw(latents[at : at + batch]) for at in range(0, len(latents), batch)]
        drawn = np.clip(np.concatenate(parts), 1e-6, 1 - 1e-6)
        logits = np.float32(self.config.contrast) * (np.log(drawn) - np.log(1 - drawn))
        shades: FloatArray = (0.5 + 0.5 * np.tanh(logits / 2)).astype(np.float32)
        return shades

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        return {
            **super().state_dict(),
            **self.gan.state_dict(),
            **{f"sum_{name}": np.array(total) for name, total in self._sums.items()},
            "was_diverse": np.array(float(self._was_diverse)),
        }

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        sums = {name: number_of(arrays, f"sum_{name}") for name in COLUMNS}
        was_diverse = number_of(arrays, "was_diverse") > 0
        self.gan.load_state_dict(arrays)
        super().load_state_dict(arrays)
        self._sums, self._was_diverse = sums, was_diverse

    def drawn_classes(self, model: DigitModel) -> set[int]:
        """Return the classes that the discriminator sees in generated pictures of all classes."""
        rng = np.random.default_rng([self.config.seed, _LOOK])
        classes = len(model.class_names)
        latents = model.sample(np.arange(classes * SAMPLES) % classes, rng)
        found: set[int] = set()
        for first in range(0, len(latents), self.config.batch_size):
            with self.gan.averaged():
                drawn = self.gan.draw(latents[first : first + self.config.batch_size])
            found |= set(self.gan.predict(drawn).tolist())
        return found
