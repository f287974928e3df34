"""Adam, and AdamW with decoupled weight decay."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.optimizers import spans
from fit_image.nn.optimizers.base import Optimizer, TouchedStep
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import inner, kernel


class Adam(Optimizer):
    """Adam: step sizes from running means of the gradient and of its square.

    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1, with the
    constants recommended there.

    Parameters
    ----------
    beta1 : float
        Decay rate of the mean gradient, 0..1.
    """

    code = spans.ADAM
    state_names = ("first_moment", "second_moment")
    rate_of_layer = False
    beta2, epsilon = 0.999, 1e-8
    # Gradients of table entries are small, and an entry first touched late has moments of zero,
    # which no correction knows: with this beta2 its first step is one learning rate, too.
    touched_beta2, touched_epsilon = 0.99, 1e-15

    def __init__(self, size: int, beta1: float = 0.9) -> None:
        super().__init__(size)
        self.beta1 = beta1

    def constants(self, step: int) -> FloatArray:
        constants = super().constants(step)
        constants[spans.BETA1 :] = _constants(self.beta1, self.beta2, self.epsilon, step)
        return constants

    def update_touched(
        self, parameters: FloatArray, gradient: FloatArray, step: TouchedStep
    ) -> None:
        starts, length, rate, scale, number = step
        vectors, runs = (parameters, gradient, self._moments()), (starts, length)
        shrink = np.float32(1.0 - rate * self.decay)
        constants = _constants(self.beta1, self.touched_beta2, self.touched_epsilon, number)
        corrected = np.float32(rate / (1.0 - self.beta1**number))
        _touched_adam_kernel(*vectors, runs, corrected, scale, constants, shrink)

    def _moments(self) -> tuple[FloatArray, FloatArray]:
        return self.state["first_moment"], self.state["second_moment"]

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        moment = arrays.get("second_moment")
        if moment is not None and moment.dtype == np.float32 and (moment < 0).any():
            raise ValueError("the optimizer's second_moment is negative")
        super().restore(arrays)


class AdamW(Adam):
    """Adam with weight decay: every step also shrinks the parameters, ``p -= rate decay p``.

    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2, with
    the rate as the schedule multiplier, as PyTorch has it.
    """

    def __init__(self, size: int, decay: float = 0.01) -> None:
        super().__init__(size)
        self.decay = decay


@functools.lru_cache(maxsize=4)
def _constants(beta1: float, beta2: float, epsilon: float, step: int) -> FloatArray:
    """Return the constants of a step, as the kernels unpack them; the same for many spans.

    The two corrections of the moments, which begin as zeros, are moved out of the loop:
    rate m^ / (sqrt(v^) + eps) = (rate / c1) m / (sqrt(v) / sqrt(c2) + eps).
    """
    c1, c2 = 1.0 - beta1**step, 1.0 - beta2**step
    constants = beta1, 1.0 - beta1, beta2, 1.0 - beta2, 1.0 / c1, 1.0 / math.sqrt(c2), epsilon
    return np.array(constants, dtype=np.float32)


# What belongs together is a plain tuple: numba recognises one faster than a NamedTuple, and these
# kernels are called for every batch.


@inner
def _unpack(constants):
    """Return beta1, 1 - beta1, beta2, 1 - beta2, 1 / c1, 1 / sqrt(c2) and epsilon."""
    beta1, rest1, beta2, rest2 = constants[0], constants[1], constants[2], constants[3]
    return beta1, rest1, beta2, rest2, constants[4], constants[5], constants[6]


@kernel
def _touched_adam_kernel(parameters, gradient, moments, runs, rate, scale, constants, shrink):
    first_moment, second_moment = moments
    starts, length = runs
    beta1, rest1, beta2, rest2, _, root, eps = _unpack(constants)
    for start in starts:
        stop = start + length
        p, g = parameters[start:stop], gradient[start:stop]
        m, v = first_moment[start:stop], second_moment[start:stop]
        for i in range(length):
            touched = g[i] != np.float32(0.0)
            g_i = scale * g[i]
            m_i = beta1 * m[i] + rest1 * g_i
            v_i = beta2 * v[i] + rest2 * (g_i * g_i)
            m[i] = m_i if touched else m[i]
            v[i] = v_i if touched else v[i]
            p_i = shrink * p[i] - rate * m_i / (np.sqrt(v_i) * root + eps)
            p[i] = p_i if touched else p[i]
            g[i] = np.float32(0.0)
