"""Losses: what an error of an output costs, and how fast that grows with the error.

A sample's loss is the sum over its outputs. Losses are even functions: the sign of an error may be
that of output - target or the other way round, and is the sign of the gradient.
"""

from __future__ import annotations

import numpy as np

from fit_image.core.jit import inner

MSE = 0
L1 = 1
HUBER = 2
LOSSES = {"mse": MSE, "l1": L1, "huber": HUBER}
"""Half the squared error; the absolute error; the one near zero and the other beyond.

Source of the third: P. J. Huber, "Robust estimation of a location parameter", 1964.
"""

HUBER_DELTA = np.float32(0.1)
"""Where Huber's loss turns linear. Colours lie in 0..1: at 1, the usual place, it would be mse."""


@inner
def error_loss(error, code):
    """Return the loss of one output, in double precision."""
    e = np.float64(error)
    if code == L1:
        return abs(e)
    if code == HUBER and abs(e) > HUBER_DELTA:
        return HUBER_DELTA * (abs(e) - 0.5 * HUBER_DELTA)
    return 0.5 * e * e


@inner
def error_gradient(error, code):
    """Return the derivative of `error_loss` by the error; that of l1 is 0 at 0."""
    if code == L1:
        return np.sign(error)
    if code == HUBER:
        return min(max(error, -HUBER_DELTA), HUBER_DELTA)
    return error
