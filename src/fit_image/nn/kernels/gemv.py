"""Products of a matrix and a vector (gemv), fused with the rank-1 update (ger) of a step of SGD.

The rows of a matrix are its inputs or, where these are more, its outputs: long rows are fastest.
They are padded with zeros to whole vectors, and their number to groups of four, which a loop
takes at a time. A bias is the weight of one more input, which is always 1. The padding stays zero,
because it is multiplied by inputs and deltas that are zero.

Backward, one pass over the weights reads them as they were, for the gradient by the inputs, and
writes them as the step leaves them.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.jit import inner
from fit_image.nn.runtime.simd import WIDTH, broadcast, fma, load, store, store_hsums

GROUP = 4
"""Rows that a loop takes at a time."""

# A matrix in a table: its offset, rows, numbers in a row, and whether rows are inputs.
START, ROWS, LENGTH, ROWS_ARE_INPUTS = range(4)


@inner
def _gemv_by_inputs(memory, w, rows, length, x, s):
    """S = W^T x for rows that are inputs."""
    for j in range(0, length, WIDTH):
        store(memory, s + j, broadcast(np.float32(0.0)))
    for i in range(0, rows, GROUP):
        r0 = w + i * length
        r1, r2, r3 = r0 + length, r0 + 2 * length, r0 + 3 * length
        x0, x1 = broadcast(memory[x + i]), broadcast(memory[x + i + 1])
        x2, x3 = broadcast(memory[x + i + 2]), broadcast(memory[x + i + 3])
        for j in range(0, length, WIDTH):
            sum01 = fma(load(memory, r0 + j), x0, load(memory, s + j))
            sum01 = fma(load(memory, r1 + j), x1, sum01)
            sum01 = fma(load(memory, r2 + j), x2, sum01)
            store(memory, s + j, fma(load(memory, r3 + j), x3, sum01))


@inner
def _gemv_by_outputs(memory, w, rows, length, x, s):
    """S = W x for rows that are outputs."""
    for i in range(0, rows, GROUP):
        r0 = w + i * length
        r1, r2, r3 = r0 + length, r0 + 2 * length, r0 + 3 * length
        s0 = s1 = s2 = s3 = broadcast(np.float32(0.0))
        for j in range(0, length, WIDTH):
            v = load(memory, x + j)
            s0 = fma(load(memory, r0 + j), v, s0)
            s1 = fma(load(memory, r1 + j), v, s1)
            s2 = fma(load(memory, r2 + j), v, s2)
            s3 = fma(load(memory, r3 + j), v, s3)
        store_hsums(memory, s + i, s0, s1, s2, s3)


@inner
def _gemv_ger_by_inputs(memory, w, rows, length, x, d, rate, g):
    """G = W d with the weights as they were, then W += rate x d^T, for rows that are inputs."""
    for i in range(0, rows, GROUP):
        r0 = w + i * length
        r1, r2, r3 = r0 + length, r0 + 2 * length, r0 + 3 * length
        x0, x1 = broadcast(rate * memory[x + i]), broadcast(rate * memory[x + i + 1])
        x2, x3 = broadcast(rate * memory[x + i + 2]), broadcast(rate * memory[x + i + 3])
        g0 = g1 = g2 = g3 = broadcast(np.float32(0.0))
        for j in range(0, length, WIDTH):
            v = load(memory, d + j)
            w0, w1 = load(memory, r0 + j), load(memory, r1 + j)
            w2, w3 = load(memory, r2 + j), load(memory, r3 + j)
            g0, g1 = fma(w0, v, g0), fma(w1, v, g1)
            g2, g3 = fma(w2, v, g2), fma(w3, v, g3)
            store(memory, r0 + j, fma(x0, v, w0))
            store(memory, r1 + j, fma(x1, v, w1))
            store(memory, r2 + j, fma(x2, v, w2))
            store(memory, r3 + j, fma(x3, v, w3))
        store_hsums(memory, g + i, g0, g1, g2, g3)


@inner
def _gemv_ger_by_outputs(memory, w, rows, length, x, d, rate, g):
    """G = W^T d with the weights as they were, then W += rate d x^T, for rows that are outputs."""
    for j in range(0, length, WIDTH):
        store(memory, g + j, broadcast(np.float32(0.0)))
    for i in range(0, rows, GROUP):
        r0 = w + i * length
        r1, r2, r3 = r0 + length, r0 + 2 * length, r0 + 3 * length
        d0, d1 = memory[d + i], memory[d + i + 1]
        d2, d3 = memory[d + i + 2], memory[d + i + 3]
        v0, v1, v2, v3 = broadcast(d0), broadcast(d1), broadcast(d2), broadcast(d3)
        u0, u1 = broadcast(rate * d0), broadcast(rate * d1)
        u2, u3 = broadcast(rate * d2), broadcast(rate * d3)
        for j in range(0, length, WIDTH):
            v = load(memory, x + j)
            w0, w1 = load(memory, r0 + j), load(memory, r1 + j)
            w2, w3 = load(memory, r2 + j), load(memory, r3 + j)
            gradient = fma(w1, v1, fma(w0, v0, load(memory, g + j)))
            store(memory, g + j, fma(w3, v3, fma(w2, v2, gradient)))
            store(memory, r0 + j, fma(u0, v, w0))
            store(memory, r1 + j, fma(u1, v, w1))
            store(memory, r2 + j, fma(u2, v, w2))
            store(memory, r3 + j, fma(u3, v, w3))


@inner
def gemv(memory, matrix, x, s):
    """S = W x, for vectors at the offsets ``x`` and ``s``; ``matrix`` is a row of the table."""
    w, rows, length = matrix[START], matrix[ROWS], matrix[LENGTH]
    if matrix[ROWS_ARE_INPUTS]:
        _gemv_by_inputs(memory, w, rows, length, x, s)
    else:
        _gemv_by_outputs(memory, w, rows, length, x, s)


@inner
def gemv_ger(memory, matrix, x, d, rate, g):
    """G = W^T d, then W += rate d x^T, for vectors at the offsets ``x``, ``d`` and ``g``."""
    w, rows, length = matrix[START], matrix[ROWS], matrix[LENGTH]
    if matrix[ROWS_ARE_INPUTS]:
        _gemv_ger_by_inputs(memory, w, rows, length, x, d, rate, g)
    else:
        _gemv_ger_by_outputs(memory, w, rows, length, x, d, rate, g)
