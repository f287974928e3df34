"""Convolutions as products: the patches of some pictures are unfolded to rows.

One gemm then makes the sums of all units (Chellapilla et al., "High performance convolutional
neural networks for document processing", 2006).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import constants_of
from fit_image.nn.kernels.gemm import gemm
from fit_image.nn.layers import affine
from fit_image.nn.layers.convolution.geometry import Geometry
from fit_image.nn.layers.layer import PARTS, Workers
from fit_image.nn.runtime.arrays import FloatArray, IntArray, Matrix, aligned_zeros, vector
from fit_image.nn.runtime.barrier import barrier
from fit_image.nn.runtime.jit import inner, kernel

_BLOCK_ROWS = 192
"""Patches, about, that a thread unfolds at a time: they stay in the second-level cache."""


class Kept(NamedTuple):
    """What a batch leaves for its way back."""

    sums: FloatArray  # (samples * places, columns), flat
    parts: FloatArray  # (PARTS, size of the parameters): the gradient of each part


class Im2colConvolution:
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
        self._places = geometry.out_height * geometry.out_width
        self._block = max(_BLOCK_ROWS // self._places, 1)

    def keep(self, samples: int) -> Kept:
        """See `Stage.keep`."""
        columns = self._geometry.columns
        return Kept(
            aligned_zeros(samples * self._places * columns),
            aligned_zeros(PARTS, (self._geometry.fan_in + 1) * columns),
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

        def work(_: object, thread: int, threads: int) -> None:
            _forward_kernel(
                self._geometry,
                parameters,
                inputs.reshape(-1),
                kept.sums,
                outputs.reshape(-1),
                self._code,
                self._constants,
                self._patches(),
                workers.panels[thread],
                len(inputs),
                self._block,
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
        nothing = np.empty(0, dtype=np.float32)

        def work(counts: IntArray, thread: int, threads: int) -> None:
            _backward_kernel(
                self._geometry,
                parameters,
                inputs.reshape(-1),
                kept.sums,
                by_outputs.reshape(-1),
                kept.parts,
                nothing if gradient is None else gradient,
                nothing if by_inputs is None else by_inputs.reshape(-1),
                self._code,
                self._constants,
                self._patches(),
                workers.panels[thread],
                len(inputs),
                self._block,
                np.float32(factor),
                counts,
                thread,
                threads,
            )

        workers.run(work)

    def _patches(self) -> FloatArray:
        return aligned_zeros(self._block * self._places * self._geometry.row)


@inner
def _unfold(geometry, inputs, first, pictures, patches):
    """Lay the patches of some pictures in rows."""
    height, width, maps, side = geometry.height, geometry.width, geometry.maps, geometry.side
    run, line = side * maps, width * maps
    at = 0
    for picture in range(first, first + pictures):
        for y in range(geometry.out_height):
            top = y * geometry.stride - geometry.above
            for x in range(geometry.out_width):
                left = x * geometry.stride - geometry.before
                # Numbers of a row of the patch that lie before the picture, and in it.
                out = max(-left, 0) * maps
                inside = min(side, width - left) * maps - out
                for k in range(side):
                    target = vector(patches, at + k * run, run)
                    if 0 <= top + k < height:
                        start = (picture * height + top + k) * line + left * maps + out
                        source = vector(inputs, start, inside)
                        for i in range(out):
                            target[i] = np.float32(0.0)
                        middle = vector(target, out, inside)
                        for i in range(inside):
                            middle[i] = source[i]
                        for i in range(out + inside, run):
                            target[i] = np.float32(0.0)
                    else:
                        for i in range(run):
                            target[i] = np.float32(0.0)
                at += geometry.row


@inner
def _fold(geometry, patches, first, pictures, by_inputs):
    """Add the patches of some pictures where they were taken from."""
    height, width, maps, side = geometry.height, geometry.width, geometry.maps, geometry.side
    run, line = side * maps, width * maps
    size = height * line
    target = vector(by_inputs, first * size, pictures * size)
    for i in range(target.size):
        target[i] = np.float32(0.0)
    at = 0
    for picture in range(first, first + pictures):
        for y in range(geometry.out_height):
            top = y * geometry.stride - geometry.above
            for x in range(geometry.out_width):
                left = x * geometry.stride - geometry.before
                out = max(-left, 0) * maps
                inside = min(side, width - left) * maps - out
                for k in range(max(-top, 0), min(side, height - top)):
                    start = (picture * height + top + k) * line + left * maps + out
                    place = vector(by_inputs, start, inside)
                    patch = vector(patches, at + k * run + out, inside)
                    for i in range(inside):
                        place[i] += patch[i]
                at += geometry.row


@kernel
def _forward_kernel(
    geometry, weights, inputs, sums, outputs, code, constants, patches, panel, samples, block,
    thread, threads,
):  # fmt: skip
    places = geometry.out_height * geometry.out_width
    fan_in, columns, units = geometry.fan_in, geometry.columns, geometry.units
    for first in range(thread * block, samples, threads * block):
        pictures = min(block, samples - first)
        rows, start = pictures * places, first * places
        _unfold(geometry, inputs, first, pictures, patches)
        affine.add_up(
            weights,
            fan_in * columns,
            columns,
            1,
            fan_in,
            patches,
            0,
            geometry.row,
            rows,
            0,
            columns,
            sums,
            start * columns,
            columns,
            panel,
        )
        affine.apply(
            sums,
            start * columns,
            columns,
            outputs,
            start * units,
            units,
            rows,
            0,
            columns,
            code,
            constants_of(constants, 0),
        )


@kernel
def _backward_kernel(
    geometry, weights, inputs, sums, by_outputs, parts, gradient, by_inputs, code, constants,
    patches, panel, samples, block, factor, counts, thread, threads,
):  # fmt: skip
    places = geometry.out_height * geometry.out_width
    fan_in, columns, units, row = geometry.fan_in, geometry.columns, geometry.units, geometry.row
    count = parts.shape[0]
    for part in range(thread, count, threads):
        own = parts[part]
        if gradient.size > 0:
            for i in range(own.size):
                own[i] = np.float32(0.0)
        stop = samples * (part + 1) // count
        for first in range(samples * part // count, stop, block):
            pictures = min(block, stop - first)
            rows, start = pictures * places, first * places
            affine.to_deltas(
                sums,
                start * columns,
                columns,
                by_outputs,
                start * units,
                units,
                rows,
                code,
                constants_of(constants, 0),
            )
            if gradient.size > 0:
                _unfold(geometry, inputs, first, pictures, patches)
                gemm(
                    fan_in,
                    columns,
                    rows,
                    Matrix(patches, 0, 1, row),
                    Matrix(sums, start * columns, columns, 1),
                    Matrix(own, 0, columns, 1),
                    panel,
                    True,
                )
                affine.add_bias_gradient(
                    sums, start * columns, columns, rows, 0, columns, own, fan_in * columns
                )
            if by_inputs.size > 0:
                gemm(
                    rows,
                    fan_in,
                    columns,
                    Matrix(sums, start * columns, columns, 1),
                    Matrix(weights, 0, 1, columns),
                    Matrix(patches, 0, row, 1),
                    panel,
                    False,
                )
                _fold(geometry, patches, first, pictures, by_inputs)
    barrier(counts, thread, threads)
    if gradient.size > 0:
        # A share of the numbers for every thread, and all parts of it in order.
        first = gradient.size * thread // threads
        stop = gradient.size * (thread + 1) // threads
        for part in range(count):
            own = parts[part]
            for i in range(first, stop):
                gradient[i] += factor * own[i]
