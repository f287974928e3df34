"""Arguments that the kernels of several layers share; numba takes named tuples apart for free."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.layers.layer import Call, GradMode
from fit_image.nn.runtime.arrays import FloatArray, IntArray

_NOTHING = np.empty(0, dtype=np.float32)


class Worker(NamedTuple):
    """One thread of a pool, as barriers know it."""

    counts: IntArray  # see `fit_image.nn.runtime.barrier`
    thread: int
    threads: int


class Grads(NamedTuple):
    """The gradients of a backward pass, as vectors; an empty one is not computed."""

    y: FloatArray
    x: FloatArray
    params: FloatArray
    scale: float  # factor of the gradient with respect to the parameters
    add: bool  # whether it is added to the content of the vector


def grads_of(
    call: Call, grad_y: FloatArray, grad_x: FloatArray | None, mode: GradMode, scale: float
) -> Grads:
    """Return the arguments of `fit_image.nn.layers.layer.Layer.backward` as kernels take them.

    Raises
    ------
    ValueError
        If the call has no vector for a gradient that is wanted.
    """
    params = call.grads
    if mode is GradMode.SKIP:
        params = _NOTHING
    elif mode is GradMode.DESCEND:
        params = call.params
    if params is None:
        raise ValueError("the call has no vector for the gradient with respect to the parameters")
    below = _NOTHING if grad_x is None else grad_x.reshape(-1)
    return Grads(grad_y.reshape(-1), below, params, scale, mode is not GradMode.WRITE)


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
