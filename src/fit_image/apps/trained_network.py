"""A network that learns by batches, with its optimizer and moving average."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.network import Network
from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.optimizers.ema import EMA
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.npz import Arrays, array_like, part_of


class TrainedNetwork:
    """A network, its cache, its gradient, its optimizer, and the average of its parameters.

    Parameters
    ----------
    optimizer : Optimizer or None
        None for plain gradient descent; then ``gradient`` is empty.
    average : float
        Decay of the moving average, 0..1; 0 for none.
    prefix : str
        Precedes the names of the optimizer's arrays in the state dict.
    """

    def __init__(
        self,
        network: Network,
        batch_size: int,
        pool: ThreadPool,
        optimizer: Optimizer | None,
        average: float = 0.0,
        prefix: str = "adam_",
    ) -> None:
        self.network, self.optimizer = network, optimizer
        self.cache = network.make_cache(batch_size, pool)
        self.gradient = network.zeros() if optimizer else np.empty(0, np.float32)
        self.ema = EMA(average)
        self._averages, self._prefix, self._pool = average > 0, prefix, pool
        self._spans = np.array([[0, network.parameters.size]])

    @property
    def averaged_params(self) -> FloatArray:
        """The average of the parameters, or the parameters if there is none."""
        average = self.ema.average
        return self.network.parameters if average is None else average

    def averaged(self) -> AbstractContextManager[None]:
        """Let the parameters be their average inside the block, if there is one."""
        return self.ema.applied(self.network.parameters)

    def train_step(self, grad_y: FloatArray, rate: float) -> None:
        """Backpropagate the gradient of the newest outputs (float32), and take a step.

        Without an optimizer, the learning rate is divided by the number of a layer's inputs.
        """
        if self.optimizer is None:
            rates = [rate / layer.in_shape[0] for layer in self.network.layers]
            self.network.descend(self.cache, grad_y, rates)
            return
        self.network.backward(self.cache, grad_y, self.gradient)
        self.step(rate)

    def step(self, rate: float, scale: float = 1.0) -> None:
        """Take a step of the optimizer along ``scale`` times the gradient."""
        assert self.optimizer is not None
        rates = np.array([rate], dtype=np.float32)
        self.optimizer.parallel_step(
            self.network.parameters, self.gradient, self._spans, rates, scale, self._pool
        )

    def state_dict(self) -> Arrays:
        """Return copies of the parameters, their average and the optimizer's state."""
        arrays = {"parameters": self.network.parameters.copy()}
        if self.ema.average is not None:
            arrays["average"] = self.ema.average.copy()
        state = self.optimizer.to_arrays() if self.optimizer else {}
        return arrays | {f"{self._prefix}{name}": array for name, array in state.items()}

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore `state_dict`, without the average if there is none any more.

        Other arrays are ignored if the optimizer's names have a prefix. ValueError if the arrays
        are not those of such a network; then nothing is changed.
        """
        own = self.network.parameters
        parameters = array_like(arrays, "parameters", own)
        average = array_like(arrays, "average", own) if "average" in arrays else None
        if self.optimizer:
            state = part_of(arrays, self._prefix)
            if not self._prefix:
                state = {k: v for k, v in state.items() if k not in ("parameters", "average")}
            self.optimizer.restore(state)
        own[:] = parameters
        keeps = average is not None and self._averages
        self.ema.average = np.array(average, dtype=np.float32) if keeps else None
