"""Optimizers: steps along a gradient. They see flat vectors and know nothing of layers.

A step is `Optimizer.update` for every slice of the vectors; several threads may update slices that
do not overlap. Where a gradient has always been zero, as in the padding of rows, nothing moves.

Of large tables, a batch touches a part only: `Optimizer.update_touched` leaves alone, memory and
all, what has no gradient (see Mueller et al. in `fit_image.nn.encodings.hash_grid`).

In the kernels, slices come first and loops count from 0: of an index that might be negative, which
numba takes from the end, the compiler makes no vectors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fit_image.nn.runtime.arrays import FloatArray, IntArray, aligned_zeros


class Optimizer(ABC):
    """Base of the optimizers.

    Parameters
    ----------
    size : int
        Length of the vectors.

    Attributes
    ----------
    steps : int
        Steps taken; whoever calls `update` counts them.
    state : dict of str to float32 vector
        State that depends on earlier gradients; zeros before the first step.
    """

    state_names: ClassVar[tuple[str, ...]] = ()

    rate_of_layer: ClassVar[bool] = True
    """Whether a layer's learning rate is divided by sqrt(fan_in + 1), as in plain SGD."""

    def __init__(self, size: int) -> None:
        self.steps = 0
        self.state: dict[str, FloatArray] = {name: aligned_zeros(size) for name in self.state_names}

    @abstractmethod
    def update(
        self,
        parameters: FloatArray,
        gradient: FloatArray,
        spans: IntArray,
        rates: FloatArray,
        scale: np.float32,
        step: int,
    ) -> None:
        """Change some spans of ``parameters``, and of the state, in place.

        Parameters
        ----------
        parameters, gradient : float32 vectors
        spans : int64 (spans, 2)
            Where each begins and ends.
        rates : float32 (spans,)
            The learning rate of each.
        scale : float32
            Factor of the gradient, such as 1 / samples for a mean.
        step : int
            The number of this step; 1 is the first.
        """

    @abstractmethod
    def update_touched(
        self,
        parameters: FloatArray,
        gradient: FloatArray,
        starts: IntArray,
        length: int,
        rate: np.float32,
        scale: np.float32,
        step: int,
    ) -> None:
        """Change, of some runs of ``parameters``, those whose gradient is not zero, in place.

        Parameters
        ----------
        parameters, gradient : float32 vectors
            Of the gradient, all that was used is set to zero.
        starts : int64 (runs,)
        length : int
            Numbers in a run.
        rate, scale, step
            As in `update`.
        """

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of the state and the step count."""
        return {
            "steps": np.array(self.steps, dtype=np.int64),
            **{name: vector.copy() for name, vector in self.state.items()},
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore the state from `to_arrays`.

        Raises
        ------
        ValueError
            If the arrays are not those of this optimizer and size; then nothing is changed.
        """
        if arrays.keys() != {"steps", *self.state}:
            raise ValueError("the state is that of another optimizer")
        steps = arrays["steps"]
        if steps.dtype != np.int64 or steps.shape != () or steps < 0:
            raise ValueError("the optimizer's step count is not a non-negative integer")
        for name, vector in self.state.items():
            saved = arrays[name]
            if saved.dtype != vector.dtype or saved.shape != vector.shape:
                raise ValueError(f"the optimizer's {name} has another type or size")
            if not np.isfinite(saved).all():
                raise ValueError(f"the optimizer's {name} is not finite")
        self.steps = int(steps)
        for name, vector in self.state.items():
            vector[:] = arrays[name]
