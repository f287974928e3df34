"""Whitening of a network's inputs, which its first layer takes over after training."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from fit_image.apps.unjpeg.network import layer_rows
from fit_image.nn.layers.dense import Dense
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.npz import Arrays, array_like

_FLOOR = 1e-3
"""Added to variances: below it, there is nothing but the rounding of bytes."""


class Whitening:
    """A linear map after which inputs are uncorrelated, with about mean 0 and variance 1.

    LeCun et al., "Efficient BackProp", 1998, section 4.3.

    Parameters
    ----------
    samples : float32 (count, inputs)
        From which means and correlations are measured.
    batch_size : int
        Largest number of inputs that are whitened at once.
    """

    def __init__(self, samples: FloatArray, batch_size: int, pool: ThreadPool) -> None:
        mean = samples.mean(axis=0, dtype=np.float64)
        centred = np.subtract(samples, mean, out=np.empty_like(samples), casting="same_kind")
        with _one_thread():
            variances, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
            _fix_signs(directions)
            matrix = directions / np.sqrt(np.maximum(variances, 0.0) / len(samples) + _FLOOR)
            biases = -mean @ matrix
        size = samples.shape[1]
        self._network = Network([Dense((size,), size)])
        self._cache = self._network.make_cache(batch_size, pool)
        (rows,) = layer_rows(self._network)
        rows[:-1], rows[-1] = matrix, biases

    def apply(self, inputs: FloatArray) -> FloatArray:
        """Return whitened inputs, valid until the next call."""
        return self._network.forward(inputs, self._cache)

    def fold(self, network: Network) -> None:
        """Change a network's first layer to take inputs that are not whitened."""
        (own,) = layer_rows(self._network)
        rows = layer_rows(network)[0]
        with _one_thread():
            rows[-1] += own[-1] @ rows[:-1]
            rows[:-1] = own[:-1] @ rows[:-1]

    def state_dict(self) -> Arrays:
        """Return the map: measured again on another machine, its last bits might differ."""
        return {"whitening": self._network.parameters}

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore `state_dict`."""
        own = self._network.parameters
        own[:] = array_like(arrays, "whitening", own)


def _one_thread() -> AbstractContextManager[object]:
    """Return the context in which numpy's linear algebra has one thread.

    With more, sums are divided among them: the bits would depend on the cores that may be used.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def _fix_signs(directions: npt.NDArray[np.float64]) -> None:
    """Make the largest component of each column positive: either sign is an eigenvector's."""
    largest = np.abs(directions).argmax(axis=0)
    directions *= np.sign(directions[largest, range(directions.shape[1])])
