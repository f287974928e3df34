"""Losses, and their gradients with respect to a network's output.

The loss of a sample is the sum over its outputs. Losses of an error are even functions: the sign of
an error may be that of output - target or the other way round, and is the sign of the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import inner, kernel

MSE, L1, HUBER = range(3)
LOSSES = {"mse": MSE, "l1": L1, "huber": HUBER}
"""Half the squared error; the absolute error; the one near zero and the other beyond.

Source of the third: P. J. Huber, "Robust estimation of a location parameter", 1964.
"""

HUBER_DELTA = np.float32(0.1)
"""Error from which Huber's loss is linear; at the usual 1, colours in 0..1 would have mse."""

# Numbers that are summed in single precision before they are added in double.
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


@kernel
def output_gradient_kernel(outputs, targets, grad_y, weights, losses, code):
    """Write the losses of some samples times their weights, and the gradient of these.

    Parameters
    ----------
    outputs, targets, grad_y : float32 (samples, numbers)
    weights : float32 (samples,)
    losses : float64 (samples,)
    code : int
        A value of `LOSSES`.
    """
    for i in range(outputs.shape[0]):
        y, t, g = outputs[i], targets[i], grad_y[i]
        loss = 0.0
        for c in range(y.size):
            error = y[c] - t[c]
            g[c] = weights[i] * error_gradient(error, code)
            loss += error_loss(error, code)
        losses[i] = weights[i] * loss


def mean_squared_error(outputs: FloatArray, targets: FloatArray, grad: FloatArray) -> float:
    """Return the mean squared error of all outputs, and write its gradient.

    All three are float32, C-contiguous, of equal shape, and not empty.
    """
    vectors = (each.reshape(-1) for each in (outputs, targets, grad))
    return float(_squared_error_kernel(*vectors, np.float32(2.0 / outputs.size))) / outputs.size


@kernel
def _squared_error_kernel(outputs, targets, grad, factor):
    total = 0.0
    for start in range(0, outputs.size, _SPAN):
        stop = min(start + _SPAN, outputs.size)
        y, t, g = outputs[start:stop], targets[start:stop], grad[start:stop]
        squares = np.float32(0.0)
        for i in range(y.size):
            error = y[i] - t[i]
            squares += error * error
            g[i] = factor * error
        total += np.float64(squares)
    return total


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of a batch of logits.

    Attributes
    ----------
    losses : float64 (samples,)
        In nats.
    grad : float32 (samples, classes)
        Gradient of the sum of the losses with respect to the logits.
    accuracy : float
        Share of the samples whose largest logit is that of their class; 0 of an empty batch.
    """

    losses: npt.NDArray[np.float64]
    grad: FloatArray
    accuracy: float


def cross_entropy(logits: FloatArray, labels: npt.NDArray[np.int64]) -> CrossEntropy:
    """Return minus the logarithm of the softmax of the labels' classes, and its gradient.

    Parameters
    ----------
    logits : float32 (samples, classes)
    labels : int64 (samples,)
        0 to classes - 1.

    Raises
    ------
    ValueError
        If the labels do not fit the logits.
    """
    classes = logits.shape[1]
    if labels.shape != logits.shape[:1] or ((labels < 0) | (labels >= classes)).any():
        raise ValueError(f"labels {labels.shape} do not fit logits {logits.shape}")
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    sums = powers.sum(axis=1, keepdims=True)
    right = np.arange(len(labels)), labels
    losses = np.log(sums[:, 0]) - shifted[right]
    grad = powers / sums
    grad[right] -= 1.0
    hits = logits.argmax(axis=1) == labels
    accuracy = float(hits.mean()) if len(labels) else 0.0
    return CrossEntropy(losses, grad.astype(np.float32), accuracy)
