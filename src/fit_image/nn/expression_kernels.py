"""Expressions in kernels: programs run on blocks of sums.

A program is a vector of numbers: the address of the compiled function that runs it, the count of
its instructions, and these as pairs of an operation and a number. In kernels, the address of a
program stands in the place of an activation's code. So kernels need no code for expressions, and
this function is compiled for the first expression alone, once for all.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.np import arrayobj

from fit_image.nn.expressions import DEEPEST, OPERATIONS, Expression
from fit_image.nn.kernels.vector_math import (
    cosine,
    exponential,
    hyperbolic_tangent,
    logarithm,
    sine,
)
from fit_image.nn.runtime.arrays import vector
from fit_image.nn.runtime.jit import exact, inner, intrinsic, kernel, pointer

_CODES = {name: code for code, name in enumerate(OPERATIONS)}
_NUMBER, _S, _OMEGA, _SCALE, _SLOPE = (
    _CODES[name] for name in ("number", "s", "omega", "scale", "slope")
)
_ADD, _SUB, _MUL, _DIV, _NEG, _POWER = (
    _CODES[name] for name in ("add", "sub", "mul", "div", "neg", "power")
)
_ABS, _SIN, _COS, _TANH, _EXP = (_CODES[name] for name in ("abs", "sin", "cos", "tanh", "exp"))
_LOG, _SQRT, _MAX, _MIN = (_CODES[name] for name in ("log", "sqrt", "max", "min"))

_BLOCK = 128  # sums at once: all values of a program stay in the first-level cache
_VALUES = 2 * DEEPEST * _BLOCK  # and their derivatives
_HEAD = 2  # numbers of a program before its instructions

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
_SIGNATURE = types.void(*[types.intp] * 5, *[types.float32] * 3)

_programs: dict[str, np.ndarray] = {}


def program_code(expression: Expression) -> int:
    """Return the address of the program of an expression, which stays valid."""
    program = _programs.get(expression.text)
    if program is None:
        pairs = [(_CODES[operation], number) for operation, number in expression.program]
        head = (_address(), len(pairs))
        made = np.array([*head, *np.ravel(pairs)], np.float64)
        program = _programs.setdefault(expression.text, made)  # perhaps another thread's
    return int(program.ctypes.data)


def _address() -> int:
    """Return the address of `_run`, compiled."""
    _run.compile(_SIGNATURE)
    compiled = _run.overloads[_SIGNATURE.args]._asdict()
    name = compiled["fndesc"].llvm_func_name
    return int(compiled["library"].get_pointer_to_function(name))


@intrinsic
def _at(typing_context, address, length):
    """Return a view of so many float32 numbers at an address."""
    return _view_at(types.float32, address)


@intrinsic
def _program_at(typing_context, address, length):
    """Return a view of so many float64 numbers at an address."""
    return _view_at(types.float64, address)


def _view_at(dtype, address):
    kind = types.Array(dtype, 1, "C")

    def generate(context, builder, signature, arguments):
        address, length = arguments
        data = builder.inttoptr(address, context.get_data_type(dtype).as_pointer())
        return _view(context, builder, kind, data, length)

    return kind(types.intp, types.intp), generate


@intrinsic
def _stack(typing_context):
    """Return a view of ``_VALUES`` float32 numbers on the stack."""
    kind = types.Array(types.float32, 1, "C")

    def generate(context, builder, signature, arguments):
        count = context.get_constant(types.intp, _VALUES)
        data = cgutils.alloca_once(builder, ir.FloatType(), size=count)
        data.align = 64
        return _view(context, builder, kind, data, count)

    return kind(), generate


def _view(context, builder, kind, data, length):
    view = context.make_array(kind)(context, builder)
    itemsize = context.get_constant(
        types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype))
    )
    arrayobj.populate_array(
        view, data=data, shape=[length], strides=[itemsize], itemsize=itemsize, meminfo=None
    )
    return view._getvalue()


@intrinsic
def run_program(typing_context, code, derive, source, target, columns, constants):
    """Run a program on ``columns`` sums of ``source``, and write its results to ``target``.

    Parameters
    ----------
    code : int
        Of `program_code`.
    derive : int
        0 for its values, 1 for its derivatives.
    source, target : ndarray of float32, contiguous
        They may be the same.
    constants : tuple of float
        Of `fit_image.nn.activations.constants_of`.
    """
    signature = types.void(types.intp, types.intp, source, target, types.intp, constants)

    def generate(context, builder, signature, arguments):
        code, derive, source, target, columns, constants = arguments
        word = ir.IntType(64)
        ends = [
            builder.ptrtoint(pointer(context, builder, kind, array, ir.Constant(word, 0)), word)
            for kind, array in zip(signature.args[2:4], (source, target), strict=True)
        ]
        own = cgutils.unpack_tuple(builder, constants)
        builder.call(_caller(builder.module), [code, *ends, columns, derive, *own])
        return context.get_dummy_value()

    return signature, generate


def _caller(module):
    """Return the function that calls `_run` at its address.

    It is cold, so that kernels keep their registers for activations that have names.
    """
    word, number, byte = ir.IntType(64), ir.FloatType(), ir.IntType(8).as_pointer()
    kinds = [*[word] * 5, *[number] * 3]
    name = "fit_image_run_program"
    function = cgutils.get_or_insert_function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    if function.is_declaration:
        function.linkage = "internal"
        function.attributes.add("cold")
        function.attributes.add("noinline")
        builder = ir.IRBuilder(function.append_basic_block())
        program = builder.inttoptr(function.args[0], ir.DoubleType().as_pointer())
        address = builder.fptoui(builder.load(program), word)
        # Of numba's functions: where to put the result and the exception, of which there is none.
        own = ir.FunctionType(ir.IntType(32), [byte.as_pointer(), byte.as_pointer(), *kinds])
        result = builder.alloca(byte)
        nothing = ir.Constant(byte.as_pointer(), None)
        run = builder.inttoptr(address, own.as_pointer())
        builder.call(run, [result, nothing, *function.args])
        builder.ret_void()
    return function


@kernel
def _run(program, source, target, columns, derive, slope, omega, scale):
    """Write the values of a program, or its derivatives, for the sums at an address."""
    stack = _stack()
    count = int(_program_at(program, _HEAD)[_HEAD - 1])
    code = _program_at(program, _HEAD + 2 * count)
    sums, results = _at(source, columns), _at(target, columns)
    for start in range(0, columns, _BLOCK):
        size = min(_BLOCK, columns - start)
        depth = 0
        for line in range(count):
            operation = int(code[_HEAD + 2 * line])
            number = np.float32(code[_HEAD + 2 * line + 1])
            if operation == _S:
                _push_sums(_place(stack, depth, size), vector(sums, start, size), size)
                depth += 1
            elif operation <= _SLOPE:
                value = number if operation == _NUMBER else slope
                value = omega if operation == _OMEGA else value
                value = scale if operation == _SCALE else value
                _push(_place(stack, depth, size), size, value)
                depth += 1
            elif operation <= _DIV or operation >= _MAX:
                depth -= 1
                left, right = _place(stack, depth - 1, size), _place(stack, depth, size)
                _combine(left, right, size, operation, derive)
            else:
                _apply(_place(stack, depth - 1, size), size, operation, number, derive)
        result, block = vector(stack, _BLOCK * derive, size), vector(results, start, size)
        for i in range(size):
            block[i] = result[i]


@inner
def _place(stack, place, size):
    """Return the value and the derivative at a place of the stack."""
    below = 2 * place * _BLOCK
    return vector(stack, below, size), vector(stack, below + _BLOCK, size)


@inner
def _push_sums(place, sums, size):
    x, dx = place
    for i in range(size):
        x[i] = sums[i]
    for i in range(size):
        dx[i] = _ONE


@inner
def _push(place, size, number):
    x, dx = place
    for i in range(size):
        x[i] = number
    for i in range(size):
        dx[i] = _ZERO


# Exact, so that the last sums of a row, which are no whole vector, are divided as the others are:
# which they are depends on the number of threads.
@exact
def _combine(left, right, size, operation, derive):
    """Replace the left operand by the result of an operation, the derivative too if ``derive``."""
    (a, da), (b, db) = left, right
    if operation == _ADD:
        if derive:
            for i in range(size):
                da[i] += db[i]
        for i in range(size):
            a[i] += b[i]
    elif operation == _SUB:
        if derive:
            for i in range(size):
                da[i] -= db[i]
        for i in range(size):
            a[i] -= b[i]
    elif operation == _MUL:
        if derive:
            for i in range(size):
                da[i] = da[i] * b[i] + a[i] * db[i]
        for i in range(size):
            a[i] *= b[i]
    elif operation == _DIV:
        if derive:
            for i in range(size):
                da[i] = (da[i] - a[i] / b[i] * db[i]) / b[i]
        for i in range(size):
            a[i] /= b[i]
    elif operation == _MAX:
        if derive:
            for i in range(size):
                da[i] = da[i] if a[i] > b[i] else db[i]
        for i in range(size):
            # NaN on either side is the result.
            larger = a[i] if a[i] > b[i] else b[i]
            a[i] = larger if a[i] == a[i] else a[i]
    else:
        if derive:
            for i in range(size):
                da[i] = da[i] if a[i] < b[i] else db[i]
        for i in range(size):
            smaller = a[i] if a[i] < b[i] else b[i]
            a[i] = smaller if a[i] == a[i] else a[i]


@exact
def _apply(operand, size, operation, number, derive):
    """Replace an operand by a function of it, the derivative too if ``derive``."""
    x, dx = operand
    if operation == _NEG:
        if derive:
            for i in range(size):
                dx[i] = -dx[i]
        for i in range(size):
            x[i] = -x[i]
    elif operation == _POWER:
        _raise(x, dx, size, int(number), derive)
    elif operation == _ABS:
        if derive:
            for i in range(size):
                dx[i] = -dx[i] if x[i] < _ZERO else dx[i]
        for i in range(size):
            x[i] = abs(x[i])
    elif operation == _SIN:
        if derive:
            for i in range(size):
                dx[i] *= cosine(x[i])
        for i in range(size):
            x[i] = sine(x[i])
    elif operation == _COS:
        if derive:
            for i in range(size):
                dx[i] *= -sine(x[i])
        for i in range(size):
            x[i] = cosine(x[i])
    elif operation == _TANH:
        for i in range(size):
            x[i] = hyperbolic_tangent(x[i])
        if derive:
            for i in range(size):
                dx[i] *= _ONE - x[i] * x[i]
    elif operation == _EXP:
        for i in range(size):
            x[i] = exponential(x[i])
        if derive:
            for i in range(size):
                dx[i] *= x[i]
    elif operation == _LOG:
        if derive:
            for i in range(size):
                dx[i] /= x[i]
        for i in range(size):
            x[i] = logarithm(x[i])
    else:
        for i in range(size):
            x[i] = math.sqrt(x[i])
        if derive:
            for i in range(size):
                dx[i] *= _HALF / x[i]


@exact
def _raise(x, dx, size, exponent, derive):
    """Raise to a whole power that is not 0."""
    if derive:
        for i in range(size):
            dx[i] *= np.float32(exponent) * _power(x[i], exponent - 1)
    for i in range(size):
        x[i] = _power(x[i], exponent)


@exact
def _power(x, exponent):
    """Return x to a whole power of at most `LARGEST_POWER`, or the inverse of a larger one."""
    size = abs(exponent)
    square = x * x
    fourth = square * square
    power = x if size & 1 else _ONE
    power *= square if size & 2 else _ONE
    power *= fourth if size & 4 else _ONE
    power *= fourth * fourth if size & 8 else _ONE
    return power if exponent >= 0 else _ONE / power
