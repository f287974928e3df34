"""Sine, cosine, tanh, exponential and logarithm of float32, which the compiler vectorises.

The functions of the system's library are correct to the last bit, and take one number at a time.
These have errors of about 1e-7 and no branch, so that a loop over them becomes vector code.
An argument is reduced to a small interval by subtracting a multiple of a constant, given in parts
that have few digits, so that the products are exact (Cody and Waite, "Software manual for the
elementary functions", 1980). There a minimax polynomial, found by Remez' exchange, takes over; of
tanh, a quotient of two, found by least squares with weights that grow with the error (Lawson).
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import types

from fit_image.nn.runtime.jit import exact, intrinsic
from fit_image.nn.runtime.simd import broadcast, fma, maximum, minimum, reciprocal

# Adding this leaves no room for a fraction, and the lowest bits hold the nearest whole number.
_ROUNDER = np.float32(1.5 * 2.0**23)

_ZERO, _INFINITY, _NAN = np.float32(0.0), np.float32(np.inf), np.float32(np.nan)
_HALF, _ONE = np.float32(0.5), np.float32(1.0)

_OVER_PI = np.float32(1.0 / np.pi)
_PI_1, _PI_2, _PI_3 = np.float32(3.140625), np.float32(9.6750259e-4), np.float32(1.5099580e-7)

# sin r = r + r^3 (s0 + s1 r^2 + ...) for |r| <= pi / 2, with an error below 5e-9.
_S0, _S1 = np.float32(-0.16666657), np.float32(8.333016e-3)
_S2, _S3 = np.float32(-1.9806529e-4), np.float32(2.5998618e-6)

_LN2 = np.float32(np.log(2.0))
_OVER_LN2 = np.float32(1.0 / np.log(2.0))
_LN2_1, _LN2_2 = np.float32(0.69287109375), np.float32(2.760868e-4)

# Beyond, powers of 2 have no normal number.
_MIN_EXPONENT, _MAX_EXPONENT = np.float32(-87.3), np.float32(88.3)

# exp r = 1 + r + r^2 (e0 + e1 r + ...) for |r| <= ln 2 / 2, with an error below 3e-9.
_E0, _E1 = np.float32(0.5), np.float32(0.16666518)
_E2, _E3, _E4 = np.float32(4.1666206e-2), np.float32(8.368953e-3), np.float32(1.3950602e-3)

# tanh x = x (a0 + a1 x^2 + ...) / (1 + b1 x^2 + ...) for |x| <= 8, with a relative error of 7e-9
# before rounding; beyond, it is 1 up to 2e-7.
_TANH_BOUND = np.float32(8.0)
_A1, _A2 = np.float32(0.13444507), np.float32(3.5716086e-3)
_A3, _A4 = np.float32(2.1894837e-5), np.float32(1.5230667e-8)
_B1, _B2 = np.float32(0.46777835), np.float32(2.6164483e-2)
_B3, _B4 = np.float32(3.4113092e-4), np.float32(8.5225469e-7)

# log(1 + x) = x + x^2 (l0 + l1 x + ...) for 0 <= x <= 1, with an error below 7e-9.
_L0, _L1, _L2 = np.float32(-0.49998897), np.float32(0.33307266), np.float32(-0.24758694)
_L3, _L4, _L5 = np.float32(0.18807475), np.float32(-0.13079216), np.float32(7.1803756e-2)
_L6, _L7 = np.float32(-2.5785115e-2), np.float32(4.349205e-3)


@intrinsic
def _negative_if_odd(typing_context, number, rounded):
    """Return a number, or its negative if n of n + ``_ROUNDER`` is odd."""

    def generate(context, builder, signature, arguments):
        integer = ir.IntType(32)
        bits, odd = (builder.bitcast(each, integer) for each in arguments)
        sign = builder.shl(odd, ir.Constant(integer, 31))
        return builder.bitcast(builder.xor(bits, sign), ir.FloatType())

    return types.float32(types.float32, types.float32), generate


@exact
def _reduced_sine(x, halfturns, rounded):
    """Return sin(x - halfturns pi), or its negative if n of ``rounded``, n + _ROUNDER, is odd."""
    r = ((x - halfturns * _PI_1) - halfturns * _PI_2) - halfturns * _PI_3
    r = _negative_if_odd(r, rounded)
    u = r * r
    return r + (r * u) * (_S0 + u * (_S1 + u * (_S2 + u * _S3)))


@exact
def sine(x):
    """Return sin x, with an error of 1e-7 for |x| up to 1e4; NaN for infinity."""
    rounded = x * _OVER_PI + _ROUNDER
    return _reduced_sine(x, rounded - _ROUNDER, rounded)


@exact
def cosine(x):
    """Return cos x, with an error of 1e-7 for |x| up to 1e4; NaN for infinity."""
    # cos x = sin(pi / 2 - x), and pi / 2 is half a half-turn.
    rounded = (x * _OVER_PI - _HALF) + _ROUNDER
    return -_reduced_sine(x, (rounded - _ROUNDER) + _HALF, rounded)


@intrinsic
def _power_of_two(typing_context, rounded):
    """Return 2^n of n + ``_ROUNDER``."""

    def generate(context, builder, signature, arguments):
        integer, number = ir.IntType(32), ir.FloatType()
        exponent = builder.shl(builder.bitcast(arguments[0], integer), ir.Constant(integer, 23))
        one = ir.Constant(integer, 127 << 23)
        return builder.bitcast(builder.add(exponent, one), number)

    return types.float32(types.float32), generate


@exact
def exponential(x):
    """Return exp x, clamped to the range of float32, with a relative error below 2e-7."""
    # In this order of comparing, NaN stays NaN.
    x = _MIN_EXPONENT if x < _MIN_EXPONENT else x
    x = _MAX_EXPONENT if x > _MAX_EXPONENT else x
    rounded = x * _OVER_LN2 + _ROUNDER
    n = rounded - _ROUNDER
    r = (x - n * _LN2_1) - n * _LN2_2
    p = _E0 + r * (_E1 + r * (_E2 + r * (_E3 + r * _E4)))
    return (_ONE + (r + (r * r) * p)) * _power_of_two(rounded)


@exact
def hyperbolic_tangent(x):
    """Return tanh x, with a relative error below 3e-7."""
    x = -_TANH_BOUND if x < -_TANH_BOUND else x
    x = _TANH_BOUND if x > _TANH_BOUND else x
    u = x * x
    above = x * (_ONE + u * (_A1 + u * (_A2 + u * (_A3 + u * _A4))))
    return above / (_ONE + u * (_B1 + u * (_B2 + u * (_B3 + u * _B4))))


@exact
def hyperbolic_tangents(x):
    """Return tanh of each lane of a vector of `fit_image.nn.runtime.simd`."""
    x = minimum(maximum(x, broadcast(-_TANH_BOUND)), broadcast(_TANH_BOUND))
    zero, one = broadcast(np.float32(0.0)), broadcast(_ONE)
    u = fma(x, x, zero)
    above = fma(u, broadcast(_A4), broadcast(_A3))
    above = fma(u, fma(u, above, broadcast(_A2)), broadcast(_A1))
    above = fma(x, fma(u, above, one), zero)
    below = fma(u, broadcast(_B4), broadcast(_B3))
    below = fma(u, fma(u, below, broadcast(_B2)), broadcast(_B1))
    return fma(above, reciprocal(fma(u, below, one)), zero)


@intrinsic
def _split(typing_context, number):
    """Return m and n of a positive number m 2^n, with m from 1 on and below 2."""

    def generate(context, builder, signature, arguments):
        integer, number = ir.IntType(32), ir.FloatType()
        bits = builder.bitcast(arguments[0], integer)
        exponent = builder.lshr(bits, ir.Constant(integer, 23))
        exponent = builder.sub(exponent, ir.Constant(integer, 127))
        fraction = builder.and_(bits, ir.Constant(integer, (1 << 23) - 1))
        fraction = builder.or_(fraction, ir.Constant(integer, 127 << 23))
        parts = [builder.bitcast(fraction, number), builder.sitofp(exponent, number)]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(types.float32, 2)(types.float32), generate


@exact
def logarithm(x):
    """Return log x, with an error of 2e-7 for a value of 1; NaN below zero."""
    fraction, exponent = _split(x)
    y = exponent * _LN2 + log_one_plus(fraction - _ONE)
    y = -_INFINITY if x == _ZERO else y
    y = _NAN if x < _ZERO else y
    # Infinity and NaN are their own.
    return y if x < _INFINITY else x


@exact
def log_one_plus(x):
    """Return log(1 + x) for x in 0..1, with an error below 1e-7."""
    p = _L3 + x * (_L4 + x * (_L5 + x * (_L6 + x * _L7)))
    return x + (x * x) * (_L0 + x * (_L1 + x * (_L2 + x * p)))
