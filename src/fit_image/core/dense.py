"""Dense layers: their activations, and the kernels that draw and train with them.

All parameters of a network lie in one flat float32 vector. A layer of ``fan_out`` units is a block
of ``fan_out`` rows; a row is one unit's ``fan_in`` weights, its bias, and zeros up to a multiple
of 16 numbers, so that every row starts on a cache line. A layer's input vector has the same shape:
``fan_in`` values, the constant 1 that the bias multiplies, zeros. Kernels then treat the bias as
one more weight, and the zeros never change: their gradient is zero.

The kernels that call each other live in this one file because numba's cache does not see edits
in another.
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


def sgd_steps(
    parameters: FloatArray,
    table: npt.NDArray[np.int64],
    slopes: FloatArray,
    rates: FloatArray,
    inputs: FloatArray,
    targets: FloatArray,
    loss_sum: npt.NDArray[np.float64],
    scratch: FloatArray,
) -> None:
    """Take one step of plain gradient descent per sample, in order, each seeing all before it.

    For a sample with output ``o`` and target ``t`` the loss is 1/2 sum_c (t_c - o_c)^2. Source:
    the program ``evolvingstuff/MonaLisa``.

    Parameters
    ----------
    parameters : float32, the network's flat vector; changed in place
    table : int64 (layers, 5); see `START` and the names beside it
    slopes : float32 (layers,), the slope of each layer's activation below zero
    rates : float32 (layers,), the learning rate of each layer
    inputs : float32 (samples, inputs)
    targets : float32 (samples, outputs)
    loss_sum : float64 (1,); the samples' losses are added to it one by one, so that the sum does
        not depend on how an epoch is cut into calls
    scratch : float32 from `sgd_scratch`, reusable between calls
    """
    if inputs.shape != (len(targets), table[0, FAN_IN]) or targets.shape[1] != table[-1, FAN_OUT]:
        raise ValueError(f"shapes of samples {inputs.shape} and {targets.shape} do not fit")
    _sgd_steps_kernel(
        parameters,
        table,
        slopes,
        rates,
        np.ascontiguousarray(inputs, dtype=np.float32),
        np.ascontiguousarray(targets, dtype=np.float32),
        loss_sum,
        scratch,
    )


def sgd_scratch(table: npt.NDArray[np.int64]) -> FloatArray:
    """Return working memory for `sgd_steps`: one row per layer boundary for each of its vectors."""
    widest = int(max(table[:, STRIDE].max(), -(-table[:, FAN_OUT].max() // LANES) * LANES))
    scratch = aligned_zeros(3, len(table) + 1, widest)
    for layer, fan_in in enumerate(table[:, FAN_IN]):
        scratch[0, layer, fan_in] = 1.0  # multiplies the bias
    return scratch


@inner
def _activation(s, code, slope):
    if code == LEAKY_RELU and s < np.float32(0.0):
        return slope * s
    return s


@inner
def _derivative(s, code, slope):
    if code == LEAKY_RELU and s < np.float32(0.0):
        return slope
    return np.float32(1.0)


@kernel
def _activate_kernel(values, units, code, slope):
    for i in range(values.shape[0]):
        for j in range(units):
            values[i, j] = _activation(values[i, j], code, slope)


@kernel
def _activate_into_kernel(values, sums, code, slope):
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            values[i, j] = _activation(sums[i, j], code, slope)


@kernel
def _gradient_by_sums_kernel(sums, upstream, code, slope):
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            sums[i, j] = upstream[i, j] * _derivative(sums[i, j], code, slope)


@kernel
def _half_squared_errors_kernel(outputs, targets, losses):
    for i in range(outputs.shape[0]):
        loss = 0.0
        for c in range(outputs.shape[1]):
            error = outputs[i, c] - targets[i, c]
            outputs[i, c] = error
            loss += 0.5 * np.float64(error) * np.float64(error)
        losses[i] = loss


@inner
def _weighted_sums(parameters, start, fan_out, stride, x, s):
    """S = W x. Four rows at a time, so that each x[j] is loaded once for four products."""
    # The compiler sees that the length is a multiple of LANES and leaves out the odd remainder.
    length = stride // LANES * LANES
    grouped = fan_out // 4 * 4
    for i in range(0, grouped, 4):
        w0 = parameters[start + i * stride :][:length]
        w1 = parameters[start + (i + 1) * stride :][:length]
        w2 = parameters[start + (i + 2) * stride :][:length]
        w3 = parameters[start + (i + 3) * stride :][:length]
        s0 = s1 = s2 = s3 = np.float32(0.0)
        for j in range(length):
            s0 += w0[j] * x[j]
            s1 += w1[j] * x[j]
            s2 += w2[j] * x[j]
            s3 += w3[j] * x[j]
        s[i], s[i + 1], s[i + 2], s[i + 3] = s0, s1, s2, s3
    for i in range(grouped, fan_out):
        w0 = parameters[start + i * stride :][:length]
        s0 = np.float32(0.0)
        for j in range(length):
            s0 += w0[j] * x[j]
        s[i] = s0


@inner
def _descend(parameters, start, fan_out, stride, x, d, rate, g):
    """G = W^T d with the weights as they were, and W += rate d x^T, in one sweep over W."""
    length = stride // LANES * LANES
    grouped = fan_out // 4 * 4
    g[:length] = np.float32(0.0)
    for i in range(0, grouped, 4):
        w0 = parameters[start + i * stride :][:length]
        w1 = parameters[start + (i + 1) * stride :][:length]
        w2 = parameters[start + (i + 2) * stride :][:length]
        w3 = parameters[start + (i + 3) * stride :][:length]
        d0, d1, d2, d3 = d[i], d[i + 1], d[i + 2], d[i + 3]
        r0, r1, r2, r3 = rate * d0, rate * d1, rate * d2, rate * d3
        for j in range(length):
            g[j] += d0 * w0[j] + d1 * w1[j] + d2 * w2[j] + d3 * w3[j]
            w0[j] += r0 * x[j]
            w1[j] += r1 * x[j]
            w2[j] += r2 * x[j]
            w3[j] += r3 * x[j]
    for i in range(grouped, fan_out):
        w0 = parameters[start + i * stride :][:length]
        d0 = d[i]
        r0 = rate * d0
        for j in range(length):
            g[j] += d0 * w0[j]
            w0[j] += r0 * x[j]


@kernel
def _sgd_steps_kernel(parameters, table, slopes, rates, inputs, targets, loss_sum, scratch):
    layers = table.shape[0]
    outputs = table[layers - 1, FAN_OUT]
    # Row l: the input of layer l; the derivatives at its weighted sums; the loss gradient there
    # with its sign turned, which is the direction of descent.
    values, derivatives, descents = scratch[0], scratch[1], scratch[2]
    for sample in range(inputs.shape[0]):
        for j in range(inputs.shape[1]):
            values[0, j] = inputs[sample, j]

        for layer in range(layers):
            _weighted_sums(
                parameters,
                table[layer, START],
                table[layer, FAN_OUT],
                table[layer, STRIDE],
                values[layer],
                values[layer + 1],
            )
            code, slope = table[layer, ACTIVATION], slopes[layer]
            for i in range(table[layer, FAN_OUT]):
                s = values[layer + 1, i]
                values[layer + 1, i] = _activation(s, code, slope)
                derivatives[layer, i] = _derivative(s, code, slope)

        loss = 0.0
        for c in range(outputs):
            error = targets[sample, c] - values[layers, c]
            descents[layers, c] = error
            loss += 0.5 * np.float64(error) * np.float64(error)
        loss_sum[0] += loss

        for layer in range(layers - 1, -1, -1):
            d = descents[layer + 1]
            for i in range(table[layer, FAN_OUT]):
                d[i] *= derivatives[layer, i]
            _descend(
                parameters,
                table[layer, START],
                table[layer, FAN_OUT],
                table[layer, STRIDE],
                values[layer],
                d,
                rates[layer],
                descents[layer],
            )
