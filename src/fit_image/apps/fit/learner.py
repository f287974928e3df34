"""How a network learns from the pixels it is given, as the configuration asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fit_image.apps.fit.architecture import make_encoding, make_layers
from fit_image.apps.memory import check_available, training_bytes
from fit_image.config.fit import FitConfig
from fit_image.nn.encodings.base import Encoding
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.optimizers.adam import AdamW
from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.optimizers.registry import OPTIMIZERS
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.training.minibatch import Minibatch
from fit_image.nn.training.per_sample_sgd import PerSampleSGD

Arrays = dict[str, npt.NDArray[Any]]


class Learner(Protocol):
    """What the trainer asks of a way to learn; `Minibatch` describes the methods.

    Between batches, the network's parameters and `to_arrays` are all there is to remember.
    """

    most_threads: int
    """More threads than this would have nothing to do."""

    @property
    def pending(self) -> int:
        """Samples learned of a batch that is not complete."""

    def next_cut(self, samples: int) -> int:
        """Return how many samples `learn` may be given next."""

    def session(self) -> AbstractContextManager[object]:
        """Return the context to learn in: the network has what was learned when it is left."""

    def learn(
        self,
        inputs: FloatArray,
        targets: FloatArray,
        weights: FloatArray,
        loss_sum: npt.NDArray[np.float64],
        *,
        factors: FloatArray | None = None,
        threads: int,
    ) -> None:
        """Learn from samples in order."""

    def finish(self, loss_sum: npt.NDArray[np.float64]) -> None:
        """Complete the last batch of an epoch."""

    def to_arrays(self) -> Arrays:
        """Return copies of what must be remembered besides the parameters."""

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `to_arrays`; ValueError if that is not possible."""


class PerSample:
    """Learns from one sample after another by plain gradient descent: the classic recipe."""

    pending = 0

    def __init__(self, network: MLP, rate: float, loss: str) -> None:
        self._sgd = PerSampleSGD(network, network.layer_rates(rate), loss)
        self.most_threads = self._sgd.most_threads

    def next_cut(self, samples: int) -> int:
        """Return ``samples``: every sample is a batch."""
        return samples

    @contextmanager
    def session(self) -> Iterator[None]:
        """See `Learner.session`; if an exception ends it, nothing was learned."""
        self._sgd.pull()
        yield
        self._sgd.push()

    def learn(
        self,
        inputs: FloatArray,
        targets: FloatArray,
        weights: FloatArray,
        loss_sum: npt.NDArray[np.float64],
        *,
        factors: FloatArray | None = None,
        threads: int,
    ) -> None:
        """Learn from each sample in order; see `PerSampleSGD.learn`."""
        self._sgd.learn(inputs, targets, weights, loss_sum, factors=factors, threads=threads)

    def finish(self, loss_sum: npt.NDArray[np.float64]) -> None:
        """Do nothing: no batch is ever incomplete."""

    def to_arrays(self) -> Arrays:
        """Return nothing: plain gradient descent has no memory."""
        return {}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Check that there is nothing to restore."""
        if arrays:
            raise ValueError("the state is that of another optimizer")


def make_learner(network: MLP, config: FitConfig, samples: int) -> Learner:
    """Return what teaches ``network`` as ``config`` asks for, from so many samples an epoch."""
    if _is_per_sample(config, network.layers, network.encoding):
        return PerSample(network, config.learning_rate, config.loss)
    optimizer = _make_optimizer(config, network.parameters.size)
    batch = min(config.batch_size, samples)
    return Minibatch(network, optimizer, config.learning_rate, batch, config.loss)


def _make_optimizer(config: FitConfig, size: int) -> Optimizer:
    kind = OPTIMIZERS[config.optimizer]
    if issubclass(kind, AdamW) and config.weight_decay is not None:
        return kind(size, config.weight_decay)
    return kind(size)


def check_memory(config: FitConfig, size: tuple[int, int], channels: int) -> None:
    """Raise `InputError` if training on a picture of this width and height does not fit in memory.

    Called before the first allocation.
    """
    encoding = make_encoding(config, size)
    layers = make_layers(config, encoding.outputs, channels)
    parameters = sum(layer.stride * layer.fan_out for layer in layers) + encoding.size
    states = len(OPTIMIZERS[config.optimizer].state_names)
    if _is_per_sample(config, layers, encoding):
        working = parameters  # in shards
    else:
        batch = min(config.batch_size, size[0] * size[1])
        working = Minibatch.working_numbers(layers, batch, encoding.size)
    # The state exists three times: in use, as the snapshot, and while a checkpoint is written.
    needed = training_bytes(parameters, 3 * (1 + states), working)
    less = "choose fewer or narrower layers"
    check_available(needed, f"{less}, or a grid of fewer entries" if encoding.levels else less)


def _is_per_sample(config: FitConfig, layers: Sequence[LayerSpec], encoding: Encoding) -> bool:
    # The sweeps over the weights know neither tables nor residual blocks.
    plain = not encoding.levels and not any(layer.skip for layer in layers)
    return plain and config.optimizer == "sgd" and config.batch_size == 1
