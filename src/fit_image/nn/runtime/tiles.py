"""Tiles: blocks of a matrix that stay in registers while products are added to them.

A tile is a tuple of vectors, row after row. Its rows lie anywhere in memory: a tuple of offsets
says where. The types say how many rows and vectors there are, so that the compiler unrolls
everything, and one function serves tiles of any width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types

from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import alwaysinline, inner, intrinsic, pointer
from fit_image.nn.runtime.simd import fused, splat, vector_address
from fit_image.nn.runtime.target import WIDTH

ROWS = 8 if WIDTH == 16 else 4
"""Rows of a tile. With three vectors each, they leave room for the factors in the registers: 32 of
16 lanes, or 16 of 8."""

MOST_VECTORS = 3
"""Vectors of a row of a tile, at most."""


class Factors(NamedTuple):
    """Where factors of products lie, one after the other."""

    data: FloatArray
    start: int
    step: int


_offsets = types.UniTuple(types.intp, ROWS)


@intrinsic
def spaced(typing_context, step, last):
    """Return the offsets of rows that are ``step`` apart, those beyond ``last`` at the last."""

    def generate(context, builder, signature, arguments):
        step, last = arguments
        offsets = []
        for row in range(ROWS):
            number = ir.Constant(last.type, row)
            within = builder.icmp_signed("<", number, last)
            offsets.append(builder.mul(builder.select(within, number, last), step))
        return _pack(context, builder, _offsets, offsets)

    return _offsets(types.intp, types.intp), generate


@intrinsic
def listed(typing_context, table, index):
    """Return the offsets of rows that ``table`` (int64) lists from ``index`` on."""

    def generate(context, builder, signature, arguments):
        address = pointer(context, builder, signature.args[0], *arguments)
        places = [builder.gep(address, [ir.Constant(ir.IntType(64), row)]) for row in range(ROWS)]
        return _pack(context, builder, _offsets, [builder.load(place) for place in places])

    return _offsets(table, types.intp), generate


@intrinsic
def repeat_row(typing_context, vectors):
    """Return a tile whose rows all are these vectors."""
    kind = types.UniTuple(vectors.dtype, ROWS * len(vectors))

    def generate(context, builder, signature, arguments):
        row = _unpack(builder, *arguments)
        return _pack(context, builder, kind, row * ROWS)

    return kind(vectors), generate


@intrinsic
def load_tile(typing_context, like, array, offsets, start):
    """Load a tile of as many vectors as ``like`` has from rows at ``start`` and their offsets."""
    like = types.unliteral(like)

    def generate(context, builder, signature, arguments):
        _, array, offsets, start = arguments
        places = _places(context, builder, signature.args[1], (array, offsets, start), len(like))
        loaded = [builder.load(place) for place in places]
        return _pack(context, builder, like, loaded)

    return like(like, array, offsets, types.intp), generate


@intrinsic
def store_tile(typing_context, array, offsets, start, tile):
    """Store a tile in rows at ``start`` and their offsets; all start at multiples of `WIDTH`."""

    def generate(context, builder, signature, arguments):
        *target, tile = arguments
        vectors = _unpack(builder, tile)
        places = _places(context, builder, signature.args[0], target, len(vectors))
        for vector, place in zip(vectors, places, strict=True):
            builder.store(vector, place)
        return context.get_dummy_value()

    return types.void(array, offsets, types.intp, tile), generate


@intrinsic
def fma_tile(typing_context, tile, a, offsets, at, b, start):
    """Add to each row of a tile its number of ``a`` times the vectors of ``b`` from ``start`` on.

    The number of a row is at ``at`` and the row's offset.
    """
    count = len(tile) // ROWS

    def generate(context, builder, signature, arguments):
        tile, a, offsets, at, b, start = arguments
        factors = []
        for index in range(count):
            place = builder.add(start, ir.Constant(start.type, index * WIDTH))
            factors.append(builder.load(vector_address(context, builder, b_type, b, place)))
            factors[-1].align = 4
        first = pointer(context, builder, a_type, a, at)
        sums, added = _unpack(builder, tile), []
        for row, offset in enumerate(_unpack(builder, offsets)):
            number = splat(builder, builder.load(builder.gep(first, [offset])))
            for index, factor in enumerate(factors):
                added.append(fused(builder, number, factor, sums[row * count + index]))
        return _pack(context, builder, signature.return_type, added)

    a_type, b_type = a, b
    return tile(tile, a, offsets, types.intp, b, types.intp), generate


@inner
def add_products(tile, count, a, offsets, b):
    """Add ``count`` products to a tile: of numbers in ``a`` and vectors in ``b``.

    Both are of type `Factors`.
    """
    alwaysinline()
    for k in range(count):
        tile = fma_tile(tile, a.data, offsets, a.start + k * a.step, b.data, b.start + k * b.step)
    return tile


def _places(context: Any, builder: Any, array_type: Any, target: Any, count: int) -> Iterator[Any]:
    """Yield the addresses of the ``count`` vectors of a tile."""
    array, offsets, start = target
    for offset in _unpack(builder, offsets):
        row = builder.add(start, offset)
        for index in range(count // ROWS):
            place = builder.add(row, ir.Constant(row.type, index * WIDTH))
            yield vector_address(context, builder, array_type, array, place)


def _unpack(builder: Any, values: Any) -> list[Any]:
    return [builder.extract_value(values, index) for index in range(values.type.count)]


def _pack(context: Any, builder: Any, kind: Any, values: list[Any]) -> Any:
    packed = context.get_constant_undef(kind)
    for index, value in enumerate(values):
        packed = builder.insert_value(packed, value, index)
    return packed
