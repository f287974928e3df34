"""Chains of stages: samples of any shape in, through stages of any kind, and the gradient back.

A `fit_image.core.network.Network` is dense layers alone, and learns pixel by pixel or by batches;
a chain mixes convolutions, normalisation, dropout and dense layers, and leaves the loss and the
step to its owner. Its parameters are one flat vector, too.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from fit_image.core import dense
from fit_image.core.dense import FloatArray, IntArray
from fit_image.core.machine import usable_cores
from fit_image.core.product import PANEL
from fit_image.core.team import Team

Shape = tuple[int, ...]

PARTS = 8
"""Parts into which stages cut a batch where they add over its samples.

Each part is one thread's, and the parts are added in order: no bit depends on the threads.
"""

_LINE = dense.LANES * 4  # bytes


class Workers:
    """The threads that carry a batch through a chain.

    Parameters
    ----------
    threads : int, optional
        Default: all cores this process may use. Does not change any result.

    Attributes
    ----------
    panels : list of float32 vector
        Each thread's memory for products.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or usable_cores()
        self.panels = [dense.aligned_zeros(PANEL) for _ in range(self.threads)]
        self._team = Team(self.threads)

    def run(self, work: Callable[[IntArray, int, int], object]) -> None:
        """Call ``work(counts, thread, threads)`` in every thread; see `Team.run`."""
        self._team.run(work, self.threads)


class Stage(ABC):
    """One of the stages of a chain; holds no parameters and no samples itself.

    Attributes
    ----------
    inputs, outputs : tuple of int
        Shapes of a sample before and after.
    size : int
        Numbers in the stage's part of a parameter vector, with padding that stays zero.
    parameter_count : int
        The same without padding.
    """

    def __init__(self, inputs: Shape, outputs: Shape, size: int, parameter_count: int) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.size = size
        self.parameter_count = parameter_count

    @abstractmethod
    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """Draw the first parameters (float32 vector of ``size``, zeros before)."""

    def keep(self, samples: int) -> Any:
        """Return memory in which `forward` leaves what `backward` needs of so many samples."""
        return None

    @abstractmethod
    def forward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Any,
        workers: Workers,
        rng: np.random.Generator | None,
    ) -> None:
        """Fill ``outputs``.

        Parameters
        ----------
        parameters : float32 vector of ``size``
        inputs, outputs : float32 (samples, ...)
            C-contiguous; as many samples as `keep` was told, or fewer.
        kept : object
            What `keep` returned.
        workers : Workers
        rng : numpy.random.Generator or None
            For stages that draw while training, such as dropout; None when not training.
        """

    @abstractmethod
    def backward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Any,
        by_outputs: FloatArray,
        gradient: FloatArray | None,
        by_inputs: FloatArray | None,
        workers: Workers,
    ) -> None:
        """Carry the gradient of the loss from the outputs back; arguments as in `forward`.

        Parameters
        ----------
        by_outputs : float32, shaped like ``outputs``
            Derivative of the loss by each; may be overwritten.
        gradient : float32 vector of ``size``, or None
            The derivative by the parameters, summed over the samples, is added to it.
        by_inputs : float32, shaped like ``inputs``, or None
            Filled with the derivative by each.
        """


class Passage:
    """What a batch leaves in a chain on its way through; made once, used for many batches.

    Attributes
    ----------
    output : float32 (samples, ...)
        What came out of the last stage.
    """

    def __init__(self, stages: Sequence[Stage], most: int) -> None:
        self._inputs = stages[0].inputs
        shapes = [self._inputs, *(stage.outputs for stage in stages)]
        # What goes in is the caller's.
        self._values = [_zeros(most, shape) for shape in shapes[1:]]
        self._upstream = [_zeros(most, shape) for shape in shapes]
        self.kept = [stage.keep(most) for stage in stages]
        self.most = most
        self.values: list[FloatArray] = []
        self.upstream: list[FloatArray] = []

    def begin(self, inputs: FloatArray) -> None:
        """Make room for a batch of at most as many samples as there is memory for."""
        if inputs.shape[1:] != self._inputs:
            raise ValueError(f"samples {inputs.shape} do not fit inputs {self._inputs}")
        if len(inputs) > self.most:
            raise ValueError(f"{len(inputs)} samples are more than {self.most}")
        self.values = [inputs, *(values[: len(inputs)] for values in self._values)]
        self.upstream = [values[: len(inputs)] for values in self._upstream]

    @property
    def output(self) -> FloatArray:
        """What came out of the last stage."""
        return self.values[-1]


class Chain:
    """Stages, and the parameters of all.

    Parameters
    ----------
    stages : sequence of Stage
        The outputs of each are shaped like the inputs of the next.

    Attributes
    ----------
    parameters : float32 vector
        Those of all stages, one after the other. Starts as zeros.

    Raises
    ------
    ValueError
        If there is no stage, or neighbours do not fit.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)
        if not self.stages:
            raise ValueError("a chain needs at least one stage")
        for before, after in itertools.pairwise(self.stages):
            if before.outputs != after.inputs:
                raise ValueError(f"outputs {before.outputs} do not fit inputs {after.inputs}")
        sizes = [-(-stage.size // dense.LANES) * dense.LANES for stage in self.stages]
        self._starts = [0, *np.cumsum(sizes).tolist()]
        self.parameters = dense.aligned_zeros(self._starts[-1])

    @property
    def inputs(self) -> Shape:
        """Shape of a sample that goes in."""
        return self.stages[0].inputs

    @property
    def outputs(self) -> Shape:
        """Shape of what comes out of a sample."""
        return self.stages[-1].outputs

    @property
    def parameter_count(self) -> int:
        """Number of parameters, padding not counted."""
        return sum(stage.parameter_count for stage in self.stages)

    def initialise(self, rng: np.random.Generator) -> Self:
        """Draw the first parameters of every stage."""
        for index, stage in enumerate(self.stages):
            stage.initialise(self.part(self.parameters, index), rng)
        return self

    def part(self, vector: FloatArray, index: int) -> FloatArray:
        """Return a stage's part of a vector shaped like ``parameters``, as a view."""
        start = self._starts[index]
        return vector[start : start + self.stages[index].size]

    def zeros(self) -> FloatArray:
        """Return a vector shaped like ``parameters``, and aligned as kernels need it."""
        return dense.aligned_zeros(self.parameters.size)

    def passage(self, samples: int) -> Passage:
        """Return memory for batches of at most ``samples``."""
        return Passage(self.stages, samples)

    def forward(
        self,
        inputs: FloatArray,
        passage: Passage,
        workers: Workers,
        rng: np.random.Generator | None = None,
    ) -> FloatArray:
        """Compute the outputs of a batch, and keep what `backward` needs in ``passage``.

        Parameters
        ----------
        inputs : float32 (samples, *inputs)
            Not to be changed before `backward`.
        passage : Passage
        workers : Workers
        rng : numpy.random.Generator, optional
            Given while training; see `Stage.forward`.

        Returns
        -------
        float32 (samples, *outputs)
            The passage's own: the next batch overwrites it.

        Raises
        ------
        ValueError
            If samples have another shape, or are more than the passage has memory for.
        """
        passage.begin(np.ascontiguousarray(inputs, dtype=np.float32))
        for index, stage in enumerate(self.stages):
            stage.forward(
                self.part(self.parameters, index),
                passage.values[index],
                passage.values[index + 1],
                passage.kept[index],
                workers,
                rng,
            )
        return passage.output

    def backward(
        self,
        passage: Passage,
        by_outputs: FloatArray,
        workers: Workers,
        gradient: FloatArray | None = None,
        *,
        to_inputs: bool = False,
    ) -> FloatArray | None:
        """Carry the gradient of the loss back through the stages.

        Parameters
        ----------
        passage : Passage
            As `forward` left it; only once, for the way back overwrites part of it.
        by_outputs : float32 (samples, *outputs)
            Derivative of the loss by each output.
        workers : Workers
        gradient : float32 vector, optional
            From `zeros`. The derivative by the parameters, summed over the samples, is added to it.
        to_inputs : bool
            Whether the derivative by the inputs is wanted.

        Returns
        -------
        float32 (samples, *inputs) or None
            The passage's own, as in `forward`.

        Raises
        ------
        ValueError
            If ``gradient`` is not like one from `zeros`.
        """
        if gradient is not None:
            aligned = gradient.size == 0 or gradient.ctypes.data % _LINE == 0
            if gradient.shape != self.parameters.shape or not aligned:
                raise ValueError("a gradient must come from the chain's zeros()")
        upstream = passage.upstream
        upstream[-1][:] = by_outputs
        for index in reversed(range(len(self.stages))):
            below = upstream[index] if index > 0 or to_inputs else None
            self.stages[index].backward(
                self.part(self.parameters, index),
                passage.values[index],
                passage.values[index + 1],
                passage.kept[index],
                upstream[index + 1],
                None if gradient is None else self.part(gradient, index),
                below,
                workers,
            )
        return upstream[0] if to_inputs else None


def _zeros(samples: int, shape: Shape) -> FloatArray:
    return dense.aligned_zeros(samples, *shape)
