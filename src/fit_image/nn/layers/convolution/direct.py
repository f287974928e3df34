"""Convolutions of few maps: pictures are laid out in planes, and vectors run along their rows.

Every map is a plane, with the zeros around it, and the rows of a plane follow one another at once.
So the number above, below or beside another lies at a fixed distance, for all places alike, and a
weight is multiplied by a vector of neighbours: no lane is idle, however few the maps and units, but
those that fall between two rows. The gradient by the inputs is a convolution of the same kind, of
the derivatives with the weights turned round (Dumoulin and Visin, "A guide to convolution
arithmetic for deep learning", 2016, chapter 4).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import activate, constants_of, differentiate
from fit_image.nn.layers.convolution.geometry import Geometry
from fit_image.nn.layers.convolution.planes import Planes, add_outer, correlate, lay, take
from fit_image.nn.layers.layer import PARTS, Workers
from fit_image.nn.runtime.arrays import FloatArray, IntArray, Matrix, aligned_zeros, vector
from fit_image.nn.runtime.barrier import barrier
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.simd import WIDTH, broadcast, fma, hsum, load

_MOST_UNITS, _MOST_WEIGHTS = 16, 4096
"""With more, products of unfolded patches are as quick, and the gradient in vectors large."""


class Kept(NamedTuple):
    """What a batch leaves for its way back."""

    sums: FloatArray  # (samples, units, count), flat
    parts: FloatArray  # (PARTS, parameters without padding, WIDTH): the gradient, in vectors


def is_direct(geometry: Geometry) -> bool:
    """Return whether a convolution is computed in planes."""
    few = geometry.units <= _MOST_UNITS and geometry.fan_in * geometry.units <= _MOST_WEIGHTS
    return few and geometry.stride == 1


class DirectConvolution:
    """One of the ways to compute a convolution; see `layer.Layer` for its methods.

    Parameters
    ----------
    geometry : Geometry
    code : int
        Of the activation.
    constants : float32 (1, 3)
        See `fit_image.nn.activations.SLOPE`.
    """

    def __init__(self, geometry: Geometry, code: int, constants: FloatArray) -> None:
        self._geometry, self._code, self._constants = geometry, code, constants
        around = geometry.side - 1
        pitch = geometry.width + around
        count = -(-geometry.height * pitch // WIDTH) * WIDTH
        self._planes = Planes(
            pitch,
            count,
            -(-(count + around * (pitch + 1)) // WIDTH) * WIDTH,
            geometry.above * pitch + geometry.before,
            (around - geometry.above) * pitch + around - geometry.before,
        )

    def keep(self, samples: int) -> Kept:
        """See `Stage.keep`."""
        units = self._geometry.units
        return Kept(
            aligned_zeros(samples * units * self._planes.size),
            aligned_zeros(PARTS, (self._geometry.fan_in + 1) * units * WIDTH),
        )

    def forward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Kept,
        workers: Workers,
    ) -> None:
        """See `Stage.forward`."""
        geometry, planes = self._geometry, self._planes

        def work(_: object, thread: int, threads: int) -> None:
            _forward_kernel(
                geometry,
                planes,
                parameters,
                inputs.reshape(-1),
                kept.sums,
                outputs.reshape(-1),
                self._code,
                self._constants,
                aligned_zeros(geometry.maps * planes.length),
                aligned_zeros(geometry.units * planes.size),
                len(inputs),
                thread,
                threads,
            )

        workers.run(work)

    def backward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        kept: Kept,
        by_outputs: FloatArray,
        gradient: FloatArray | None,
        by_inputs: FloatArray | None,
        workers: Workers,
        factor: float,
    ) -> None:
        """See `Stage.backward`."""
        geometry, planes = self._geometry, self._planes
        nothing = np.empty(0, dtype=np.float32)

        def work(counts: IntArray, thread: int, threads: int) -> None:
            _backward_kernel(
                geometry,
                planes,
                parameters,
                inputs.reshape(-1),
                kept.sums,
                by_outputs.reshape(-1),
                kept.parts,
                nothing if gradient is None else gradient,
                nothing if by_inputs is None else by_inputs.reshape(-1),
                self._code,
                self._constants,
                aligned_zeros(geometry.maps * planes.length),
                aligned_zeros(geometry.units * planes.length),
                aligned_zeros(geometry.maps * planes.size),
                len(inputs),
                np.float32(factor),
                counts,
                thread,
                threads,
            )

        workers.run(work)


@kernel
def _forward_kernel(
    geometry, planes, parameters, inputs, sums, outputs, code, constants, laid, values, samples,
    thread, threads,
):  # fmt: skip
    height, width, maps, side = geometry.height, geometry.width, geometry.maps, geometry.side
    units, pitch, count = geometry.units, planes.pitch, planes.size
    size, columns = height * width, geometry.columns
    weights = np.empty((geometry.fan_in + 1) * units, dtype=np.float32)
    for u in range(units):
        for m in range(maps):
            for tap in range(side * side):
                weight = parameters[(tap * maps + m) * columns + u]
                weights[(u * maps + m) * side * side + tap] = weight
        weights[geometry.fan_in * units + u] = parameters[geometry.fan_in * columns + u]
    for sample in range(samples * thread // threads, samples * (thread + 1) // threads):
        start = sample * units * count
        lay(
            inputs, sample * size * maps, height, width, maps, laid, planes.first, pitch,
            planes.length,
        )  # fmt: skip
        correlate(side, pitch, count, laid, planes.length, maps, weights, True, units, sums, start)
        constant = constants_of(constants, 0)
        numbers = units * count
        activate(Matrix(sums, start, 0, 1), Matrix(values, 0, 0, 1), 1, numbers, code, constant)
        take(values, pitch, count, outputs, sample * size * units, height, width, units)


@kernel
def _backward_kernel(
    geometry, planes, parameters, inputs, sums, by_outputs, parts, gradient, by_inputs, code,
    constants, laid, deltas, below, samples, factor, counts, thread, threads,
):  # fmt: skip
    height, width, maps, side = geometry.height, geometry.width, geometry.maps, geometry.side
    units, pitch, count, length = geometry.units, planes.pitch, planes.size, planes.length
    size, columns, taps = height * width, geometry.columns, side * side
    weights = np.empty(geometry.fan_in * units, dtype=np.float32)
    for u in range(units):
        for m in range(maps):
            for tap in range(taps):
                weight = parameters[(tap * maps + m) * columns + u]
                weights[(m * units + u) * taps + taps - 1 - tap] = weight
    for part in range(thread, parts.shape[0], threads):
        own = parts[part]
        if gradient.size > 0:
            for i in range(own.size):
                own[i] = np.float32(0.0)
        first, stop = samples * part, samples * (part + 1)
        for sample in range(first // parts.shape[0], stop // parts.shape[0]):
            start = sample * units * count
            constant = constants_of(constants, 0)
            differentiate(Matrix(sums, start, 0, 1), 1, units * count, code, constant)
            lay(
                by_outputs, sample * size * units, height, width, units, deltas,
                planes.first_back, pitch, length,
            )  # fmt: skip
            for u in range(units):
                for y in range(height):
                    slopes = vector(sums, start + u * count + y * pitch, width)
                    row = vector(deltas, u * length + planes.first_back + y * pitch, width)
                    for x in range(width):
                        row[x] *= slopes[x]
            if gradient.size > 0:
                lay(
                    inputs, sample * size * maps, height, width, maps, laid, planes.first, pitch,
                    length,
                )  # fmt: skip
                add_outer(side, planes, laid, maps, deltas, units, own)
            if by_inputs.size > 0:
                correlate(side, pitch, count, deltas, length, units, weights, False, maps, below, 0)
                take(below, pitch, count, by_inputs, sample * size * maps, height, width, maps)
    barrier(counts, thread, threads)
    if gradient.size > 0:
        # A share of the numbers for every thread, and all parts of it in order.
        numbers = (geometry.fan_in + 1) * units
        one = broadcast(np.float32(1.0))
        for i in range(numbers * thread // threads, numbers * (thread + 1) // threads):
            vectors = load(parts[0], i * WIDTH)
            for part in range(1, parts.shape[0]):
                vectors = fma(load(parts[part], i * WIDTH), one, vectors)
            k, u = i // units, i % units
            row = k % taps * maps + k // taps if k < geometry.fan_in else k
            gradient[row * columns + u] += factor * hsum(vectors)
