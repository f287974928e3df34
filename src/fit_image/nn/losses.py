"""Losses: what an error of an output costs, and how fast that grows with the error.

A sample's loss is the sum over its outputs. Losses are even functions: the sign of an error may be
that of output - target or the other way round, and is the sign of the gradient.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import inner, kernel

MSE = 0
L1 = 1
HUBER = 2
LOSSES = {"mse": MSE, "l1": L1, "huber": HUBER}
"""Half the squared error; the absolute error; the one near zero and the other beyond.

Source of the third: P. J. Huber, "Robust estimation of a location parameter", 1964.
"""

HUBER_DELTA = np.float32(0.1)
"""Where Huber's loss turns linear. Colours lie in 0..1: at 1, the usual place, it would be mse."""

# Numbers that are summed up in single precision before they are in double.
_SPAN = 4096


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


def mean_squared_error(outputs: FloatArray, targets: FloatArray, by_outputs: FloatArray) -> float:
    """Return the mean squared error of all outputs, and write its derivative by each.

    Parameters
    ----------
    outputs, targets, by_outputs : float32, C-contiguous, of equal shape
        One number at least.
    """
    vectors = (each.reshape(-1) for each in (outputs, targets, by_outputs))
    return float(_squared_error_kernel(*vectors, np.float32(2.0 / outputs.size))) / outputs.size


@kernel
def _squared_error_kernel(outputs, targets, by_outputs, factor):
    total = 0.0
    for start in range(0, outputs.size, _SPAN):
        stop = min(start + _SPAN, outputs.size)
        y, t, g = outputs[start:stop], targets[start:stop], by_outputs[start:stop]
        squares = np.float32(0.0)
        for i in range(y.size):
            error = y[i] - t[i]
            squares += error * error
            g[i] = factor * error
        total += np.float64(squares)
    return total
