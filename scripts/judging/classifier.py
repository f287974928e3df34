"""A classifier of digits that has seen real ones only."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.datasets.labelled import LabelledPictures
from fit_image.errors import DivergenceError, InputError
from fit_image.images.crops import random_crops
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.dropout import Dropout
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.losses import cross_entropy
from fit_image.nn.network import Network
from fit_image.nn.optimizers.adam import Adam
from fit_image.nn.optimizers.schedules import RateSchedule
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.npz import read_archive, write_archive

SIDE, CLASSES = 26, 10  # pixels of a side of what is classified, and kinds of it
EPOCHS = 8  # enough for more than 99.2 % of the test digits
_BATCH, _RATE, _KEEP, _SLOPE = 100, 0.001, 0.5, 0.1
_MOST = 500  # pictures classified at a time
_KIND, _VERSION = "digit_judge", 1


class Classifier:
    """Two convolutions and two dense layers, without batch normalisation: pictures stand alone."""

    def __init__(self, threads: int | None = None) -> None:
        self._chain = _make_chain()
        self._cache = self._chain.make_cache(_MOST, ThreadPool(threads))

    def train(
        self, digits: LabelledPictures, seed: int = 0, epochs: int = EPOCHS
    ) -> Iterator[float]:
        """Learn from random crops with Adam, annealed; yield the mean loss of each epoch."""
        chain, count = self._chain, len(digits)
        schedule = RateSchedule("cosine", epochs)
        adam, gradient = Adam(chain.parameters.size), chain.zeros()
        spans = np.array([[0, chain.parameters.size]])
        chain.init_params(np.random.default_rng([seed, 0]))
        for epoch in range(epochs):
            rng = np.random.default_rng([seed, 1, epoch])
            order, total = rng.permutation(count), 0.0
            factors = schedule.factors(epoch * count, count, count)
            for first in range(0, count, _BATCH):
                chosen = order[first : first + _BATCH]
                pictures = random_crops(digits.pictures[chosen], SIDE, rng)
                logits = chain.forward(pictures, self._cache, rng)
                judged = cross_entropy(logits, digits.labels[chosen])
                chain.backward(self._cache, judged.grad, gradient)
                total += float(judged.losses.sum())
                adam.steps += 1
                rates = np.float32(_RATE) * factors[first : first + 1]
                share = np.float32(1.0 / len(chosen))
                adam.update(chain.parameters, gradient, spans, rates, share, adam.steps)
            if not math.isfinite(total):
                raise DivergenceError("the judge's training ran away: its loss is not finite")
            yield total / count

    def classify(self, pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """Return the likeliest class of each picture (SIDE, SIDE, 1) in 0..1, the ink bright."""
        classes = np.empty(len(pictures), dtype=np.int64)
        for first in range(0, len(pictures), _MOST):
            some = np.ascontiguousarray(pictures[first : first + _MOST], dtype=np.float32)
            logits = self._chain.forward(some, self._cache)
            classes[first : first + _MOST] = logits.argmax(axis=1)
        return classes

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an npz file, whole or not at all."""
        write_archive(path, _KIND, _VERSION, {"parameters": self._chain.parameters})

    def load(self, path: str | os.PathLike[str]) -> None:
        """Become what was written by `save`."""
        parameters = read_archive(path, _KIND, _VERSION).get("parameters")
        mine = self._chain.parameters
        if (
            parameters is None
            or parameters.shape != mine.shape
            or not np.isfinite(parameters).all()
        ):
            raise InputError(f"{path} is damaged, or not a classifier of this kind")
        mine[:] = parameters


def _make_chain() -> Network:
    leaky = BoundActivation.of("leaky-relu", slope=_SLOPE)

    def options(fan_in: int) -> dict[str, Any]:
        # He et al., "Delving deep into rectifiers", ICCV 2015, equation 10.
        return {"activation": leaky, "std": math.sqrt(2.0 / fan_in)}

    first = Conv2D((SIDE, SIDE, 1), 32, 5, 2, **options(25))
    second = Conv2D(first.out_shape, 64, 5, 2, **options(25 * 32))
    hidden = Dense(second.out_shape, 256, **options(math.prod(second.out_shape)))
    last = Dense(hidden.out_shape, CLASSES, std=math.sqrt(2.0 / 256))
    return Network([first, second, hidden, Dropout(hidden.out_shape, _KEEP), last])
