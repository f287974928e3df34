"""A network that learns by batches, with its moving average, and what is saved of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.network import Network
from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.optimizers.ema import EMA
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.nn.training.minibatch import Minibatch
from fit_image.storage.npz import Arrays, array_like, part_of

_OPTIMIZER = "optimizer_"


class TrainedNetwork(Minibatch):
    """A network, the batches that it learns from, and the average of its parameters.

    Parameters
    ----------
    network, optimizer, rates, batch, pool
        As for `Minibatch`.
    average : float
        Decay of the moving average, 0..1; 0 for none.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        rates: float | Sequence[float],
        batch: int,
        pool: ThreadPool,
        average: float = 0.0,
    ) -> None:
        super().__init__(network, optimizer, rates, batch, pool=pool)
        self.ema = EMA(average)
        self._averages = average > 0

    @property
    def averaged_params(self) -> FloatArray:
        """The average of the parameters, or the parameters if there is none."""
        average = self.ema.average
        return self.network.parameters if average is None else average

    def averaged(self) -> AbstractContextManager[None]:
        """Let the parameters be their average inside the block, if there is one."""
        return self.ema.applied(self.network.parameters)

    def state_dict(self) -> Arrays:
        """Return copies of the parameters, their average and the optimizer's state."""
        arrays = {"parameters": self.network.parameters.copy()}
        if self.ema.average is not None:
            arrays["average"] = self.ema.average.copy()
        state = self.to_arrays()
        return arrays | {f"{_OPTIMIZER}{name}": array for name, array in state.items()}

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore `state_dict`, without the average if there is none any more.

        Other arrays are ignored. ValueError if the arrays are not those of such a network; then
        nothing is changed.
        """
        own = self.network.parameters
        parameters = array_like(arrays, "parameters", own)
        average = array_like(arrays, "average", own) if "average" in arrays else None
        self.restore(part_of(arrays, _OPTIMIZER))
        own[:] = parameters
        keeps = average is not None and self._averages
        self.ema.average = np.array(average, dtype=np.float32) if keeps else None
