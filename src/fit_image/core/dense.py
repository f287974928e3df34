"""Dense layers: where their parameters lie, and their activations.

All parameters of a network lie in one flat float32 vector. A layer of ``fan_out`` units is a block
of ``fan_out`` rows; a row is one unit's ``fan_in`` weights, its bias, and zeros up to a multiple
of 16 numbers, so that every row starts on a cache line. A layer's input vector has the same shape:
``fan_in`` values, the constant 1 that the bias multiplies, zeros. Kernels then treat the bias as
one more weight, and the zeros never change: their gradient is zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fit_image.core.jit import inner, kernel

FloatArray = npt.NDArray[np.float32]

LEAKY_RELU = 0
IDENTITY = 1
ACTIVATIONS = {"leaky-relu": LEAKY_RELU, "identity": IDENTITY}

LANES = 16
"""Rows are padded to a multiple of this many float32 numbers (64 bytes, one cache line)."""

# Columns of the integer table that describes the layers to the kernels.
START, FAN_IN, FAN_OUT, STRIDE, ACTIVATION = range(5)


def aligned_zeros(*shape: int) -> FloatArray:
    """Return zeros of ``shape`` (float32) that start on a cache line.

    Vector loads that straddle two lines cost twice; numpy promises 16 bytes only.
    """
    size = int(np.prod(shape, dtype=np.int64))
    memory = np.zeros(size + LANES, dtype=np.float32)
    offset = -(memory.ctypes.data // memory.itemsize) % LANES
    return memory[offset : offset + size].reshape(shape)


def activate(values: FloatArray, units: int, activation: str, slope: float) -> None:
    """Apply an activation function in place to the first ``units`` columns of ``values``.

    ``values`` is float32 and C-contiguous, such as a batch of padded vectors.
    """
    if activation != "identity":
        _activate_kernel(values, units, ACTIVATIONS[activation], np.float32(slope))


def activate_into(values: FloatArray, sums: FloatArray, activation: str, slope: float) -> None:
    """Fill the first columns of ``values`` with the activation of ``sums``.

    Both are float32 and C-contiguous; ``values`` may be wider, such as padded vectors.
    """
    _activate_into_kernel(values, sums, ACTIVATIONS[activation], np.float32(slope))


def gradient_by_sums(sums: FloatArray, upstream: FloatArray, activation: str, slope: float) -> None:
    """Replace the weighted ``sums`` by the loss gradient there.

    That is ``upstream``, the gradient by the activated values, times the activation's derivative.
    """
    _gradient_by_sums_kernel(sums, upstream, ACTIVATIONS[activation], np.float32(slope))


def half_squared_errors(
    outputs: FloatArray, targets: FloatArray, losses: npt.NDArray[np.float64]
) -> None:
    """Fill ``losses`` with 1/2 sum_c (t_c - o_c)^2 and replace ``outputs`` by its gradient.

    Parameters
    ----------
    outputs, targets : float32 (samples, outputs), C-contiguous
    losses : float64 (samples,)
    """
    _half_squared_errors_kernel(outputs, targets, losses)


@inner
def activation(s, code, slope):
    """Return f(s) of the activation with this code; ``slope`` is that of leaky-relu below zero."""
    if code == LEAKY_RELU and s < np.float32(0.0):
        return slope * s
    return s


@inner
def derivative(s, code, slope):
    """Return f'(s)."""
    if code == LEAKY_RELU and s < np.float32(0.0):
        return slope
    return np.float32(1.0)


@kernel
def _activate_kernel(values, units, code, slope):
    for i in range(values.shape[0]):
        for j in range(units):
            values[i, j] = activation(values[i, j], code, slope)


@kernel
def _activate_into_kernel(values, sums, code, slope):
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            values[i, j] = activation(sums[i, j], code, slope)


@kernel
def _gradient_by_sums_kernel(sums, upstream, code, slope):
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            sums[i, j] = upstream[i, j] * derivative(sums[i, j], code, slope)


@kernel
def _half_squared_errors_kernel(outputs, targets, losses):
    for i in range(outputs.shape[0]):
        loss = 0.0
        for c in range(outputs.shape[1]):
            error = outputs[i, c] - targets[i, c]
            outputs[i, c] = error
            loss += 0.5 * np.float64(error) * np.float64(error)
        losses[i] = loss
