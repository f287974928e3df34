"""The transforms of Winograd's convolution F(4 x 4, 3 x 3), for vectors of channels.

A square Y of 4 x 4 outputs is computed from a patch D of 6 x 6 inputs as Y = A'((G W G') (B' D B))A
with 36 products in place of 144 (Lavin and Gray, "Fast algorithms for convolutional neural
networks", CVPR 2016; the matrices are theirs). The gradients take the same way back: that with
respect to the products is A Y A', and G' U G turns the sum U of outer products into that with
respect to W. Each function here multiplies a column, or a row, by one of the matrices.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.jit import alwaysinline, inner
from fit_image.nn.runtime.simd import broadcast, fma, load_unaligned, store

_SIXTH = 1.0 / 6.0


@inner
def from_inputs(d):
    """Return B' d."""
    alwaysinline()
    a, b = _plus(d[4], -4.0, d[2]), _plus(d[3], -4.0, d[1])
    c, e = _plus(d[4], -1.0, d[2]), _plus(d[3], -1.0, d[1])
    return (
        _plus(_plus(d[4], -5.0, d[2]), 4.0, d[0]),
        _plus(a, 1.0, b),
        _plus(a, -1.0, b),
        _plus(c, 2.0, e),
        _plus(c, -2.0, e),
        _plus(_plus(d[5], -5.0, d[3]), 4.0, d[1]),
    )


@inner
def to_outputs(m):
    """Return A' m."""
    alwaysinline()
    s, d = _plus(m[1], 1.0, m[2]), _plus(m[1], -1.0, m[2])
    u, v = _plus(m[3], 1.0, m[4]), _plus(m[3], -1.0, m[4])
    return (
        _plus(_plus(m[0], 1.0, s), 1.0, u),
        _plus(d, 2.0, v),
        _plus(s, 4.0, u),
        _plus(_plus(m[5], 1.0, d), 8.0, v),
    )


@inner
def from_deltas(y):
    """Return A y."""
    alwaysinline()
    even, odd = _plus(y[0], 1.0, y[2]), _plus(y[1], 1.0, y[3])
    far, farther = _plus(y[0], 4.0, y[2]), _plus(_times(2.0, y[1]), 8.0, y[3])
    return (
        y[0],
        _plus(even, 1.0, odd),
        _plus(even, -1.0, odd),
        _plus(far, 1.0, farther),
        _plus(far, -1.0, farther),
        y[3],
    )


@inner
def from_weights(w):
    """Return G w."""
    alwaysinline()
    a, b = _times(-_SIXTH, _plus(w[0], 1.0, w[2])), _times(_SIXTH, w[1])
    c = _plus(_times(_SIXTH, w[2]), 0.25 * _SIXTH, w[0])
    return (
        _times(0.25, w[0]),
        _plus(a, -1.0, b),
        _plus(a, 1.0, b),
        _plus(c, 0.5, b),
        _plus(c, -0.5, b),
        w[2],
    )


@inner
def to_weights(u):
    """Return G' u."""
    alwaysinline()
    a, b = _plus(u[1], 1.0, u[2]), _plus(u[2], -1.0, u[1])
    c, d = _plus(u[3], 1.0, u[4]), _plus(u[3], -1.0, u[4])
    return (
        _plus(_plus(_times(0.25, u[0]), -_SIXTH, a), 0.25 * _SIXTH, c),
        _plus(_times(_SIXTH, b), 0.5 * _SIXTH, d),
        _plus(_plus(u[5], -_SIXTH, a), _SIXTH, c),
    )


@inner
def _plus(a, factor, b):
    """Return ``a + factor * b``."""
    alwaysinline()
    return fma(broadcast(np.float32(factor)), b, a)


@inner
def _times(factor, a):
    alwaysinline()
    return fma(broadcast(np.float32(factor)), a, broadcast(np.float32(0.0)))


@inner
def load_3(data, at, step):
    """Load three vectors that are ``step`` apart, from anywhere: images may not be aligned."""
    alwaysinline()
    return (
        load_unaligned(data, at),
        load_unaligned(data, at + step),
        load_unaligned(data, at + 2 * step),
    )


@inner
def load_4(data, at, step):
    """Load four vectors that are ``step`` apart."""
    alwaysinline()
    v = load_3(data, at, step)
    return v[0], v[1], v[2], load_unaligned(data, at + 3 * step)


@inner
def load_6(data, at, step):
    """Load six vectors that are ``step`` apart."""
    alwaysinline()
    v, w = load_3(data, at, step), load_3(data, at + 3 * step, step)
    return v[0], v[1], v[2], w[0], w[1], w[2]


@inner
def store_3(data, at, step, v):
    """Store three vectors ``step`` apart."""
    alwaysinline()
    store(data, at, v[0]), store(data, at + step, v[1]), store(data, at + 2 * step, v[2])


@inner
def store_4(data, at, step, v):
    """Store four vectors ``step`` apart."""
    alwaysinline()
    store_3(data, at, step, v)
    store(data, at + 3 * step, v[3])


@inner
def store_6(data, at, step, v):
    """Store six vectors ``step`` apart."""
    alwaysinline()
    store_3(data, at, step, v)
    store_3(data, at + 3 * step, step, (v[3], v[4], v[5]))
