"""An auto-encoder, the pictures that it learns, and how far it has come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.autoencode.model import AutoencoderModel
from fit_image.apps.autoencode.networks import make_autoencoder, working_bytes
from fit_image.apps.autoencode.recipe import Recipe
from fit_image.apps.memory import check_available
from fit_image.apps.recipe_trainer import RecipeTrainer, Standing, number_of
from fit_image.errors import DivergenceError
from fit_image.image import to_float
from fit_image.nn.losses import mean_squared_error
from fit_image.nn.optimizers.adam import AdamW
from fit_image.nn.optimizers.parallel_step import parallel_step
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.picture_data import Pictures

# What distinguishes the random numbers of one purpose from those of another.
_WEIGHTS, _ORDER, _ROUND = range(3)

_GOOD = "good_"


@dataclass(frozen=True)
class Figures:
    """What a round has come to.

    Attributes
    ----------
    loss : float
        Mean squared error of a number (0..1) of its pictures, as redrawn before its step.
    """

    loss: float


class AutoencoderTrainer(RecipeTrainer[Recipe, Figures]):
    """Takes step after step, each with the next batch of shuffled pictures.

    Parameters
    ----------
    pictures, held_out : ndarray of uint8, shape (count, height, width, channels)
        Those to learn from, and those that figures are measured on. Not copied.
    recipe : Recipe
    threads : int, optional
        Default: all cores. Does not change the result.

    Attributes
    ----------
    good : dict of str to array
        What `to_arrays` returned at the end of the last epoch that ended well.

    Raises
    ------
    InputError
        If the pictures are too small for the network, or the network is too large for the memory.
    """

    def __init__(
        self,
        pictures: Pictures,
        held_out: Pictures,
        recipe: Recipe,
        *,
        threads: int | None = None,
    ) -> None:
        self.pictures, self.held_out, self.recipe = pictures, held_out, recipe
        batch = min(recipe.batch_size, len(pictures))
        mean = (pictures.mean(axis=0, dtype=np.float64) / 255).astype(np.float32)
        self.network = make_autoencoder(recipe, mean)
        check_available(
            working_bytes(self.network, batch),
            "give a smaller --size, --bottleneck or --batch-size",
        )
        chain = self.network.chain
        self.mean = mean
        self.rounds = -(-len(pictures) // batch)
        self.standing = Standing()
        self._batch = batch
        self._pool = ThreadPool(threads)
        self._cache = chain.make_cache(batch, self._pool)
        self._gradient = chain.zeros()
        self._adam = AdamW(chain.parameters.size, recipe.weight_decay)
        self._sum = 0.0
        self.network.init_params(mean, np.random.default_rng([recipe.seed, _WEIGHTS]))
        self.good = self._state()

    def play(self, go_on: Callable[[], bool] = lambda: True) -> Figures:
        """See `RecipeTrainer.play`."""
        recipe, standing = self.recipe, self.standing
        began = time.perf_counter()
        order = np.random.default_rng([recipe.seed, _ORDER, standing.epoch]).permutation(
            len(self.pictures)
        )
        chosen = order[standing.rounds * self._batch :][: self._batch]
        rng = np.random.default_rng([recipe.seed, _ROUND, standing.epoch, standing.rounds])
        loss = self._step(self._varied(to_float(self.pictures[chosen]), rng))
        standing.seconds += time.perf_counter() - began
        if not math.isfinite(loss):
            raise DivergenceError(f"the loss is not finite in epoch {standing.epoch + 1}")
        self._sum += loss * len(chosen)
        standing.rounds += 1
        return Figures(loss)

    def warm_up(self) -> None:
        """See `RecipeTrainer.warm_up`."""
        before = self._state()
        self._step(self._varied(to_float(self.pictures[: self._batch]), np.random.default_rng(0)))
        self._restore(before)

    def end_epoch(self) -> tuple[float, float]:
        """Count the epoch; return its mean loss, and the mean squared error on held-out pictures.

        Raises
        ------
        DivergenceError
            If that is not finite.
        """
        loss = self._sum / len(self.pictures)
        test_loss = self.test_loss()
        if not math.isfinite(test_loss):
            raise DivergenceError(
                f"the loss on held-out pictures is not finite in epoch {self.standing.epoch + 1}"
            )
        self._sum = 0.0
        self.standing.epoch += 1
        self.standing.rounds = 0
        self.good = self._state()
        return loss, test_loss

    def test_loss(self) -> float:
        """Return the mean squared error of a number (0..1) of the held-out pictures."""
        total = 0.0
        for first in range(0, len(self.held_out), self._batch):
            wanted = to_float(self.held_out[first : first + self._batch])
            drawn = self._forward(wanted)
            total += float(np.square(drawn - wanted).sum(dtype=np.float64))
        return total / self.held_out.size

    def return_to_good(self) -> None:
        """Undo all since the last epoch that ended well."""
        self._restore(self.good)

    def model(self) -> AutoencoderModel:
        """Return the network, which goes on learning: no copy of it."""
        return AutoencoderModel(self.recipe, self.mean, self.network)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See `RecipeTrainer.to_arrays`; inside an epoch, the last good state is a part of it."""
        arrays = self._state()
        if self.standing.rounds:
            arrays |= {f"{_GOOD}{name}": array for name, array in self.good.items()}
        return arrays

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `RecipeTrainer.restore`."""
        good = {
            name.removeprefix(_GOOD): array
            for name, array in arrays.items()
            if name.startswith(_GOOD)
        }
        if good:
            self._restore(good)
        self._restore(arrays)
        if bool(good) != bool(self.standing.rounds):
            raise ValueError("its last good state is missing")
        self.good = good or self._state()

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {
            **super().to_arrays(),
            "sum": np.array(self._sum),
            "parameters": self.network.chain.parameters.copy(),
            **{f"adam_{name}": array for name, array in self._adam.to_arrays().items()},
        }

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
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
        self._adam.restore(
            {
                name.removeprefix("adam_"): array
                for name, array in arrays.items()
                if name.startswith("adam_")
            }
        )
        super().restore(arrays)
        own[:], self._sum = parameters, total

    def _varied(self, pictures: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Turn and shift pictures by chance, as the recipe says; what comes in is the edge's."""
        height, width = pictures.shape[1:3]
        shift = self.recipe.shift
        if self.recipe.mirror:
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

    def _step(self, pictures: FloatArray) -> float:
        """Take a step, and return the mean squared error before it."""
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
            np.array([self.recipe.rate], dtype=np.float32),
            1.0,
            self._pool,
        )
        return loss
