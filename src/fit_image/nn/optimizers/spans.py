"""The step of every optimizer along a span of the vectors, as kernels take it.

Slices come first and loops count from 0: of an index that might be negative, which numba takes from
the end, the compiler makes no vectors.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.jit import inner, kernel

SGD, MOMENTUM, ADAM = range(3)
"""Codes of the optimizers in kernels."""

SCALE, DECAY, MU = range(3)
BETA1, REST1, BETA2, REST2, CORRECTION, ROOT, EPSILON = range(2, 9)
RENEWAL = 9
CONSTANTS = 10
"""Columns of the constants of a step, and their number: the factor of the gradient, the decay of
the weights, that of the velocity; or beta1, 1 - beta1, beta2, 1 - beta2, 1 / c1, 1 / sqrt(c2) and
epsilon of Adam; and whether SOAP renews its bases."""


@inner
def step_span(code, vectors, start, stop, rate, constants):
    """Take the step of one span.

    ``vectors`` are the parameters, the gradient, and the two states of an optimizer, of which those
    that it lacks are not touched.
    """
    parameters, gradient, first, second = vectors
    if code == ADAM:
        _adam(parameters, gradient, (first, second), (start, stop), rate, constants)
    elif code == MOMENTUM:
        _momentum(parameters, gradient, first, (start, stop), rate, constants)
    else:
        p, g = parameters[start:stop], gradient[start:stop]
        rate *= constants[SCALE]
        for i in range(p.size):
            p[i] -= rate * g[i]


@inner
def _momentum(parameters, gradient, velocity, span, rate, constants):
    start, stop = span
    p, g, v = parameters[start:stop], gradient[start:stop], velocity[start:stop]
    scale, mu = constants[SCALE], constants[MU]
    for i in range(p.size):
        v_i = mu * v[i] + scale * g[i]
        v[i] = v_i
        p[i] -= rate * v_i


@inner
def _adam(parameters, gradient, moments, span, rate, constants):
    (first_moment, second_moment), (start, stop) = moments, span
    p, g = parameters[start:stop], gradient[start:stop]
    m, v = first_moment[start:stop], second_moment[start:stop]
    beta1, rest1, beta2 = constants[BETA1], constants[REST1], constants[BETA2]
    rest2, root, eps, scale = (
        constants[REST2],
        constants[ROOT],
        constants[EPSILON],
        constants[SCALE],
    )
    shrink = np.float32(1.0) - rate * constants[DECAY]
    rate *= constants[CORRECTION]
    for i in range(p.size):
        g_i = scale * g[i]
        m_i = beta1 * m[i] + rest1 * g_i
        v_i = beta2 * v[i] + rest2 * (g_i * g_i)
        m[i] = m_i
        v[i] = v_i
        p[i] = shrink * p[i] - rate * m_i / (np.sqrt(v_i) * root + eps)


@kernel
def update_kernel(code, vectors, spans, rates, constants):
    """Take the step of some spans (spans, 2), each with a learning rate."""
    for span in range(spans.shape[0]):
        step_span(code, vectors, spans[span, 0], spans[span, 1], rates[span], constants)
