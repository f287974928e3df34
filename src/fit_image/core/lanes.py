"""Vectors of eight float32 numbers, for kernels that say themselves what stays in registers.

The compiler turns plain loops into vector code well, until one loop reads several rows and writes
them back: it cannot know that the rows do not overlap, and loads and stores more than it must.
With these few words a kernel decides that for itself, and reads like the plain loop.

Eight lanes are one register of AVX and AVX2, half of one of AVX-512, and two of Arm's. Sixteen
were slower where both were measured (Zen 4): 512-bit stores cost more than two of 256 bits.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import models, register_model

from fit_image.core.jit import intrinsic

WIDTH = 8
"""Numbers in a vector. Offsets into arrays are multiples of it, from an aligned start."""

_BYTES = 4 * WIDTH
_VECTOR = ir.VectorType(ir.FloatType(), WIDTH)
_INT = ir.IntType(32)

# Products and sums may be fused, and nothing else: the order of a sum is what the kernel says.
_FLAGS = ("contract",)


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"Lanes({WIDTH})")


_lanes = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _VECTOR)


def _address(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), _VECTOR.as_pointer())


@intrinsic
def load(typing_context, array, offset):
    """Return ``array[offset : offset + WIDTH]`` of a contiguous float32 vector, unchecked."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature.args[0], *arguments)
        vector = builder.load(address)
        vector.align = _BYTES
        return vector

    return _lanes(array, types.intp), generate


@intrinsic
def store(typing_context, array, offset, vector):
    """Set ``array[offset : offset + WIDTH]``, unchecked."""

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], address).align = _BYTES
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), generate


@intrinsic
def splat(typing_context, number):
    """Return a vector of equal numbers."""

    def generate(context, builder, signature, arguments):
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        first = builder.insert_element(undefined, arguments[0], ir.Constant(_INT, 0))
        zeros = ir.Constant(ir.VectorType(_INT, WIDTH), None)
        return builder.shuffle_vector(first, undefined, zeros)

    return _lanes(types.float32), generate


@intrinsic
def multiply_add(typing_context, a, b, c):
    """Return ``a * b + c``, rounded once where the machine can."""

    def generate(context, builder, signature, arguments):
        a, b, c = arguments
        return builder.fadd(builder.fmul(a, b, flags=_FLAGS), c, flags=_FLAGS)

    return _lanes(_lanes, _lanes, _lanes), generate


@intrinsic
def total(typing_context, vector):
    """Return the sum of a vector's numbers: halves added until one is left."""

    def generate(context, builder, signature, arguments):
        (vector,) = arguments
        count = WIDTH
        while count > 1:
            count //= 2
            halves = [
                builder.shuffle_vector(
                    vector,
                    ir.Constant(vector.type, ir.Undefined),
                    ir.Constant(ir.VectorType(_INT, count), list(range(first, first + count))),
                )
                for first in (0, count)
            ]
            vector = builder.fadd(*halves)
        return builder.extract_element(vector, ir.Constant(_INT, 0))

    return types.float32(_lanes), generate
