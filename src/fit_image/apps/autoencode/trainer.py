"""Training of an autoencoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.apps.autoencode.directory import AutoencoderMetrics
from fit_image.apps.autoencode.model import AutoencoderModel
from fit_image.apps.autoencode.networks import make_autoencoder
from fit_image.apps.autoencode.residual import layer_rates, start_as_components
from fit_image.apps.autoencode.train_test_split import choose
from fit_image.apps.memory import check_available, numbers_per_sample, training_bytes
from fit_image.apps.trained_network import TrainedNetwork
from fit_image.datasets.channels import Pictures
from fit_image.images.colours import to_float
from fit_image.nn.losses import mean_squared_error
from fit_image.nn.optimizers.adam import AdamW
from fit_image.nn.optimizers.schedules import RateSchedule
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.runs.manifest import Manifest
from fit_image.runs.progress import Progress
from fit_image.runs.trainer import EpochEnd, StepTrainer
from fit_image.storage.npz import Arrays, number_of, part_of

# Streams of random numbers, one for each purpose.
_WEIGHTS, _ORDER, _ROUND, _COMPONENTS = range(4)

_COLUMNS = 10
"""Pictures in a frame."""

_GOOD = "good_"


class AutoencoderTrainer(StepTrainer[float]):
    """Takes steps on batches of shuffled pictures; their metric is the mean squared error.

    Parameters
    ----------
    pictures, held_out : ndarray of uint8, shape (count, height, width, channels)
        Training pictures, and those of which frames and the test loss are made. Not copied.
    threads : int, optional
        Default: all cores. Does not change the result.
    begins : bool
        Whether training begins. If not, `resume_from` will give the weights, and the principal
        components that a residual network starts as are not looked for.

    Attributes
    ----------
    epochs : int
        Length of the training, for the schedule of the learning rate; a run has its own.

    Raises
    ------
    InputError
        If the pictures are too small for the network, or the network is too large for the memory.
    """

    saves_model_with_checkpoint = True

    epochs = 100

    def __init__(
        self,
        pictures: Pictures,
        held_out: Pictures,
        config: AutoencodeConfig,
        *,
        threads: int | None = None,
        begins: bool = True,
    ) -> None:
        self.pictures, self.held_out, self.config = pictures, held_out, config
        batch = min(config.batch_size, len(pictures))
        mean = (pictures.mean(axis=0, dtype=np.float64) / 255).astype(np.float32)
        self.autoencoder = make_autoencoder(config, mean)
        network = self.autoencoder.network
        # Parameters, gradient, two moments, and two copies while a checkpoint is written.
        vectors = 8 if config.average else 6
        working = batch * numbers_per_sample(network)
        needed = training_bytes(network.parameters.size, vectors, working)
        check_available(needed, "give a smaller --size, --bottleneck or --batch-size")
        self.mean = mean
        self.epoch_size = -(-len(pictures) // batch)
        self.progress = Progress()
        self._batch = batch
        adam = AdamW(network.parameters.size, config.weight_decay)
        rates = layer_rates(config, network) if config.residual else config.rate
        pool = ThreadPool(threads)
        self._trained = TrainedNetwork(network, adam, rates, batch, pool, config.average)
        self._sum = 0.0
        self.autoencoder.init_params(config, mean, np.random.default_rng([config.seed, _WEIGHTS]))
        if config.residual and begins:
            rng = np.random.default_rng([config.seed, _COMPONENTS])
            start_as_components(network, pictures, mean, rng, mirror=config.mirror)
        self.snapshot = self.state_dict()

    def course(
        self, manifest: Manifest, should_continue: Callable[[], bool]
    ) -> Iterator[EpochEnd | int]:
        self.epochs = manifest.epochs
        return super().course(manifest, should_continue)

    def train_step(self, should_continue: Callable[[], bool] = lambda: True) -> float:
        config, progress = self.config, self.progress
        self.clock.start()
        rng = np.random.default_rng([config.seed, _ORDER, progress.epoch])
        order = rng.permutation(len(self.pictures))
        chosen = order[progress.position * self._batch :][: self._batch]
        rng = np.random.default_rng([config.seed, _ROUND, progress.epoch, progress.position])
        learned = progress.epoch * len(self.pictures) + progress.position * self._batch
        factor = self._schedule.factors(learned, len(chosen), len(self.pictures)).mean()
        loss = self.learn(self.augment(to_float(self.pictures[chosen]), rng), float(factor))
        if self.config.average:
            step = progress.epoch * self.epoch_size + progress.position
            self._trained.ema.update(self._trained.network.parameters, step)
        progress.seconds += self.clock.lap()
        self.check_finite("the loss", loss)
        self._sum += loss * len(chosen)
        progress.position += 1
        return loss

    @property
    def _schedule(self) -> RateSchedule:
        return RateSchedule(self.config.lr_schedule, self.epochs)

    def warm_up(self) -> None:
        before = self.state_dict()
        self.learn(self.augment(to_float(self.pictures[: self._batch]), np.random.default_rng(0)))
        self.load_state_dict(before)

    def end_epoch(self) -> EpochEnd:
        progress = self.progress
        loss = self._sum / len(self.pictures)
        test_loss = self.test_loss()
        self.check_finite("the loss on held-out pictures", test_loss)
        self._sum = 0.0
        progress.epoch += 1
        progress.position = 0
        self.snapshot = self.state_dict()
        psnr = -10.0 * math.log10(test_loss) if test_loss else math.inf
        metrics = AutoencoderMetrics(progress.epoch, loss, test_loss, psnr, progress.seconds)
        return EpochEnd(progress.epoch, metrics, self.draw())

    def draw(self) -> npt.NDArray[np.uint8]:
        """Draw held-out pictures above their reconstructions, the same in every frame."""
        return self.model().draw_sheet(choose(self.held_out, _COLUMNS, self.config.seed))

    def test_loss(self) -> float:
        """Return the mean squared error of the held-out pictures' values (0..1)."""
        total = 0.0
        with self._trained.averaged():
            for first in range(0, len(self.held_out), self._batch):
                wanted = to_float(self.held_out[first : first + self._batch])
                drawn = self._forward(wanted)
                if not np.isfinite(drawn).all():  # clipping hides infinity
                    return math.nan
                np.clip(drawn, 0.0, 1.0, out=drawn)
                total += float(np.square(drawn - wanted).sum(dtype=np.float64))
        return total / self.held_out.size

    def model(self) -> AutoencoderModel:
        """Return the average of the network, or itself, which goes on learning, as a model."""
        autoencoder = self.autoencoder
        if self._trained.ema.average is not None:
            autoencoder = make_autoencoder(self.config, self.mean)
            autoencoder.network.parameters[:] = self._trained.averaged_params
        return AutoencoderModel(self.config, self.mean, autoencoder)

    def checkpoint(self) -> Arrays:
        """Return the state dict and, inside an epoch, that of its start."""
        arrays = self.state_dict()
        if self.progress.position and self.snapshot is not None:
            arrays |= {f"{_GOOD}{name}": array for name, array in self.snapshot.items()}
        return arrays

    def resume_from(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        good = part_of(arrays, _GOOD)
        if good:
            self.load_state_dict(good)
        self.load_state_dict(arrays)
        if bool(good) != bool(self.progress.position):
            raise ValueError("its last good state is missing")
        self.snapshot = good or self.state_dict()

    def state_dict(self) -> Arrays:
        return {**super().state_dict(), "sum": np.array(self._sum), **self._trained.state_dict()}

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        total = number_of(arrays, "sum")
        self._trained.load_state_dict(arrays)
        super().load_state_dict(arrays)
        self._sum = total

    def augment(self, pictures: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Mirror and shift pictures by chance, in place; the edge fills what a shift uncovers."""
        height, width = pictures.shape[1:3]
        shift = self.config.shift
        if self.config.mirror:
            mirrored = rng.random(len(pictures)) < 0.5
            pictures[mirrored] = pictures[mirrored, :, ::-1]
        if shift:
            for picture, (down, right) in zip(
                pictures, rng.integers(-shift, shift + 1, (len(pictures), 2)), strict=True
            ):
                rows = (np.arange(height) - down).clip(0, height - 1)
                columns = (np.arange(width) - right).clip(0, width - 1)
                picture[:] = picture[rows[:, np.newaxis], columns]
        return pictures

    def _forward(self, pictures: FloatArray) -> FloatArray:
        # Values that are not finite are found in the loss, and reported in one line.
        with np.errstate(over="ignore", invalid="ignore"):
            return self._trained.forward(pictures)

    def learn(self, pictures: FloatArray, factor: float = 1.0) -> float:
        """Take a step on a batch (float32, 0..1), with ``factor`` times the learning rate.

        Returns the mean squared error before it.
        """
        drawn, grad_y = self._forward(pictures), self._trained.cache.grad_output
        loss = mean_squared_error(drawn, pictures, grad_y)
        with np.errstate(over="ignore", invalid="ignore"):
            self._trained.train_step(grad_y, factor=factor)
        return loss
