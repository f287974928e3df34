"""Gates: how much the changes of a network, and its estimates, count in each block.

Networks take patterns that they have never seen for damage. (A network that decides how much others
count: Jacobs, Jordan, Nowlan and Hinton, "Adaptive mixtures of local experts", 1991.)
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, Self

import numpy as np

from fit_image.nn.runtime.arrays import FloatArray

SLOPE = 0.01
"""Of the leaky ReLUs."""

BEYOND = 0.1
"""So far sigmoids go below 0 and above 1 before they are clipped."""


@dataclass(frozen=True, eq=False)
class Gate:
    """A layer of leaky ReLUs, and sigmoids, for the features of blocks.

    The weights minimise the loss in decibels of what is restored with the values, of drawn
    patterns, photographs and screens; losses below the JPEG count five times.

    Attributes
    ----------
    hidden : float32 (features + 1, units)
        The last row is the bias.
    output : float32 (units + 1,) or (units + 1, values)
    """

    hidden: FloatArray
    output: FloatArray

    @classmethod
    def shipped(cls, name: Literal["gate", "calibration"] = "gate") -> Self:
        """Return a gate that comes with the package: of `block_features` or `place_features`."""
        with (files(__package__) / f"{name}.npz").open("rb") as file, np.load(file) as arrays:
            return cls(arrays["hidden"], arrays["output"])

    def values(self, features: FloatArray) -> FloatArray:
        """Return values in 0..1 for each block.

        Parameters
        ----------
        features : float32 (rows, columns of blocks, features)

        Returns
        -------
        float32 (rows, columns of blocks) or (rows, columns of blocks, values)
        """
        # Not by `@`, whose sums may depend on the number of threads.
        sums = np.einsum("yxf,fu->yxu", features, self.hidden[:-1]) + self.hidden[-1]
        units = np.maximum(sums, SLOPE * sums)
        score = np.einsum("yxu,u...->yx...", units, self.output[:-1]) + self.output[-1]
        values: FloatArray = (1 + 2 * BEYOND) / (1 + np.exp(-np.clip(score, -30, 30))) - BEYOND
        return np.clip(values, 0, 1).astype(np.float32)
