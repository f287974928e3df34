"""One of the networks of the game, and what it needs to learn."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.digits.config import DigitsConfig
from fit_image.nn.network import Network
from fit_image.nn.optimizers.adam import Adam
from fit_image.nn.optimizers.ema import EMA
from fit_image.nn.optimizers.parallel_step import parallel_step
from fit_image.nn.runtime.threads import ThreadPool


class TrainedNetwork:
    """A chain, the memory of a batch in it, its gradient, its optimizer, and its average.

    Parameters
    ----------
    name : str
        For messages, such as "encoder".
    chain : Network
    recipe : DigitsConfig
    pool : ThreadPool
    """

    def __init__(self, name: str, chain: Network, recipe: DigitsConfig, pool: ThreadPool) -> None:
        self.name = name
        self.chain = chain
        self.cache = chain.make_cache(recipe.batch_size, pool)
        self._pool = pool
        self.gradient = chain.zeros()
        self._adam = Adam(chain.parameters.size, recipe.beta1)
        self._ema = EMA(recipe.average)
        self._spans = np.array([[0, chain.parameters.size]])
        self._rates = np.array([recipe.learning_rate], dtype=np.float32)

    def step(self, scale: float) -> None:
        """Take a step along the gradient, times a scale."""
        parallel_step(
            self._adam,
            self.chain.parameters,
            self.gradient,
            self._spans,
            self._rates,
            scale,
            self._pool,
        )

    def follow(self) -> None:
        """Move the average of the parameters towards them."""
        self._ema.update(self.chain.parameters)

    def averaged(self) -> AbstractContextManager[None]:
        """Let the parameters be their average inside the block, if there is one."""
        return self._ema.applied(self.chain.parameters)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of all there is to remember."""
        arrays = {"parameters": self.chain.parameters.copy(), **self._adam.to_arrays()}
        if self._ema.average is not None:
            arrays["average"] = self._ema.average.copy()
        return arrays

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]], *, follows: bool) -> None:
        """Go on from `to_arrays`; without the average, if none follows any more.

        Raises
        ------
        ValueError
            If the arrays are not those of such a player.
        """
        own, mine = dict(arrays), self.chain.parameters
        parameters, average = own.pop("parameters", None), own.pop("average", None)
        if parameters is None or parameters.shape != mine.shape or parameters.dtype != mine.dtype:
            raise ValueError(f"the {self.name} has another size")
        if average is not None and (average.shape, average.dtype) != (mine.shape, mine.dtype):
            raise ValueError(f"the average of the {self.name} has another size")
        for numbers in (parameters, average):
            if numbers is not None and not np.isfinite(numbers).all():
                raise ValueError(f"the {self.name} is not finite")
        self._adam.restore(own)
        mine[:] = parameters
        kept = average is not None and follows
        self._ema.average = np.array(average, dtype=np.float32) if kept else None
