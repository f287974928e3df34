"""Slow float64 twins of the stages of a chain, written from the books and not from the package.

A twin has ``split``, which returns the parameters that are used, as views of a vector laid out as
the package's; ``forward``; and ``backward``, which returns derivatives by parameters, shaped like
``split`` returns them, and by inputs.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np

from naive import NAIVE_ACTIVATIONS

LINE = 16  # numbers to which rows are padded


def _up(count):
    return math.ceil(count / LINE) * LINE


class _Activated:
    def __init__(self, activation="identity", slope=0.01, omega=30.0, scale=10.0):
        self._constants = SimpleNamespace(slope=slope, omega=omega, scale=scale)
        self._f, self._df = NAIVE_ACTIVATIONS[activation]

    def _each(self, function, sums):
        values = [function(float(s), self._constants) for s in sums.ravel()]
        return np.array(values).reshape(sums.shape)

    def forward(self, parameters, inputs):
        return self._each(self._f, self.sums(parameters, inputs))

    def backward(self, parameters, inputs, by_outputs):
        slopes = self._each(self._df, self.sums(parameters, inputs))
        return self.back(parameters, inputs, slopes * by_outputs)


class NaiveDense(_Activated):
    """s_j = b_j + sum_i w_ij x_i."""

    def __init__(self, units, **activation):
        super().__init__(**activation)
        self.units = units

    def split(self, vector):
        rows = vector.reshape(-1, _up(self.units))[:, : self.units]
        return [rows[:-1], rows[-1]]

    def sums(self, parameters, inputs):
        weights, biases = parameters
        sums = np.empty((len(inputs), self.units))
        for n, sample in enumerate(inputs):
            for j in range(self.units):
                sums[n, j] = biases[j] + math.fsum(sample.ravel() * weights[:, j])
        return sums

    def back(self, parameters, inputs, deltas):
        weights, _ = parameters
        by_weights, by_biases = np.zeros_like(weights), np.zeros(self.units)
        by_inputs = np.zeros(inputs.shape)
        for n, sample in enumerate(inputs):
            for j in range(self.units):
                by_biases[j] += deltas[n, j]
                by_weights[:, j] += deltas[n, j] * sample.ravel()
                by_inputs[n] += deltas[n, j] * weights[:, j].reshape(sample.shape)
        return [by_weights, by_biases], by_inputs


class NaiveMirrored(NaiveDense):
    """A dense stage with the biases of its mirror behind."""

    def __init__(self, units, fan_in, **activation):
        super().__init__(units, **activation)
        self.fan_in = fan_in

    def split(self, vector):
        width = _up(self.units)
        end = (self.fan_in + 1) * width
        return [*super().split(vector[:end]), vector[end : end + self.fan_in]]

    def sums(self, parameters, inputs):
        return super().sums(parameters[:2], inputs)

    def back(self, parameters, inputs, deltas):
        by_parameters, by_inputs = super().back(parameters[:2], inputs, deltas)
        return [*by_parameters, np.zeros(self.fan_in)], by_inputs


class NaiveMirror(_Activated):
    """s_i = c_i + sum_j w_ij h_j, given the parameters of a `NaiveMirrored` stage."""

    def __init__(self, dense, shape, **activation):
        super().__init__(**activation)
        self.dense, self.shape = dense, shape

    def split(self, vector):
        return self.dense.split(vector)

    def sums(self, parameters, inputs):
        weights, _, biases = parameters
        sums = np.empty((len(inputs), *self.shape))
        for n, code in enumerate(inputs):
            for i in range(len(weights)):
                sums[n].flat[i] = biases[i] + math.fsum(code * weights[i])
        return sums

    def back(self, parameters, inputs, deltas):
        weights, biases, _ = parameters
        by_weights, by_biases = np.zeros(weights.shape), np.zeros(len(weights))
        by_inputs = np.zeros(inputs.shape)
        for n, code in enumerate(inputs):
            for i, delta in enumerate(deltas[n].flat):
                by_biases[i] += delta
                by_weights[i] += delta * code
                by_inputs[n] += delta * weights[i]
        return [by_weights, np.zeros(len(biases)), by_biases], by_inputs


class NaiveConvolution(_Activated):
    """TensorFlow's ``conv2d`` with ``padding="SAME"``, from its documentation.

    n rows become ceil(n / stride); of the zeros that are lacking, the smaller half lies before.
    """

    def __init__(self, units, side, stride, **activation):
        super().__init__(**activation)
        self.units, self.side, self.stride = units, side, stride

    def split(self, vector):
        rows = vector.reshape(-1, _up(self.units))[:, : self.units]
        return [rows[:-1], rows[-1]]

    def _zeros(self, length):
        out = math.ceil(length / self.stride)
        lacking = max((out - 1) * self.stride + self.side - length, 0)
        return out, lacking // 2, lacking - lacking // 2

    def _padded(self, inputs):
        _, above, below = self._zeros(inputs.shape[1])
        _, before, behind = self._zeros(inputs.shape[2])
        return np.pad(inputs, ((0, 0), (above, below), (before, behind), (0, 0)))

    def _squares(self, weights, inputs):
        """Yield where each unit looks, and by which weights: place, pixel, and (maps, units)."""
        height, width, maps = inputs.shape[1:]
        weights = weights.reshape(self.side, self.side, maps, self.units)
        for y in range(self._zeros(height)[0]):
            for x in range(self._zeros(width)[0]):
                for k in range(self.side):
                    for l in range(self.side):  # noqa: E741
                        pixel = y * self.stride + k, x * self.stride + l
                        yield (y, x), pixel, weights[k, l]

    def sums(self, parameters, inputs):
        weights, biases = parameters
        outs = [self._zeros(length)[0] for length in inputs.shape[1:3]]
        padded, sums = self._padded(inputs), np.zeros((len(inputs), *outs, self.units))
        for (y, x), (i, j), square in self._squares(weights, inputs):
            sums[:, y, x] += padded[:, i, j] @ square
        return sums + biases

    def back(self, parameters, inputs, deltas):
        weights, _ = parameters
        padded, by_weights = self._padded(inputs), np.zeros(weights.shape)
        by_padded = np.zeros(padded.shape)
        for (y, x), (i, j), square in self._squares(weights, inputs):
            by_padded[:, i, j] += deltas[:, y, x] @ square.T
        for (y, x), (i, j), square in self._squares(by_weights, inputs):
            square += padded[:, i, j].T @ deltas[:, y, x]
        (_, top, _), (_, left, _) = map(self._zeros, inputs.shape[1:3])
        height, width = inputs.shape[1:3]
        by_inputs = by_padded[:, top : top + height, left : left + width]
        return [by_weights, deltas.sum(axis=(0, 1, 2))], by_inputs


class NaiveNormalisation(_Activated):
    """Ioffe and Szegedy 2015, algorithm 1, and the derivatives of section 3, line by line."""

    def __init__(self, maps, **activation):
        super().__init__(**activation)
        self.maps = maps

    def split(self, vector):
        return [row[: self.maps] for row in vector.reshape(2, _up(self.maps))]

    def sums(self, parameters, inputs):
        sums = np.empty(inputs.shape)
        for j, (gamma, beta) in enumerate(zip(*parameters, strict=True)):
            x = inputs[..., j]
            mean = x.mean()
            variance = ((x - mean) ** 2).mean()
            sums[..., j] = gamma * (x - mean) / math.sqrt(variance + 1e-5) + beta
        return sums

    def back(self, parameters, inputs, deltas):
        by_gammas, by_betas = np.zeros(self.maps), np.zeros(self.maps)
        by_inputs = np.empty(inputs.shape)
        for j, gamma in enumerate(parameters[0]):
            x, by_y = inputs[..., j], deltas[..., j]
            m, mean = x.size, x.mean()
            variance = ((x - mean) ** 2).mean()
            deviation = math.sqrt(variance + 1e-5)
            by_hat = by_y * gamma
            by_variance = (by_hat * (x - mean)).sum() * -0.5 / deviation**3
            by_mean = -by_hat.sum() / deviation + by_variance * (-2 * (x - mean)).mean()
            by_inputs[..., j] = by_hat / deviation + by_variance * 2 * (x - mean) / m + by_mean / m
            by_gammas[j] = (by_y * (x - mean) / deviation).sum()
            by_betas[j] = by_y.sum()
        return [by_gammas, by_betas], by_inputs


class NaiveNothing:
    """What dropout is where nothing is left out."""

    def split(self, vector):
        return []

    def forward(self, parameters, inputs):
        return inputs

    def backward(self, parameters, inputs, by_outputs):
        return [], by_outputs


class NaivePooling:
    """The largest of each window, and the gradient to where it is found first."""

    def __init__(self, side):
        self.side = side

    def split(self, vector):
        return []

    def _windows(self, inputs):
        """Yield the place of each window, and its numbers: a view."""
        height, width = inputs.shape[1:3]
        for n in range(len(inputs)):
            for j in range(inputs.shape[3]):
                for y in range(0, height, self.side):
                    for x in range(0, width, self.side):
                        window = inputs[n, y : y + self.side, x : x + self.side, j]
                        yield (n, y // self.side, x // self.side, j), window

    def forward(self, parameters, inputs):
        height, width = (math.ceil(length / self.side) for length in inputs.shape[1:3])
        outputs = np.empty((len(inputs), height, width, inputs.shape[3]))
        for place, window in self._windows(inputs):
            outputs[place] = window.max()
        return outputs

    def backward(self, parameters, inputs, by_outputs):
        by_inputs = np.zeros(inputs.shape)
        windows = zip(self._windows(inputs), self._windows(by_inputs), strict=True)
        for (place, window), (_, derivatives) in windows:
            first = np.unravel_index(np.argmax(window), window.shape)
            derivatives[first] = by_outputs[place]
        return [], by_inputs


class NaiveUpsampling:
    """Every pixel repeated, and what is too much cut off."""

    def __init__(self, height, width, factor):
        self.height, self.width, self.factor = height, width, factor

    def split(self, vector):
        return []

    def forward(self, parameters, inputs):
        repeated = inputs.repeat(self.factor, axis=1).repeat(self.factor, axis=2)
        return repeated[:, : self.height, : self.width]

    def backward(self, parameters, inputs, by_outputs):
        by_inputs = np.zeros(inputs.shape)
        for y in range(self.height):
            for x in range(self.width):
                by_inputs[:, y // self.factor, x // self.factor] += by_outputs[:, y, x]
        return [], by_inputs


def naive_cross_entropy(logits, label):
    """Return -log softmax(logits)[label] of one sample, and its derivative by the logits."""
    most = max(map(float, logits))
    powers = [math.exp(float(z) - most) for z in logits]
    total = math.fsum(powers)
    loss = most + math.log(total) - float(logits[label])
    return loss, [p / total - (k == label) for k, p in enumerate(powers)]
