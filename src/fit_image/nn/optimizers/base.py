"""Optimizers: steps along a gradient. They see flat vectors and know nothing of layers.

A step is `Optimizer.update` for every slice of the vectors; several threads may update slices that
do not overlap. Where a gradient has always been zero, as in the padding of rows, nothing moves.

Of large tables, a batch touches a part only: the steps in `touched_steps` leave alone, memory and
all, what has no gradient (see Mueller et al. in `fit_image.nn.encodings.hash_grid`).

Those of all else are in `spans`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fit_image.nn.optimizers.spans import CONSTANTS, DECAY, SCALE, update_kernel
from fit_image.nn.runtime.arrays import LANES, FloatArray, IntArray, aligned_zeros
from fit_image.nn.runtime.threads import ThreadPool

_LEAST = 1 << 15
"""Numbers below which waking another thread takes longer than a step."""


class Step(NamedTuple):
    """A step along the gradient of some spans of the vectors."""

    spans: IntArray  # (spans, 2): where each begins and ends
    rates: FloatArray  # (spans,): the learning rate of each
    scale: np.float32  # factor of the gradient, such as 1 / samples for a mean
    number: int  # 1 is the first


class Preconditioned(NamedTuple):
    """Matrices in the vectors whose step is taken as a whole, in `fit_image.nn.optimizers.soap`."""

    table: IntArray  # (matrices, 7)
    factors: FloatArray
    work: FloatArray


class Optimizer(ABC):
    """Base of the optimizers of vectors of ``size`` numbers.

    Attributes
    ----------
    steps : int
        Steps taken; whoever calls `update` counts them.
    state : dict of str to float32 vector
        State that depends on earlier gradients; zeros before the first step.
    preconditioned : Preconditioned
        Numbers that `update` does not know how to change; none of most optimizers.
    """

    code: ClassVar[int]
    """One of `fit_image.nn.optimizers.spans.SGD` and the others."""

    state_names: ClassVar[tuple[str, ...]] = ()

    decay = 0.0
    """Decay of the weights: every step also shrinks the parameters, ``p -= rate decay p``."""

    rate_of_layer: ClassVar[bool] = True
    """Whether a layer's learning rate is divided by sqrt(fan_in + 1), as in plain SGD."""

    def __init__(self, size: int) -> None:
        self.steps = 0
        self.state: dict[str, FloatArray] = {name: aligned_zeros(size) for name in self.state_names}
        self.preconditioned = Preconditioned(
            np.zeros((0, 7), dtype=np.int64), aligned_zeros(0), aligned_zeros(0)
        )

    @classmethod
    def of_layers(cls, size: int, layers: IntArray) -> Self:
        """Return the optimizer of a network with a table of dense layers.

        See `fit_image.nn.runtime.arrays.START`.
        """
        return cls(size)

    @classmethod
    def extra_numbers(cls, shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """Return how many numbers there are in `state` beside vectors, and how many in memory.

        ``shapes`` are fan-in and fan-out of dense layers.
        """
        return 0, 0

    def update(self, parameters: FloatArray, gradient: FloatArray, step: Step) -> None:
        """Change some spans of ``parameters``, and of the state, in place."""
        vectors, constants = self.vectors(parameters, gradient), self.constants(step.number)
        constants[SCALE] = step.scale
        update_kernel(self.code, vectors, step.spans, step.rates, constants)

    def vectors(self, parameters: FloatArray, gradient: FloatArray) -> tuple[FloatArray, ...]:
        """Return the four vectors of `fit_image.nn.optimizers.spans.step_span`."""
        first, second, *_ = (*self.state.values(), parameters[:0], parameters[:0])
        return parameters, gradient, first, second

    def constants(self, step: int) -> FloatArray:
        """Return the constants of a step, as `fit_image.nn.optimizers.spans.SCALE` describes them.

        The factor of the gradient is 1; whoever knows another one writes it.
        """
        constants = np.zeros(CONSTANTS, dtype=np.float32)
        constants[SCALE], constants[DECAY] = 1.0, self.decay
        return constants

    @abstractmethod
    def touched_constants(
        self, rate: np.float32, scale: np.float32, step: int
    ) -> tuple[float, ...]:
        """Return the arguments of `fit_image.nn.optimizers.touched_steps` for a step in tables."""

    def parallel_step(
        self,
        parameters: FloatArray,
        gradient: FloatArray,
        spans: IntArray,
        rates: FloatArray,
        scale: float,
        pool: ThreadPool,
    ) -> None:
        """Take a `Step`, a share of every span in each thread, and count it.

        The update of a parameter depends on no other, so that the threads change no bit.
        """
        self.steps += 1
        step = Step(spans, rates, np.float32(scale), self.steps)
        if (spans[:, 1] - spans[:, 0]).sum() < _LEAST * pool.threads:
            self.update(parameters, gradient, step)
            return
        edges = [_edges(start, stop, pool.threads) for start, stop in spans.tolist()]

        def work(_: object, thread: int, threads: int) -> None:
            own = np.array([each[thread : thread + 2] for each in edges])
            self.update(parameters, gradient, step._replace(spans=own))

        pool.run(work)

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


def _edges(start: int, stop: int, threads: int) -> list[int]:
    """Return where the threads' shares of a span begin, in whole cache lines, and the end."""
    lines = (stop - start) // LANES
    return [*(start + lines * thread // threads * LANES for thread in range(threads)), stop]
