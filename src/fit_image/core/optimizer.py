"""Optimizers: what to do with a gradient. They see flat vectors and know nothing of layers.

A step is `Optimizer.begin` once, then `Optimizer.update` for every slice of the vectors; several
threads may update slices that do not overlap. Where a gradient has always been zero, as in the
padding of rows, nothing moves.

Of large tables, a batch touches a part only: `Optimizer.update_touched` leaves alone, memory and
all, what has no gradient (see Mueller et al. in `fit_image.core.grid`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fit_image.core.dense import FloatArray, IntArray, aligned_zeros
from fit_image.core.jit import kernel


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
        What the optimizer remembers of earlier gradients; zeros before the first step.
    """

    state_names: ClassVar[tuple[str, ...]] = ()

    rate_of_layer: ClassVar[bool] = True
    """Whether a layer's learning rate is divided by sqrt(fan_in + 1), as in plain descent."""

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
            What the gradient is multiplied by first, such as 1 / samples for a mean.
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
            What was used of the gradient is set to zero.
        starts : int64 (runs,)
        length : int
            Numbers in a run.
        rate, scale, step
            As in `update`.
        """

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of all there is to remember."""
        return {
            "steps": np.array(self.steps, dtype=np.int64),
            **{name: vector.copy() for name, vector in self.state.items()},
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `to_arrays`.

        Raises
        ------
        ValueError
            If the arrays are not those of this optimizer and size; then nothing is changed.
        """
        if arrays.keys() != {"steps", *self.state}:
            raise ValueError("the state is that of another optimizer")
        steps = arrays["steps"]
        if steps.dtype != np.int64 or steps.shape != () or steps < 0:
            raise ValueError("the optimizer's steps are no count")
        for name, vector in self.state.items():
            saved = arrays[name]
            if saved.dtype != vector.dtype or saved.shape != vector.shape:
                raise ValueError(f"the optimizer's {name} has another type or size")
            if not np.isfinite(saved).all():
                raise ValueError(f"the optimizer's {name} is not finite")
        self.steps = int(steps)
        for name, vector in self.state.items():
            vector[:] = arrays[name]


class SGD(Optimizer):
    """Plain gradient descent: ``p -= rate g``."""

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
        _sgd_kernel(parameters, gradient, spans, rates, scale)

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
        _touched_sgd_kernel(parameters, gradient, starts, length, rate * scale)


class Momentum(Optimizer):
    """Gradient descent with momentum: ``v = 0.9 v + g``, ``p -= rate v``.

    Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML
    2013, with the rate outside of the velocity, as PyTorch has it.
    """

    state_names = ("velocity",)
    momentum = np.float32(0.9)

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
        velocity = self.state["velocity"]
        _momentum_kernel(parameters, gradient, velocity, spans, rates, scale, self.momentum)

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
        velocity = self.state["velocity"]
        _touched_momentum_kernel(
            parameters, gradient, velocity, starts, length, rate, scale, self.momentum
        )


class Adam(Optimizer):
    """Adam: steps of a size that depends on how steady a parameter's gradient is.

    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1, with the
    constants recommended there.
    """

    state_names = ("first_moment", "second_moment")
    rate_of_layer = False
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8
    # Gradients of table entries are small, and an entry first touched late has moments of zero,
    # which no correction knows: with this beta2 its first step is one learning rate, too.
    touched_beta2, touched_epsilon = 0.99, 1e-15
    decay = 0.0

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
        if "second_moment" in arrays and (arrays["second_moment"] < 0).any():
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


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "adam": Adam,
    "adamw": AdamW,
}


# Slices come first and loops count from 0: of an index that might be negative, which numba takes
# from the end, the compiler makes no vectors.


@kernel
def _sgd_kernel(parameters, gradient, spans, rates, scale):
    for span in range(spans.shape[0]):
        start, stop = spans[span]
        p, g = parameters[start:stop], gradient[start:stop]
        rate = rates[span] * scale
        for i in range(p.size):
            p[i] -= rate * g[i]


@kernel
def _momentum_kernel(parameters, gradient, velocity, spans, rates, scale, mu):
    for span in range(spans.shape[0]):
        start, stop = spans[span]
        p, g, v = parameters[start:stop], gradient[start:stop], velocity[start:stop]
        rate = rates[span]
        for i in range(p.size):
            v_i = mu * v[i] + scale * g[i]
            v[i] = v_i
            p[i] -= rate * v_i


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
def _touched_sgd_kernel(parameters, gradient, starts, length, rate):
    for start in starts:
        p, g = parameters[start : start + length], gradient[start : start + length]
        for i in range(length):
            p[i] -= rate * g[i]
            g[i] = np.float32(0.0)


@kernel
def _touched_momentum_kernel(parameters, gradient, velocity, starts, length, rate, scale, mu):
    for start in starts:
        stop = start + length
        p, g, v = parameters[start:stop], gradient[start:stop], velocity[start:stop]
        for i in range(length):
            touched = g[i] != np.float32(0.0)
            v_i = mu * v[i] + scale * g[i]
            v[i] = v_i if touched else v[i]
            p[i] = p[i] - rate * v_i if touched else p[i]
            g[i] = np.float32(0.0)


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
