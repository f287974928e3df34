"""Learning from pixels: in which way, in slices of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.fit.architecture import make_encoding, make_layers
from fit_image.apps.fit.metrics import FitProgress
from fit_image.apps.memory import check_available, training_bytes
from fit_image.apps.pixels.hold_out import HeldOut
from fit_image.apps.pixels.importance_sampling import Levels
from fit_image.apps.pixels.samples import Samples
from fit_image.config.fit import FitConfig
from fit_image.config.hold_out import shown_pixels
from fit_image.nn.encodings.base import Encoding
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.optimizers.adam import AdamW
from fit_image.nn.optimizers.registry import OPTIMIZERS
from fit_image.nn.optimizers.schedules import RateSchedule
from fit_image.nn.runtime import machine
from fit_image.nn.runtime.thread_tuner import ThreadTuner, counts_up_to
from fit_image.nn.training.fused import working_numbers
from fit_image.nn.training.minibatch import Minibatch
from fit_image.nn.training.per_sample_sgd import PerSampleSGD
from fit_image.runs.training_clock import TrainingClock
from fit_image.storage.npz import Arrays

# Samples of a chunk at most: many threads are busy with them for longer than they take to begin.
_LARGEST_CHUNK = 1 << 16


class PerSample(PerSampleSGD):
    """Plain gradient descent with the interface of `Minibatch`: every sample is a batch.

    Attributes
    ----------
    ahead : bool
        Whether the network keeps the parameters that it has while more is learned.
    """

    pending = 0
    ahead = False

    def next_cut(self, samples: int) -> int:
        """Return ``samples``."""
        return samples

    @contextmanager
    def session(self) -> Iterator[None]:
        """Return the context to learn in; if an exception ends it, nothing was learned."""
        if not self.ahead:
            self.pull()
        yield
        if not self.ahead:
            self.push()

    def finish(self, loss_sum: npt.NDArray[np.float64]) -> None:
        """Do nothing: no batch is ever incomplete."""

    def to_arrays(self) -> Arrays:
        """Return nothing: plain gradient descent has no memory."""
        return {}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Check that there is nothing to restore."""
        if arrays:
            raise ValueError("the state is that of another optimizer")


Learner = PerSample | Minibatch
"""Between batches, the network's parameters and `to_arrays` are all there is to remember."""


def make_learner(network: MLP, config: FitConfig, samples: int) -> Learner:
    """Return the way in which ``network`` learns from so many samples an epoch."""
    if _is_per_sample(config, network.specs, network.encoding):
        return PerSample(network, network.layer_rates(config.learning_rate), config.loss)
    kind, decay, size = OPTIMIZERS[config.optimizer], config.weight_decay, network.parameters.size
    optimizer = kind.of_layers(size, network.table)
    if issubclass(kind, AdamW) and decay is not None:
        optimizer = kind(size, decay)
    rates = network.rates(config.learning_rate, by_fan_in=optimizer.rate_of_layer)
    rates[0] *= np.float32(config.table_rate)
    return Minibatch(network, optimizer, rates, min(config.batch_size, samples), config.loss)


def check_memory(config: FitConfig, size: tuple[int, int], channels: int) -> None:
    """Raise `InputError` if training on a picture of this width and height does not fit in memory.

    Called before the first allocation.
    """
    encoding = make_encoding(config, size)
    layers = make_layers(config, encoding.outputs, channels)
    parameters = sum(layer.size for layer in layers) + encoding.size
    kind = OPTIMIZERS[config.optimizer]
    states = len(kind.state_names)
    if _is_per_sample(config, layers, encoding):
        working = parameters  # in shards
    else:
        batch = min(config.batch_size, shown_pixels(config.hold_out, *size))
        working = working_numbers(layers, batch, encoding.size)
    # The state exists three times: in use, as the snapshot, and while a checkpoint is written.
    beside, memory = kind.extra_numbers([(layer.fan_in, layer.fan_out) for layer in layers])
    needed = training_bytes(parameters, 3 * (1 + states), working + 3 * beside + memory)
    less = "choose fewer or narrower layers"
    check_available(needed, f"{less}, or a grid of fewer entries" if encoding.levels else less)


def _is_per_sample(config: FitConfig, layers: Sequence[LayerSpec], encoding: Encoding) -> bool:
    # The sweeps over the weights know neither tables nor residual blocks.
    plain = not encoding.levels and not any(layer.skip for layer in layers)
    return plain and config.optimizer == "sgd" and config.batch_size == 1


class EpochLearner:
    """Learns the pixels of a picture, epoch by epoch, in slices of time.

    Those that are ``held_out`` are not among them.

    Attributes
    ----------
    samples : Samples
        In the order of the epoch under way, once that has begun.
    method : Learner
    tuner : ThreadTuner
        Of one number of threads if that is given.
    chunk : int
        Samples learned at once; it grows as fast as the time allows.
    """

    def __init__(
        self,
        network: MLP,
        image: npt.NDArray[Any],
        config: FitConfig,
        threads: int | None,
        held_out: HeldOut | None = None,
    ) -> None:
        self.samples = Samples(image, None if held_out is None else held_out.shown)
        self._pixels = shown_pixels(config.hold_out, image.shape[1], image.shape[0])
        self.method = make_learner(network, config, self._pixels)
        self._schedule = RateSchedule(config.lr_schedule, config.epochs, config.warmup)
        by_time = config.schedule_by == "time"
        self._seconds = (by_time and config.time_limit) or math.inf
        self._seed = config.seed
        # More threads than cores would wait for one another.
        cores = machine.usable_cores()
        self._cores = min(threads or cores, cores)
        most = min(self._cores, self.method.most_threads)
        self.tuner = ThreadTuner([most] if threads else counts_up_to(most))
        self.chunk = 1

    @property
    def idle_threads(self) -> int:
        """Number of threads that could do something else while single pixels are learned."""
        if not (isinstance(self.method, PerSample) and self.tuner.is_settled):
            return 0
        return self._cores - self.tuner.fastest

    @contextmanager
    def ahead(self) -> Iterator[Callable[[], None]]:
        """Learn ahead in this context: the network keeps its parameters.

        Yields a function to be called at the end, if the network is to have what was learned.
        Otherwise it is lost.
        """
        assert isinstance(self.method, PerSample)
        adopted, method = False, self.method

        def adopt() -> None:
            nonlocal adopted
            method.push()
            adopted = True

        method.pull()
        try:
            method.ahead = True
            yield adopt
        finally:
            method.ahead = False
            self.tuner.interrupt()
            if not adopted:
                self.samples.forget_order()

    def learn(
        self, progress: FitProgress, seconds: float, errors: Levels | None, clock: TrainingClock
    ) -> None:
        """Learn for about ``seconds``, at most to the end of the epoch; update ``progress``.

        An epoch that begins draws its pixels by their ``errors``, if given.
        """
        clock.start()
        elapsed = 0.0
        # Other work beside it makes trials of numbers of threads unfair.
        ahead = isinstance(self.method, PerSample) and self.method.ahead
        if not self.samples.order.size:
            # Seeded by the epoch, so that resuming needs no generator state.
            self.samples.shuffle(np.random.default_rng([self._seed, progress.epoch + 1]), errors)
        loss_sum = np.array([progress.loss_sum])
        position = progress.position + self.method.pending
        with self.method.session():
            while elapsed < seconds and position < self._pixels:
                threads = self.tuner.fastest if ahead else self.tuner.threads
                coordinates, colours, weights = self.samples.gather(
                    position, self.method.next_cut(self.chunk), threads
                )
                learned = progress.epoch * self._pixels + position
                share = min((progress.seconds + elapsed) / self._seconds, 1.0)
                self.method.learn(
                    coordinates,
                    colours,
                    weights,
                    loss_sum,
                    factors=self._schedule.factors(learned, len(coordinates), self._pixels, share),
                    threads=threads,
                )
                position += len(coordinates)
                if position == self._pixels:
                    self.method.finish(loss_sum)
                lap = clock.lap()
                elapsed += lap
                # Chunks grow until they take a quarter of the time: no more calls than are needed.
                # Before, it is the calls that take time, and more with more threads.
                if lap < seconds / 8 and self.chunk < _LARGEST_CHUNK:
                    self.chunk *= 2
                    continue
                if not ahead:
                    self.tuner.record(len(coordinates), lap, void=self.method.alone)
                if lap > seconds / 2:
                    self.chunk = max(self.chunk // 2, 1)
        progress.position = position - self.method.pending
        progress.loss_sum = float(loss_sum[0])
        progress.seconds += elapsed
