"""SIMD vectors of float32, for kernels that control themselves what stays in registers.

The compiler turns plain loops into vector code well, until one loop reads several rows and writes
them back: it cannot know that the rows do not overlap, and loads and stores more than it must.
With these few functions a kernel decides that for itself, and reads like the plain loop.

Eight lanes are one register of AVX and AVX2, half of one of AVX-512, and two of Arm's. Sixteen are
twice as fast in products on Intel's processors with AVX-512, and slower on AMD's Zen 4, whose
512-bit stores cost more than two of 256 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import models, register_model

from fit_image.nn.runtime.jit import intrinsic, pointer
from fit_image.nn.runtime.target import WIDTH as WIDTH

_BYTES = 4 * WIDTH
_VECTOR = ir.VectorType(ir.FloatType(), WIDTH)
_INT, _INT8 = ir.IntType(32), ir.IntType(8)

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


def vector_address(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    """Return the address of the vector at an offset, in an intrinsic."""
    number = pointer(context, builder, array_type, array, offset)
    return builder.bitcast(number, _VECTOR.as_pointer())


def splat(builder: Any, number: Any) -> Any:
    """Return a vector with a number in all lanes, in an intrinsic."""
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INT, WIDTH), None))


@intrinsic
def load(typing_context, array, offset):
    """Return ``array[offset : offset + WIDTH]`` of a contiguous float32 vector, unchecked."""
    return _load(array, _BYTES)


@intrinsic
def load_unaligned(typing_context, array, offset):
    """Load a vector from any offset: slower than `load` where it touches two cache lines."""
    return _load(array, 4)


def _load(array: Any, alignment: int) -> Any:
    def generate(context, builder, signature, arguments):
        vector = builder.load(vector_address(context, builder, signature.args[0], *arguments))
        vector.align = alignment
        return vector

    return _lanes(array, types.intp), generate


@intrinsic
def store(typing_context, array, offset, vector):
    """Set ``array[offset : offset + WIDTH]``, unchecked."""

    def generate(context, builder, signature, arguments):
        address = vector_address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], address).align = _BYTES
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), generate


@intrinsic
def prefetch(typing_context, array, offset):
    """Prefetch the cache line of ``array[offset]``, to be read and written."""
    return _fetch(array, 1, 3)


@intrinsic
def prefetch_far(typing_context, array, offset):
    """Prefetch the cache line of ``array[offset]`` into the second-level cache, to be read."""
    return _fetch(array, 0, 2)


def _fetch(array: Any, write: int, near: int) -> Any:
    def generate(context, builder, signature, arguments):
        number = pointer(context, builder, array, *arguments)
        address = builder.bitcast(number, _INT8.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [_INT8.as_pointer(), _INT, _INT, _INT])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        of_data = 1
        builder.call(function, [address, *(ir.Constant(_INT, n) for n in (write, near, of_data))])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic
def broadcast(typing_context, number):
    """Return a vector with ``number`` in all lanes."""

    def generate(context, builder, signature, arguments):
        return splat(builder, *arguments)

    return _lanes(types.float32), generate


@intrinsic
def broadcast_load(typing_context, array, offset):
    """Return a vector with ``array[offset]`` in all lanes, unchecked."""

    def generate(context, builder, signature, arguments):
        return splat(builder, builder.load(pointer(context, builder, array, *arguments)))

    return _lanes(array, types.intp), generate


@intrinsic
def fma(typing_context, a, b, c):
    """Return ``a * b + c``, rounded once where the machine can."""

    def generate(context, builder, signature, arguments):
        return fused(builder, *arguments)

    return _lanes(_lanes, _lanes, _lanes), generate


def fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c``, rounded once where the machine can, in an intrinsic."""
    return builder.fadd(builder.fmul(a, b, flags=_FLAGS), c, flags=_FLAGS)


@intrinsic
def maximum(typing_context, vector, floor):
    """Return the maximum of each lane and that of ``floor``; NaN in ``vector`` stays NaN."""
    return _bounded("<")


@intrinsic
def minimum(typing_context, vector, ceiling):
    """Return the minimum of each lane and that of ``ceiling``; NaN in ``vector`` stays NaN."""
    return _bounded(">")


def _bounded(beyond: str) -> Any:
    def generate(context, builder, signature, arguments):
        vector, bound = arguments
        return builder.select(builder.fcmp_ordered(beyond, vector, bound), bound, vector)

    return _lanes(_lanes, _lanes), generate


@intrinsic
def reciprocal(typing_context, vector):
    """Return 1 / x of each lane of normal numbers, with a relative error below 1e-7."""

    def generate(context, builder, signature, arguments):
        (vector,) = arguments
        if WIDTH != 16:
            return builder.fdiv(ir.Constant(_VECTOR, [1.0] * WIDTH), vector)
        # Dividing takes the machine longer than an estimate of 14 bits and Newton's step.
        mask = ir.IntType(16)
        kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, mask])
        function = cgutils.get_or_insert_function(
            builder.module, kind, "llvm.x86.avx512.rcp14.ps.512"
        )
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        estimate = builder.call(function, [vector, undefined, ir.Constant(mask, 0xFFFF)])
        product = builder.fmul(builder.fneg(vector), estimate, flags=_FLAGS)
        error = builder.fadd(product, ir.Constant(_VECTOR, [1.0] * WIDTH), flags=_FLAGS)
        step = builder.fmul(error, estimate, flags=_FLAGS)
        return builder.fadd(step, estimate, flags=_FLAGS)

    return _lanes(_lanes), generate


@intrinsic
def select(typing_context, mask, vector):
    """Return each lane of ``vector``, or 0 where that of ``mask`` is not above 0."""

    def generate(context, builder, signature, arguments):
        mask, vector = arguments
        zero = ir.Constant(_VECTOR, None)
        return builder.select(builder.fcmp_ordered(">", mask, zero), vector, zero)

    return _lanes(_lanes, _lanes), generate


@intrinsic
def hsum(typing_context, vector):
    """Return the horizontal sum of the lanes: halves are added until one number is left."""

    def generate(context, builder, signature, arguments):
        return builder.extract_element(_sums(builder, arguments), ir.Constant(_INT, 0))

    return types.float32(_lanes), generate


@intrinsic
def store_hsums(typing_context, array, offset, a, b, c, d):
    """Set ``array[offset : offset + 4]`` to the `hsum` of each of four vectors, unchecked."""

    def generate(context, builder, signature, arguments):
        sums = _sums(builder, arguments[2:])
        number = pointer(context, builder, signature.args[0], *arguments[:2])
        builder.store(sums, builder.bitcast(number, sums.type.as_pointer())).align = 4
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes, _lanes, _lanes, _lanes), generate


def _sums(builder: Any, vectors: Sequence[Any]) -> Any:
    """Return a vector of each vector's horizontal sum; they share the additions."""
    length = WIDTH  # of the parts that belong to one sum
    while length > 1:
        vectors = [
            _add_halves(builder, vectors[i : i + 2], length) for i in range(0, len(vectors), 2)
        ]
        length //= 2
    return vectors[0]


def _add_halves(builder: Any, vectors: Sequence[Any], length: int) -> Any:
    """Add, of every ``length`` lanes of one or two vectors, the second half to the first."""
    lanes, half = len(vectors) * vectors[0].type.count, length // 2
    halves = []
    for first in (0, half):
        kept = [part + lane for part in range(first, lanes, length) for lane in range(half)]
        mask = ir.Constant(ir.VectorType(_INT, len(kept)), kept)
        halves.append(builder.shuffle_vector(vectors[0], vectors[-1], mask))
    return builder.fadd(*halves)


@intrinsic
def transpose_block(typing_context, source, start, row, target, target_start, target_row):
    """Write the transpose of a block of WIDTH x WIDTH numbers, unchecked.

    ``row`` and ``target_row`` are the distances from row to row.
    """

    def generate(context, builder, signature, arguments):
        source, start, row, target, target_start, target_row = arguments
        kinds = signature.args
        rows = []
        for index in range(WIDTH):
            offset = builder.add(start, builder.mul(row, ir.Constant(row.type, index)))
            rows.append(builder.load(vector_address(context, builder, kinds[0], source, offset)))
            rows[-1].align = _BYTES
        # Ever smaller squares change places across the diagonal.
        size = WIDTH // 2
        while size:
            for first in range(WIDTH):
                if not first & size:
                    pair = rows[first], rows[first | size]
                    rows[first], rows[first | size] = _swap(builder, *pair, size)
            size //= 2
        for index, vector in enumerate(rows):
            offset = builder.add(
                target_start, builder.mul(target_row, ir.Constant(target_row.type, index))
            )
            builder.store(
                vector, vector_address(context, builder, kinds[3], target, offset)
            ).align = _BYTES
        return context.get_dummy_value()

    integer = types.intp
    return types.void(source, integer, integer, target, integer, integer), generate


def _swap(builder: Any, upper: Any, lower: Any, size: int) -> tuple[Any, Any]:
    """Exchange the right squares of ``upper`` with the left ones of ``lower``."""
    kept_left = [lane if not lane & size else WIDTH + (lane ^ size) for lane in range(WIDTH)]
    kept_right = [WIDTH + lane if lane & size else lane ^ size for lane in range(WIDTH)]
    kind = ir.VectorType(_INT, WIDTH)
    return (
        builder.shuffle_vector(upper, lower, ir.Constant(kind, kept_left)),
        builder.shuffle_vector(upper, lower, ir.Constant(kind, kept_right)),
    )
