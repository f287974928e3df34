"""Adam, and AdamW with decoupled weight decay."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.optimizers import spans
from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.runtime.arrays import FloatArray


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
        constants[spans.BETA1 : spans.RENEWAL] = _constants(
            self.beta1, self.beta2, self.epsilon, step
        )
        return constants

    def touched_constants(
        self, rate: np.float32, scale: np.float32, step: int
    ) -> tuple[float, ...]:
        constants = _constants(self.beta1, self.touched_beta2, self.touched_epsilon, step)
        corrected, shrink = rate / (1.0 - self.beta1**step), 1.0 - rate * self.decay
        return float(corrected), float(scale), float(shrink), *constants.tolist()

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
