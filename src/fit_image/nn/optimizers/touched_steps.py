"""The step of every optimizer along the noted runs of tables, as kernels take it.

What has no gradient is left alone. Runs are fetched into the cache before their turn.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.optimizers.spans import ADAM, MOMENTUM
from fit_image.nn.optimizers.touched import AHEAD, take_notes
from fit_image.nn.runtime.jit import inner, kernel
from fit_image.nn.runtime.simd import prefetch

TOUCHED_CONSTANTS = 10
"""Numbers that a step in tables needs at most; see `Optimizer.touched_constants`."""


@inner
def step_touched(code, vectors, notes, units, constants):
    """Take the step of some units of tables.

    ``vectors`` are those of `fit_image.nn.optimizers.spans.step_span`; ``units`` is where the
    tables begin in them, the first unit, and the one behind the last. Of the gradient, all that was
    used is set to zero, and the notes of the units are forgotten.
    """
    if code == ADAM:
        _adam(vectors, notes, units, constants)
    elif code == MOMENTUM:
        _momentum(vectors, notes, units, constants)
    else:
        _sgd(vectors, notes, units, constants)


@kernel
def update_touched_kernel(code, vectors, notes, units, constants):
    """Take the step of some units of tables; see `step_touched`."""
    step_touched(code, vectors, notes, units, constants)


@inner
def _sgd(vectors, notes, units, constants):
    parameters, gradient, _, _ = vectors
    tables, first_unit, stop_unit = units
    rate = constants[0]
    for unit in range(first_unit, stop_unit):
        first, stop, length = take_notes(notes, unit)
        for run in range(first, stop):
            ahead = tables + notes.starts[min(run + AHEAD, stop - 1)]
            prefetch(parameters, ahead)
            prefetch(gradient, ahead)
            start = tables + notes.starts[run]
            p, g = parameters[start : start + length], gradient[start : start + length]
            for i in range(length):
                p[i] -= rate * g[i]
                g[i] = np.float32(0.0)


@inner
def _momentum(vectors, notes, units, constants):
    parameters, gradient, velocity, _ = vectors
    tables, first_unit, stop_unit = units
    rate, scale, mu = constants[0], constants[1], constants[2]
    for unit in range(first_unit, stop_unit):
        first, stop, length = take_notes(notes, unit)
        for run in range(first, stop):
            ahead = tables + notes.starts[min(run + AHEAD, stop - 1)]
            prefetch(parameters, ahead)
            prefetch(gradient, ahead)
            prefetch(velocity, ahead)
            start = tables + notes.starts[run]
            end = start + length
            p, g, v = parameters[start:end], gradient[start:end], velocity[start:end]
            for i in range(length):
                touched = g[i] != np.float32(0.0)
                v_i = mu * v[i] + scale * g[i]
                v[i] = v_i if touched else v[i]
                p[i] = p[i] - rate * v_i if touched else p[i]
                g[i] = np.float32(0.0)


@inner
def _adam(vectors, notes, units, constants):
    parameters, gradient, first_moment, second_moment = vectors
    tables, first_unit, stop_unit = units
    rate, scale, shrink = constants[0], constants[1], constants[2]
    beta1, rest1, beta2, rest2 = constants[3], constants[4], constants[5], constants[6]
    root, eps = constants[8], constants[9]
    for unit in range(first_unit, stop_unit):
        first, stop, length = take_notes(notes, unit)
        for run in range(first, stop):
            ahead = tables + notes.starts[min(run + AHEAD, stop - 1)]
            prefetch(parameters, ahead)
            prefetch(gradient, ahead)
            prefetch(first_moment, ahead)
            prefetch(second_moment, ahead)
            start = tables + notes.starts[run]
            end = start + length
            p, g = parameters[start:end], gradient[start:end]
            m, v = first_moment[start:end], second_moment[start:end]
            for i in range(length):
                touched = g[i] != np.float32(0.0)
                g_i = scale * g[i]
                m_i = beta1 * m[i] + rest1 * g_i
                v_i = beta2 * v[i] + rest2 * (g_i * g_i)
                m[i] = m_i if touched else m[i]
                v[i] = v_i if touched else v[i]
                p_i = shrink * p[i] - rate * m_i / (np.sqrt(v_i) * root + eps)
                p[i] = p_i if touched else p[i]
                g[i] = np.float32(0.0)
