"""A classifier of digits that has seen real ones only."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.archive import read_archive, write_archive
from fit_image.crops import random_crops
from fit_image.errors import DivergenceError, InputError
from fit_image.labelled import LabelledPictures
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.dropout import Dropout
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.layers.layer import Shape
from fit_image.nn.losses import cross_entropy
from fit_image.nn.network import Network
from fit_image.nn.optimizers.adam import Adam
from fit_image.nn.optimizers.schedules import RateSchedule
from fit_image.nn.runtime.threads import ThreadPool

SIDE = 26
"""Pixels of a side of the pictures that are classified."""

CLASSES = 10

EPOCHS = 8
"""Enough for more than 99.2 % of the test digits."""

_BATCH = 100
_RATE = 0.001
_KEEP = 0.5
_LEAKY = BoundActivation.of("leaky-relu", slope=0.1)
_MOST = 500  # pictures classified at a time

_KIND, _VERSION = "digit_judge", 1


class Classifier:
    """Two convolutions and two dense layers; each picture is classified by itself.

    There is no batch normalisation, with which a picture's class would depend on the others.

    Parameters
    ----------
    threads : int, optional
        Default: all cores. Does not change any result.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._chain = _make_chain()
        self._cache = self._chain.make_cache(_MOST, ThreadPool(threads))

    def train(
        self, digits: LabelledPictures, seed: int = 0, epochs: int = EPOCHS
    ) -> Iterator[float]:
        """Learn from the beginning; yield the mean loss of each epoch, in nats.

        The digits are cropped at random; the learning rate of Adam falls along a cosine.

        Parameters
        ----------
        digits : LabelledPictures
            Real ones.
        seed : int
        epochs : int

        Raises
        ------
        DivergenceError
            If a loss is not finite.
        """
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
                total += self._learn(digits, chosen, gradient, rng)
                adam.steps += 1
                adam.update(
                    chain.parameters,
                    gradient,
                    spans,
                    np.float32(_RATE) * factors[first : first + 1],
                    np.float32(1.0 / len(chosen)),
                    adam.steps,
                )
            if not math.isfinite(total):
                raise DivergenceError("the judge's training ran away: its loss is not finite")
            yield total / count

    def classify(self, pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """Return the likeliest class of each picture.

        Parameters
        ----------
        pictures : float32 (count, SIDE, SIDE, 1)
            0..1, the ink bright.
        """
        classes = np.empty(len(pictures), dtype=np.int64)
        for first in range(0, len(pictures), _MOST):
            some = np.ascontiguousarray(pictures[first : first + _MOST], dtype=np.float32)
            logits = self._chain.forward(some, self._cache)
            classes[first : first + _MOST] = logits.argmax(axis=1)
        return classes

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an npz file, whole or not at all.

        Raises
        ------
        FitImageError
            If the file cannot be written.
        """
        write_archive(path, _KIND, _VERSION, {"parameters": self._chain.parameters})

    def load(self, path: str | os.PathLike[str]) -> None:
        """Become what was written by `save`.

        Raises
        ------
        InputError
            If the file is missing, damaged, or not that of such a classifier.
        """
        parameters = read_archive(path, _KIND, _VERSION).get("parameters")
        mine = self._chain.parameters
        if parameters is None or parameters.shape != mine.shape or parameters.dtype != mine.dtype:
            raise InputError(f"{path} is not a classifier of this kind")
        if not np.isfinite(parameters).all():
            raise InputError(f"{path} is damaged: its numbers are not finite")
        mine[:] = parameters

    def _learn(
        self,
        digits: LabelledPictures,
        chosen: npt.NDArray[np.integer[Any]],
        gradient: npt.NDArray[np.float32],
        rng: np.random.Generator,
    ) -> float:
        """Compute the gradient of the sum of the digits' losses; return that sum."""
        pictures = random_crops(digits.pictures[chosen], SIDE, rng)
        logits = self._chain.forward(pictures, self._cache, rng)
        judged = cross_entropy(logits, digits.labels[chosen])
        self._chain.backward(self._cache, judged.grad, gradient)
        return float(judged.losses.sum())


def _make_chain() -> Network:
    first = _convolution((SIDE, SIDE, 1), 32)
    second = _convolution(first.out_shape, 64)
    hidden = Dense(
        second.out_shape,
        256,
        _LEAKY,
        std=_std(math.prod(second.out_shape)),
    )
    last = Dense(hidden.out_shape, CLASSES, std=_std(math.prod(hidden.out_shape)))
    return Network([first, second, hidden, Dropout(hidden.out_shape, _KEEP), last])


def _convolution(in_shape: Shape, units: int) -> Conv2D:
    side = 5
    return Conv2D(in_shape, units, side, 2, _LEAKY, std=_std(side * side * in_shape[-1]))


def _std(fan_in: int) -> float:
    """Of first weights, from He et al., "Delving deep into rectifiers", ICCV 2015, equation 10."""
    return math.sqrt(2.0 / fan_in)
