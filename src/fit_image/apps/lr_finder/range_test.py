"""Learning while the rate rises geometrically, from far too small to far too large.

Source: L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.fit.architecture import make_network
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.lr_finder.suggestion import safety_factor
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.config.registry import OPTIMIZERS

# Rates that are tried, as factors of the default.
_LOWEST, _HIGHEST = 1e-3, 1e3

# Losses are means of so many parts, of a step or many.
_PARTS = 200

# How long the test is, whatever the size of the picture: the more steps it takes, the lower are the
# rates at which the loss is lowest, and the suggestion is to follow from these. Steps of batches;
# samples at least, of which single ones say little; and single samples of plain gradient descent.
_STEPS, _FEWEST_SAMPLES, _SINGLE_SAMPLES = 110, 2000, 7000

# Plain gradients of few samples learn a little more or less by chance, which moves the lowest loss
# of one network by a factor of two. It is the mean of so many, until so many samples are learned.
_NETWORKS, _ENOUGH_SAMPLES = 4, 28_000

# A loss so many times the first, or not finite, ends the test: larger rates are no better.
_HOPELESS = 10.0


@dataclass(frozen=True)
class Losses:
    """The losses of a range test.

    Attributes
    ----------
    rates : float64 (parts,)
        Increasing.
    losses : float64 (parts,)
        Mean loss of samples, taken before each step; where there are many steps, of some of them.
    samples : int
        How many were learned, by all networks together.
    safety : float
        How many times smaller than a rate of the lowest loss one to train with is.
    """

    rates: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]
    samples: int
    safety: float


class RangeTest:
    """Learns some thousand pixels of a picture while the rate rises; networks are thrown away.

    Neither the learning rate of the configuration matters, nor how long the training is to be and
    how the rate changes in it, nor the seed, except where that holds pixels out. Plain gradient
    descent is tested in the place of momentum.

    Parameters
    ----------
    image : uint8, uint16 or float32 (height, width, channels)
    config : FitConfig
    threads : int, optional
        At most so many. Does not change the result.
    """

    def __init__(
        self, image: npt.NDArray[Any], config: FitConfig, *, threads: int | None = None
    ) -> None:
        optimizer = OPTIMIZERS[config.optimizer]
        config = tested(config)
        self._safety = safety_factor(optimizer, config.learning_rate)
        self._highest = min(config.learning_rate * _HIGHEST, LARGEST_RATE)
        self._range = self._highest / (config.learning_rate * _LOWEST)
        config = replace(config, learning_rate=self._highest)
        self._trainer = trainer = FitTrainer(image, config, threads=threads)
        self._beginning = trainer.state_dict()
        batch = min(config.batch_size, trainer.epoch_size)
        single = batch == 1 and not optimizer.adaptive
        self._samples = max(_STEPS * batch, _SINGLE_SAMPLES if single else _FEWEST_SAMPLES)
        self._step = -(-self._samples // (_PARTS * batch)) * batch
        enough = 1 if optimizer.adaptive else -(-_ENOUGH_SAMPLES // self._samples)
        self._networks = min(enough, _NETWORKS)
        self._curves: list[list[tuple[float, float]]] = []
        self._learned = self._total = 0

    @property
    def kernels(self) -> int | None:
        """The number of kernels that `warm_up` needs."""
        return self._trainer.kernels

    def warm_up(self) -> None:
        """Compile all kernels, or load them."""
        self._trainer.warm_up()

    def steps(self) -> Iterator[float]:
        """Take the steps, yielding the share (0..1) that is done after some of them."""
        for number in range(self._networks):
            if number:
                self._restart(number)
            self._learned = 0
            for share in self._sweep(self._trainer.config.seed + number):
                yield (number + share) / self._networks

    def _restart(self, number: int) -> None:
        """Give the network other initial weights."""
        trainer = self._trainer
        height, width, channels = trainer.image.shape
        config = replace(trainer.config, seed=trainer.config.seed + number)
        parameters = make_network(config, (width, height), channels).parameters
        trainer.load_state_dict({**self._beginning, "parameters": parameters})

    def _sweep(self, seed: int) -> Iterator[float]:
        """Learn with one network, in the order of this seed."""
        pixels, samples = self._trainer.epoch_size, self._trainer.learning.samples
        position, epoch = pixels, 0
        self._curves.append(curve := [])
        while self._learned < self._samples:
            if position == pixels:
                position, epoch = 0, epoch + 1
                samples.shuffle(np.random.default_rng([seed, epoch]))
            count = min(self._step, pixels - position)
            # At rates that are far too large, numbers overflow, which is what is looked for.
            with np.errstate(all="ignore"):
                loss = self._learn(position, count)
            position += count
            self._learned += count
            self._total += count
            curve.append((self._highest * float(self._factors(-1, 1)[0]), loss))
            if not math.isfinite(loss) or loss > _HOPELESS * curve[0][1]:
                return
            yield self._learned / self._samples

    def result(self) -> Losses:
        """Return the curve: of several networks, the mean."""
        parts = min(map(len, self._curves))
        rates, losses = np.mean([curve[:parts] for curve in self._curves], axis=0).T
        return Losses(rates, losses, self._total, self._safety)

    def _learn(self, position: int, count: int) -> float:
        """Learn samples of the epoch, which are a step or many; return their mean loss."""
        learning, clock = self._trainer.learning, self._trainer.clock
        method = learning.method
        loss_sum, done = np.zeros(1), 0
        clock.start()
        with method.session():
            while done < count:
                cut = min(method.next_cut(count - done), count - done)
                threads = learning.tuner.threads
                inputs = learning.samples.gather(position + done, cut, threads)
                factors = self._factors(done, cut)
                method.learn(*inputs, loss_sum, factors=factors, threads=threads)
                done += cut
                learning.tuner.record(cut, clock.lap(), void=method.alone)
            method.finish(loss_sum)
        return float(loss_sum[0]) / count

    def _factors(self, first: int, count: int) -> npt.NDArray[np.float32]:
        """Return the factors of the highest rate for samples after those learned."""
        places = (self._learned + first + 0.5 + np.arange(count)) / self._samples
        factors: npt.NDArray[np.float32] = (self._range ** (places - 1.0)).astype(np.float32)
        return factors


def tested(config: FitConfig) -> FitConfig:
    """Return a configuration with the default of all that does not matter to the test."""
    unlimited = replace(config, target_psnr=None, time_limit=None, warmup=0.0, epochs=1)
    # Pixels that the seed holds out of the training are not learned here either.
    seed = config.seed if isinstance(config.hold_out, float) else 0
    plain = replace(unlimited, seed=seed, lr_schedule="constant", sampling="uniform")
    # What momentum does comes several steps later, at rates that are much larger by then.
    optimizer = "sgd" if OPTIMIZERS[config.optimizer].momentum else config.optimizer
    return replace(plain, optimizer=optimizer, learning_rate=None)  # type: ignore[arg-type]
