"""Inputs that are decorrelated while a network learns, and the network that needs none of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.network import layer_rows
from fit_image.nn.layers.dense import Dense
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

_FLOOR = 1e-3
"""Added to variances: below it, there is nothing but the rounding of bytes."""


class Whitening:
    """A change of coordinates after which inputs have about mean 0 and variance 1, uncorrelated.

    LeCun et al., "Efficient BackProp", 1998, section 4.3.

    Parameters
    ----------
    samples : float32 (count, inputs)
        Of which means and correlations are measured.
    batch_size : int
        Inputs that are whitened together, at most.
    pool : ThreadPool
    """

    def __init__(self, samples: FloatArray, batch_size: int, pool: ThreadPool) -> None:
        mean = samples.mean(axis=0, dtype=np.float64)
        centred = np.subtract(samples, mean, out=np.empty_like(samples), casting="same_kind")
        variances, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        matrix = directions / np.sqrt(np.maximum(variances, 0.0) / len(samples) + _FLOOR)
        size = samples.shape[1]
        self._chain = Network([Dense((size,), size)])
        self._cache = self._chain.make_cache(batch_size, pool)
        (rows,) = layer_rows(self._chain)
        rows[:-1], rows[-1] = matrix, -mean @ matrix

    def apply(self, inputs: FloatArray) -> FloatArray:
        """Return inputs in the new coordinates; the next ones overwrite them."""
        return self._chain.forward(inputs, self._cache)

    def fold(self, chain: Network) -> None:
        """Change a chain's first layer, so that it needs inputs as they are."""
        (own,) = layer_rows(self._chain)
        rows = layer_rows(chain)[0]
        rows[-1] += own[-1] @ rows[:-1]
        rows[:-1] = own[:-1] @ rows[:-1]

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what `restore` needs: measured again, the last bits might differ."""
        return {"whitening": self._chain.parameters}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `to_arrays`; ValueError if the arrays are not its."""
        numbers, mine = arrays.get("whitening"), self._chain.parameters
        if numbers is None or numbers.shape != mine.shape or numbers.dtype != mine.dtype:
            raise ValueError("its whitening is missing")
        if not np.isfinite(numbers).all():
            raise ValueError("its whitening is not finite")
        mine[:] = numbers
