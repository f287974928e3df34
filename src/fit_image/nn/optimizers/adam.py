"""Adam, and AdamW, whose weights decay besides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.runtime.arrays import FloatArray, IntArray
from fit_image.nn.runtime.jit import kernel


class Adam(Optimizer):
    """Adam: steps of a size that depends on how steady a parameter's gradient is.

    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1, with the
    constants recommended there.

    Parameters
    ----------
    size : int
    beta1 : float
        What is kept of the mean gradient at a step, 0..1.
    """

    state_names = ("first_moment", "second_moment")
    rate_of_layer = False
    beta2, epsilon = 0.999, 1e-8
    # Gradients of table entries are small, and an entry first touched late has moments of zero,
    # which no correction knows: with this beta2 its first step is one learning rate, too.
    touched_beta2, touched_epsilon = 0.99, 1e-15
    decay = 0.0

    def __init__(self, size: int, beta1: float = 0.9) -> None:
        super().__init__(size)
        self.beta1 = beta1

    def update(
        self,
        parameters: FloatArray,
        gradient: FloatArray,
        spans: IntArray,
        rates: FloatArray,
        scale: np.float32,
        step: int,
    ) -> None:
        """See `Optimizer.update`."""
        # The two corrections of the moments, which begin as zeros, are moved out of the loop:
        # rate m^ / (sqrt(v^) + eps) = (rate / c1) m / (sqrt(v) / sqrt(c2) + eps).
        c1 = 1.0 - self.beta1**step
        c2 = 1.0 - self.beta2**step
        _adam_kernel(
            parameters,
            gradient,
            self.state["first_moment"],
            self.state["second_moment"],
            spans,
            rates,
            scale,
            np.float32(1.0 / c1),
            np.float32(self.beta1),
            np.float32(1.0 - self.beta1),
            np.float32(self.beta2),
            np.float32(1.0 - self.beta2),
            np.float32(1.0 / math.sqrt(c2)),
            np.float32(self.epsilon),
            np.float32(self.decay),
        )

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
        """See `Optimizer.update_touched`."""
        beta1, beta2 = self.beta1, self.touched_beta2
        c1 = 1.0 - beta1**step
        c2 = 1.0 - beta2**step
        _touched_adam_kernel(
            parameters,
            gradient,
            self.state["first_moment"],
            self.state["second_moment"],
            starts,
            length,
            np.float32(rate / c1),
            scale,
            np.float32(beta1),
            np.float32(1.0 - beta1),
            np.float32(beta2),
            np.float32(1.0 - beta2),
            np.float32(1.0 / math.sqrt(c2)),
            np.float32(self.touched_epsilon),
            np.float32(1.0 - rate * self.decay),
        )

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Optimizer.restore`."""
        moment = arrays.get("second_moment")
        if moment is not None and moment.dtype == np.float32 and (moment < 0).any():
            raise ValueError("the optimizer's second_moment is negative")
        super().restore(arrays)


class AdamW(Adam):
    """Adam, whose steps also shrink every parameter: ``p -= rate decay p``, the rate's share.

    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2, with
    the rate as the schedule multiplier, as PyTorch has it.

    Parameters
    ----------
    size : int
    decay : float
    """

    def __init__(self, size: int, decay: float = 0.01) -> None:
        super().__init__(size)
        self.decay = decay


@kernel
def _adam_kernel(
    parameters, gradient, first, second, spans, rates, scale, correction, beta1, rest1, beta2,
    rest2, root, eps, decay,
):  # fmt: skip
    for span in range(spans.shape[0]):
        start, stop = spans[span]
        p, g = parameters[start:stop], gradient[start:stop]
        m, v = first[start:stop], second[start:stop]
        rate = rates[span] * correction
        kept = np.float32(1.0) - rates[span] * decay
        for i in range(p.size):
            g_i = scale * g[i]
            m_i = beta1 * m[i] + rest1 * g_i
            v_i = beta2 * v[i] + rest2 * (g_i * g_i)
            m[i] = m_i
            v[i] = v_i
            p[i] = kept * p[i] - rate * m_i / (np.sqrt(v_i) * root + eps)


@kernel
def _touched_adam_kernel(
    parameters, gradient, first, second, starts, length, rate, scale, beta1, rest1, beta2, rest2,
    root, eps, kept,
):  # fmt: skip
    for start in starts:
        stop = start + length
        p, g = parameters[start:stop], gradient[start:stop]
        m, v = first[start:stop], second[start:stop]
        for i in range(length):
            touched = g[i] != np.float32(0.0)
            g_i = scale * g[i]
            m_i = beta1 * m[i] + rest1 * g_i
            v_i = beta2 * v[i] + rest2 * (g_i * g_i)
            m[i] = m_i if touched else m[i]
            v[i] = v_i if touched else v[i]
            p_i = kept * p[i] - rate * m_i / (np.sqrt(v_i) * root + eps)
            p[i] = p_i if touched else p[i]
            g[i] = np.float32(0.0)
