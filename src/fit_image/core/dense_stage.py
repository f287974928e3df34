"""Dense layers as stages of a chain."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fit_image.core import affine
from fit_image.core.activations import ACTIVATIONS, constants_of
from fit_image.core.affine import padded
from fit_image.core.barrier import meet
from fit_image.core.chain import Shape, Stage, Workers
from fit_image.core.dense import FloatArray, IntArray, aligned_zeros
from fit_image.core.jit import kernel
from fit_image.core.product import product
from fit_image.core.trace import working_panel

_BLOCK_ROWS = 96
"""Samples, or rows of weights, that a thread takes at a time."""


class Kept(NamedTuple):
    """What a batch leaves for its way back."""

    sums: FloatArray  # (samples, padded units), flat
    transposed: FloatArray  # (padded units, padded inputs), flat


class Dense(Stage):
    """Every unit sees all numbers of a sample, whatever its shape.

    Parameters
    ----------
    inputs : tuple of int
        Shape of a sample.
    units : int
    activation : str
        A key of `fit_image.core.activations.ACTIVATIONS`.
    slope, omega, scale : float
        See `fit_image.core.layer.Layer`.
    deviation : float
        Of the normal from which the first weights are drawn; biases begin as zeros.
    """

    def __init__(
        self,
        inputs: Shape,
        units: int,
        activation: str = "identity",
        *,
        slope: float = 0.01,
        omega: float = 30.0,
        scale: float = 10.0,
        deviation: float = 0.02,
    ) -> None:
        self._fan_in = math.prod(inputs)
        self._units, self._width = units, padded(units)
        size = (self._fan_in + 1) * self._width
        super().__init__(inputs, (units,), size, (self._fan_in + 1) * units)
        self._code = ACTIVATIONS[activation].code
        self._constants = np.array([[slope, omega, scale]], dtype=np.float32)
        self._deviation = deviation

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """See `Stage.initialise`."""
        rows = affine.matrix(parameters, self._fan_in)
        affine.draw_normal(rows, self._units, self._deviation, rng)

    def keep(self, samples: int) -> Kept:
        """See `Stage.keep`."""
        return Kept(
            aligned_zeros(samples * self._width),
            aligned_zeros(self._width * padded(self._fan_in)),
        )

    def forward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Kept,
        workers: Workers,
        rng: np.random.Generator | None,
    ) -> None:
        """See `Stage.forward`."""

        def work(_: object, thread: int, threads: int) -> None:
            _forward_kernel(
                parameters,
                self._width,
                inputs.reshape(-1),
                kept.sums,
                outputs.reshape(-1),
                self._fan_in,
                self._units,
                self._code,
                self._constants,
                working_panel(),
                len(inputs),
                thread,
                threads,
            )

        workers.run(work)

    def backward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Kept,
        by_outputs: FloatArray,
        gradient: FloatArray | None,
        by_inputs: FloatArray | None,
        workers: Workers,
    ) -> None:
        """See `Stage.backward`."""
        if by_inputs is not None:
            affine.transpose_kernel(parameters, self._fan_in, self._width, kept.transposed)
        nothing = np.empty(0, dtype=np.float32)

        def work(counts: IntArray, thread: int, threads: int) -> None:
            _backward_kernel(
                kept.transposed,
                self._width,
                inputs.reshape(-1),
                kept.sums,
                by_outputs.reshape(-1),
                nothing if gradient is None else gradient,
                nothing if by_inputs is None else by_inputs.reshape(-1),
                self._fan_in,
                self._units,
                self._code,
                self._constants,
                working_panel(),
                aligned_zeros(_BLOCK_ROWS * padded(self._fan_in)),
                len(inputs),
                counts,
                thread,
                threads,
            )

        workers.run(work)


@kernel
def _forward_kernel(
    weights, width, inputs, sums, outputs, fan_in, units, code, constants, panel, samples, thread,
    threads,
):  # fmt: skip
    for first in range(thread * _BLOCK_ROWS, samples, threads * _BLOCK_ROWS):
        rows = min(_BLOCK_ROWS, samples - first)
        affine.add_up(
            weights, fan_in, width, inputs, first * fan_in, fan_in, rows, sums, first * width, panel
        )
        affine.apply(
            sums,
            first * width,
            width,
            outputs,
            first * units,
            units,
            rows,
            code,
            constants_of(constants, 0),
        )


@kernel
def _backward_kernel(
    transposed, width, inputs, sums, by_outputs, gradient, by_inputs, fan_in, units, code,
    constants, panel, below, samples, counts, thread, threads,
):  # fmt: skip
    row = transposed.size // width
    for first in range(thread * _BLOCK_ROWS, samples, threads * _BLOCK_ROWS):
        rows = min(_BLOCK_ROWS, samples - first)
        start = first * width
        affine.to_deltas(
            sums,
            start,
            width,
            by_outputs,
            first * units,
            units,
            rows,
            code,
            constants_of(constants, 0),
        )
        if by_inputs.size > 0:
            product(
                rows, row, width, sums, start, width, 1, transposed, 0, row, below, 0, row, panel,
                False,
            )  # fmt: skip
            for i in range(rows):
                for k in range(fan_in):
                    by_inputs[(first + i) * fan_in + k] = below[i * row + k]
    meet(counts, thread, threads)
    if gradient.size == 0:
        return
    if thread == 0:
        affine.add_bias_gradient(sums, 0, width, samples, gradient, fan_in * width)
    for first in range(thread * _BLOCK_ROWS, fan_in, threads * _BLOCK_ROWS):
        product(
            min(_BLOCK_ROWS, fan_in - first), width, samples, inputs, first, 1, fan_in, sums, 0,
            width, gradient, first * width, width, panel, True,
        )  # fmt: skip
