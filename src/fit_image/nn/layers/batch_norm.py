"""Batch normalisation: every map with mean 0 and variance 1, then scaled and shifted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.nn.activations import ACTIVATIONS, activate, constants_of, differentiate
from fit_image.nn.layers.affine import padded_width
from fit_image.nn.layers.layer import PARTS, Layer, Shape, Workers
from fit_image.nn.runtime.arrays import FloatArray, IntArray, Matrix, aligned_zeros, vector
from fit_image.nn.runtime.barrier import barrier
from fit_image.nn.runtime.jit import inner, kernel

EPSILON = np.float32(1e-5)
"""What is added to a variance, so that it is not zero."""


class Kept(NamedTuple):
    """What a batch leaves for its way back."""

    normal: FloatArray  # (samples * places, maps), flat: mean 0 and variance 1
    sums: FloatArray  # the same, scaled and shifted
    inverse: FloatArray  # (maps,): one over the deviation
    parts: npt.NDArray[np.float64]  # (PARTS, 2, maps): sums over each part of the batch


class BatchNorm(Layer):
    """Makes every map's numbers those of mean 0 and variance 1 in the batch; learns another.

    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", ICML 2015. The statistics are always those of the batch at hand, as in the
    program ``hardmaru/resnet-cppn-gan-tensorflow``: what becomes of a sample depends on others.

    Parameters
    ----------
    shape : tuple of int
        Of a sample; the maps come last.
    activation : str
        A key of `fit_image.nn.activations.ACTIVATIONS`: what is made of the result.
    slope, omega, scale : float
        See `fit_image.nn.mlp.layer_spec.LayerSpec`.
    """

    def __init__(
        self,
        shape: Shape,
        activation: str = "identity",
        *,
        slope: float = 0.01,
        omega: float = 30.0,
        scale: float = 10.0,
    ) -> None:
        self._maps = shape[-1]
        super().__init__(shape, shape, 2 * padded_width(self._maps), 2 * self._maps)
        self._code = ACTIVATIONS[activation].code
        self._constants = np.array([[slope, omega, scale]], dtype=np.float32)

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """Draw the scales from a normal of mean 1 and deviation 0.02; shifts are 0."""
        drawn = rng.standard_normal(self._maps, dtype=np.float32)
        parameters[: self._maps] = 1.0 + np.float32(0.02) * drawn

    def keep(self, samples: int) -> Kept:
        """See `Layer.keep`."""
        size = samples * int(np.prod(self.inputs))
        return Kept(
            aligned_zeros(size),
            aligned_zeros(size),
            np.zeros(self._maps, dtype=np.float32),
            np.zeros((PARTS, 2, self._maps)),
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
        """See `Layer.forward`."""

        def work(counts: IntArray, thread: int, threads: int) -> None:
            _forward_kernel(
                parameters,
                inputs.reshape(-1, self._maps),
                kept.normal,
                kept.sums,
                kept.inverse,
                kept.parts,
                outputs.reshape(-1),
                self._code,
                self._constants,
                counts,
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
        factor: float = 1.0,
        add: bool = True,
    ) -> None:
        """See `Layer.backward`."""
        if gradient is not None and not add:
            gradient[:] = 0.0
        nothing = np.empty(0, dtype=np.float32)

        def work(counts: IntArray, thread: int, threads: int) -> None:
            _backward_kernel(
                parameters,
                kept.normal,
                kept.sums,
                kept.inverse,
                kept.parts,
                by_outputs.reshape(-1, self._maps),
                nothing if gradient is None else gradient,
                nothing if by_inputs is None else by_inputs.reshape(-1),
                self._code,
                self._constants,
                factor,
                counts,
                thread,
                threads,
            )

        workers.run(work)


@kernel
def _forward_kernel(
    parameters, inputs, normal, sums, inverse, parts, outputs, code, constants, counts, thread,
    threads,
):  # fmt: skip
    rows, maps = inputs.shape
    count, shifts = parts.shape[0], parameters.size // 2
    for part in range(thread, count, threads):
        total, squares = parts[part, 0], parts[part, 1]
        for j in range(maps):
            total[j] = squares[j] = 0.0
        for i in range(rows * part // count, rows * (part + 1) // count):
            for j in range(maps):
                number = np.float64(inputs[i, j])
                total[j] += number
                squares[j] += number * number
    barrier(counts, thread, threads)
    means = np.empty(maps, dtype=np.float32)
    inverses = np.empty(maps, dtype=np.float32)
    for j in range(maps):
        total_, squares_ = 0.0, 0.0
        for part in range(count):
            total_ += parts[part, 0, j]
            squares_ += parts[part, 1, j]
        mean = total_ / rows
        variance = max(squares_ / rows - mean * mean, 0.0)
        means[j] = mean
        inverses[j] = 1.0 / np.sqrt(variance + EPSILON)
        if thread == 0:
            inverse[j] = inverses[j]
    for part in range(thread, count, threads):
        first, stop = rows * part // count, rows * (part + 1) // count
        for i in range(first, stop):
            own, scaled = vector(normal, i * maps, maps), vector(sums, i * maps, maps)
            for j in range(maps):
                number = (inputs[i, j] - means[j]) * inverses[j]
                own[j] = number
                scaled[j] = parameters[j] * number + parameters[shifts + j]
        numbers, start = (stop - first) * maps, first * maps
        constant = constants_of(constants, 0)
        activate(
            Matrix(sums, start, 0, 1), Matrix(outputs, start, 0, 1), 1, numbers, code, constant
        )


@kernel
def _backward_kernel(
    parameters, normal, sums, inverse, parts, by_outputs, gradient, by_inputs, code, constants,
    factor, counts, thread, threads,
):  # fmt: skip
    rows, maps = by_outputs.shape
    count, shifts = parts.shape[0], parameters.size // 2
    for part in range(thread, count, threads):
        by_scale, by_shift = parts[part, 0], parts[part, 1]
        for j in range(maps):
            by_scale[j] = by_shift[j] = 0.0
        first, stop = rows * part // count, rows * (part + 1) // count
        constant = constants_of(constants, 0)
        rows_of_part = Matrix(sums, first * maps, 0, 1)
        differentiate(rows_of_part, 1, (stop - first) * maps, code, constant)
        for i in range(first, stop):
            deltas, own = vector(sums, i * maps, maps), vector(normal, i * maps, maps)
            for j in range(maps):
                deltas[j] *= by_outputs[i, j]
                by_shift[j] += np.float64(deltas[j])
                by_scale[j] += np.float64(deltas[j] * own[j])
    barrier(counts, thread, threads)
    by_scales, by_shifts = np.zeros(maps), np.zeros(maps)
    for part in range(count):
        for j in range(maps):
            by_scales[j] += parts[part, 0, j]
            by_shifts[j] += parts[part, 1, j]
    if by_inputs.size > 0:
        _to_inputs(
            parameters, normal, sums, inverse, parts, by_scales, by_shifts, by_inputs, thread,
            threads,
        )  # fmt: skip
    # Nobody reads the scales any more, which may be what is changed here.
    barrier(counts, thread, threads)
    if gradient.size > 0 and thread == 0:
        for j in range(maps):
            gradient[j] += np.float32(factor * by_scales[j])
            gradient[shifts + j] += np.float32(factor * by_shifts[j])


@inner
def _to_inputs(
    parameters, normal, sums, inverse, parts, by_scales, by_shifts, by_inputs, thread, threads
):
    """Write the derivative by the inputs."""
    maps, count = inverse.size, parts.shape[0]
    rows = by_inputs.size // maps
    # The mean and the deviation depend on every sample, too: equations of section 3.
    factors, scales = np.empty(maps, dtype=np.float32), np.empty(maps, dtype=np.float32)
    shares = np.empty(maps, dtype=np.float32)
    for j in range(maps):
        factors[j] = parameters[j] * inverse[j]
        scales[j] = by_scales[j] / rows
        shares[j] = by_shifts[j] / rows
    for part in range(thread, count, threads):
        for i in range(rows * part // count, rows * (part + 1) // count):
            deltas, own = vector(sums, i * maps, maps), vector(normal, i * maps, maps)
            below = vector(by_inputs, i * maps, maps)
            for j in range(maps):
                below[j] = factors[j] * (deltas[j] - shares[j] - own[j] * scales[j])
