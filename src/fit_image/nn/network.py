"""Chains of stages: samples of any shape in, through stages of any kind, and the gradient back.

A `fit_image.nn.mlp.mlp.MLP` is dense layers alone, and learns pixel by pixel or by batches;
a chain mixes convolutions, normalisation, dropout and dense layers, and leaves the loss and the
step to its owner. Its parameters are one flat vector, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Self

import numpy as np

from fit_image.nn.layers.layer import Layer, Shape, Workers
from fit_image.nn.runtime import arrays
from fit_image.nn.runtime.arrays import FloatArray

_LINE = arrays.LANES * 4  # bytes


class NetworkCache:
    """What a batch leaves in a chain on its way through; made once, used for many batches.

    Attributes
    ----------
    output : float32 (samples, ...)
        What came out of the last stage.
    """

    def __init__(self, stages: Sequence[Layer], most: int) -> None:
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


class Network:
    """Stages, and the parameters of all.

    Parameters
    ----------
    stages : sequence of Layer
        The outputs of each are shaped like the inputs of the next; lenders come before borrowers.

    Attributes
    ----------
    parameters : float32 vector
        Those of all stages, one after the other. Starts as zeros.

    Raises
    ------
    ValueError
        If there is no stage, neighbours do not fit, or a lender is missing.
    """

    def __init__(self, stages: Sequence[Layer]) -> None:
        self.stages = tuple(stages)
        if not self.stages:
            raise ValueError("a chain needs at least one stage")
        for before, after in itertools.pairwise(self.stages):
            if before.outputs != after.inputs:
                raise ValueError(f"outputs {before.outputs} do not fit inputs {after.inputs}")
        self._lenders = [self._lender(index) for index in range(len(self.stages))]
        sizes = [-(-stage.size // arrays.LANES) * arrays.LANES for stage in self.stages]
        self._starts = [0, *np.cumsum(sizes).tolist()]
        self.parameters = arrays.aligned_zeros(self._starts[-1])

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
        """Return a stage's part of a vector shaped like ``parameters``, as a view.

        A stage that has a lender gets the lender's.
        """
        lender = self._lenders[index]
        start = self._starts[lender]
        return vector[start : start + self.stages[lender].size]

    def _lender(self, index: int) -> int:
        """Return the stage that lends its part to a stage, which may be that stage itself."""
        lender = self.stages[index].lender
        if lender is None:
            return index
        for earlier, stage in enumerate(self.stages[:index]):
            if stage is lender:
                return earlier
        raise ValueError("a stage's lender must be an earlier stage of the chain")

    def zeros(self) -> FloatArray:
        """Return a vector shaped like ``parameters``, and aligned as kernels need it."""
        return arrays.aligned_zeros(self.parameters.size)

    def passage(self, samples: int) -> NetworkCache:
        """Return memory for batches of at most ``samples``."""
        return NetworkCache(self.stages, samples)

    def forward(
        self,
        inputs: FloatArray,
        passage: NetworkCache,
        workers: Workers,
        rng: np.random.Generator | None = None,
    ) -> FloatArray:
        """Compute the outputs of a batch, and keep what `backward` needs in ``passage``.

        Parameters
        ----------
        inputs : float32 (samples, *inputs)
            Not to be changed before `backward`.
        passage : NetworkCache
        workers : Workers
        rng : numpy.random.Generator, optional
            Given while training; see `Layer.forward`.

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
        passage: NetworkCache,
        by_outputs: FloatArray,
        workers: Workers,
        gradient: FloatArray | None = None,
        *,
        to_inputs: bool = False,
        add: bool = True,
    ) -> FloatArray | None:
        """Carry the gradient of the loss back through the stages.

        Parameters
        ----------
        passage : NetworkCache
            As `forward` left it; only once, for the way back overwrites part of it.
        by_outputs : float32 (samples, *outputs)
            Derivative of the loss by each output; if it is the passage's own ``upstream[-1]``, it
            need not be copied.
        workers : Workers
        gradient : float32 vector, optional
            From `zeros`. The derivative by the parameters, summed over the samples, is added to it.
        to_inputs : bool
            Whether the derivative by the inputs is wanted.
        add : bool
            False lets the derivative take the place of what the gradient was.

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
        factors = [1.0] * len(self.stages)
        return self._go_back(passage, by_outputs, workers, gradient, factors, to_inputs, add)

    def descend(
        self,
        passage: NetworkCache,
        by_outputs: FloatArray,
        workers: Workers,
        rates: Sequence[float],
    ) -> None:
        """Take a step of plain gradient descent: `backward`, and ``parameters -= rate gradient``.

        No gradient lies in memory in between: every stage changes its parameters once it has read
        them for the last time.

        Parameters
        ----------
        passage, by_outputs, workers
            As in `backward`.
        rates : sequence of float
            The learning rate of each stage.

        Raises
        ------
        ValueError
            If there are not as many rates as stages, or if stages share parameters: those that are
            read by an earlier stage would have changed before.
        """
        if len(rates) != len(self.stages):
            raise ValueError(
                f"{len(rates)} rates are not one for each of {len(self.stages)} stages"
            )
        if any(stage.lender is not None for stage in self.stages):
            raise ValueError("stages that share parameters cannot change them one by one")
        factors = [-float(rate) for rate in rates]
        self._go_back(passage, by_outputs, workers, self.parameters, factors, False, True)

    def _go_back(
        self,
        passage: NetworkCache,
        by_outputs: FloatArray,
        workers: Workers,
        gradient: FloatArray | None,
        factors: Sequence[float],
        to_inputs: bool,
        add: bool,
    ) -> FloatArray | None:
        upstream = passage.upstream
        if by_outputs is not upstream[-1]:
            upstream[-1][:] = by_outputs
        # Below the first stage with parameters, the way back leads nowhere.
        sizes = [stage.size for stage in self.stages]
        last = 0 if to_inputs else next((k for k, size in enumerate(sizes) if size), len(sizes))
        # What several stages share, each adds to.
        shared = {lender for index, lender in enumerate(self._lenders) if lender != index}
        if gradient is not None and not add:
            for lender in shared:
                self.part(gradient, lender)[:] = 0.0
        for index in reversed(range(last, len(self.stages))):
            below = upstream[index] if index > last or to_inputs else None
            self.stages[index].backward(
                self.part(self.parameters, index),
                passage.values[index],
                passage.values[index + 1],
                passage.kept[index],
                upstream[index + 1],
                None if gradient is None else self.part(gradient, index),
                below,
                workers,
                factors[index],
                add or self._lenders[index] in shared,
            )
        return upstream[0] if to_inputs else None


def _zeros(samples: int, shape: Shape) -> FloatArray:
    return arrays.aligned_zeros(samples, *shape)
