"""Memory layout of dense layers, and vectors in kernels.

All parameters of a network lie in one flat float32 vector. A dense layer is a block of
``fan_in + 1`` rows: for every input its weights in all units, and at the end the biases; each with
zeros up to a multiple of 16 numbers, so that every row starts on a cache line. A product reads the
block as it lies forward, and turned round backward. The zeros never change: their gradient is zero.
A layer's input vector has ``fan_in`` values, the constant 1 that the biases multiply, and numbers
that nobody reads: kernels treat the biases as the weights of one more input.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba.core import types
from numba.np import arrayobj

from fit_image.nn.runtime.jit import inner, intrinsic, pointer

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

LANES = 16
"""Rows are padded to a multiple of this many float32 numbers (64 bytes, one cache line)."""

# Columns of the integer table that describes the layers to the kernels.
START, FAN_IN, FAN_OUT, STRIDE, ACTIVATION, SKIP = range(6)


def padded_size(count: int) -> int:
    """Return ``count``, rounded up to whole cache lines."""
    return -(-count // LANES) * LANES


class Matrix(NamedTuple):
    """A matrix in a vector of numbers: element (i, j) is ``data[start + i * row + j * column]``."""

    data: FloatArray
    start: int
    row: int
    column: int


def aligned_zeros(*shape: int) -> FloatArray:
    """Return zeros of ``shape`` (float32) that start on a cache line.

    Vector loads that straddle two lines cost twice; numpy promises 16 bytes only.
    """
    size = int(np.prod(shape, dtype=np.int64))
    memory = np.zeros(size + LANES, dtype=np.float32)
    offset = -(memory.ctypes.data // memory.itemsize) % LANES
    return memory[offset : offset + size].reshape(shape)


@intrinsic
def vector(typing_context, memory, start, length):
    """Return the view ``memory[start : start + length]`` of a contiguous vector, unchecked."""

    def generate(context, builder, signature, arguments):
        memory, start, length = arguments
        kind = signature.return_type
        view = context.make_array(kind)(context, builder)
        itemsize = context.get_constant(
            types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype))
        )
        arrayobj.populate_array(
            view,
            data=pointer(context, builder, kind, memory, start),
            shape=[length],
            strides=[itemsize],
            itemsize=itemsize,
            meminfo=None,
        )
        return view._getvalue()

    return memory(memory, types.intp, types.intp), generate


@inner
def copy(source, target):
    """Copy a vector to another of the same length.

    ``target[:] = source`` takes seconds to compile, because of its error for different shapes.
    """
    for i in range(source.size):
        target[i] = source[i]
