"""Arguments that the kernels of several layers share; numba takes named tuples apart for free."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.runtime.arrays import FloatArray


class Grads(NamedTuple):
    """The gradients of a backward pass, as vectors; an empty one is not computed."""

    y: FloatArray
    x: FloatArray
    params: FloatArray
    scale: float  # factor of the gradient with respect to the parameters
    add: bool  # whether it is added to the content of the vector


class BoundActivation(NamedTuple):
    """An activation whose constants are chosen."""

    code: int
    constants: FloatArray  # (1, 3): see `fit_image.nn.activations.SLOPE`

    @classmethod
    def of(
        cls,
        activation: str | BoundActivation,
        *,
        slope: float = 0.01,
        omega: float = 30.0,
        scale: float = 10.0,
    ) -> BoundActivation:
        """Return the activation with this name; one that is bound already is returned as it is.

        Parameters
        ----------
        activation : str or BoundActivation
            A key of `fit_image.nn.activations.ACTIVATIONS`.
        slope, omega, scale : float
            See `fit_image.nn.mlp.layer_spec.LayerSpec`.
        """
        if not isinstance(activation, str):
            return activation
        constants = np.array([[slope, omega, scale]], dtype=np.float32)
        return cls(ACTIVATIONS[activation].code, constants)
