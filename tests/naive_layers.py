"""Slow float64 twins of the layers, written from the books and not from the package.

A twin takes plain weights by name, as `Layer.named_params` returns them, and knows nothing of how
they lie in memory. It has ``forward(params, x)``; and ``backward(params, x, grad_y)``, which
returns the gradients with respect to the parameters, by the same names, and to the input.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np

from naive import ALL_ACTIVATIONS


class _Activated:
    def __init__(self, activation="identity", slope=0.01, omega=30.0, scale=10.0):
        self._constants = SimpleNamespace(slope=slope, omega=omega, scale=scale)
        self._f, self._df = ALL_ACTIVATIONS[activation]

    def _each(self, function, sums):
        values = [function(float(s), self._constants) for s in sums.ravel()]
        return np.array(values).reshape(sums.shape)

    def forward(self, params, x):
        return self._each(self._f, self.sums(params, x))

    def backward(self, params, x, grad_y):
        slopes = self._each(self._df, self.sums(params, x))
        return self.back(params, x, slopes * grad_y)


class NaiveDense(_Activated):
    """s_j = b_j + sum_i w_ji x_i."""

    def sums(self, params, x):
        weight, bias = params["weight"], params["bias"]
        sums = np.empty((len(x), len(bias)))
        for n, sample in enumerate(x):
            for j, row in enumerate(weight):
                sums[n, j] = bias[j] + math.fsum(sample.ravel() * row)
        return sums

    def back(self, params, x, deltas):
        weight, grad_x = params["weight"], np.zeros(x.shape)
        grads = {name: np.zeros(values.shape) for name, values in params.items()}
        for n, sample in enumerate(x):
            for j, row in enumerate(weight):
                grads["bias"][j] += deltas[n, j]
                grads["weight"][j] += deltas[n, j] * sample.ravel()
                grad_x[n] += deltas[n, j] * row.reshape(sample.shape)
        return grads, grad_x


class NaiveTiedDense(_Activated):
    """s_i = c_i + sum_j w_ji h_j, with the weights of a dense layer and biases of its own."""

    def __init__(self, shape, **activation):
        super().__init__(**activation)
        self.shape = shape

    def sums(self, params, x):
        weight, bias = params["weight"], params["bias"]
        sums = np.empty((len(x), *self.shape))
        for n, code in enumerate(x):
            for i, column in enumerate(weight.T):
                sums[n].flat[i] = bias[i] + math.fsum(code * column)
        return sums

    def back(self, params, x, deltas):
        weight, grad_x = params["weight"], np.zeros(x.shape)
        grads = {name: np.zeros(values.shape) for name, values in params.items()}
        for n, code in enumerate(x):
            for i, delta in enumerate(deltas[n].flat):
                grads["bias"][i] += delta
                grads["weight"][:, i] += delta * code
                grad_x[n] += delta * weight[:, i]
        return grads, grad_x


class NaiveConv2D(_Activated):
    """TensorFlow's ``conv2d`` with ``padding="SAME"``, from its documentation.

    n rows become ceil(n / stride); of the zeros that are lacking, the smaller half lies before.
    """

    def __init__(self, units, side, stride, **activation):
        super().__init__(**activation)
        self.units, self.side, self.stride = units, side, stride

    def _zeros(self, length):
        out = math.ceil(length / self.stride)
        lacking = max((out - 1) * self.stride + self.side - length, 0)
        return out, lacking // 2, lacking - lacking // 2

    def _padded(self, x):
        _, above, below = self._zeros(x.shape[1])
        _, before, behind = self._zeros(x.shape[2])
        return np.pad(x, ((0, 0), (above, below), (before, behind), (0, 0)))

    def _squares(self, weights, x):
        """Yield place, pixel of the padded input, and weights (in channels, out channels)."""
        height, width = x.shape[1:3]
        for row in range(self._zeros(height)[0]):
            for column in range(self._zeros(width)[0]):
                for k in range(self.side):
                    for l in range(self.side):  # noqa: E741
                        pixel = row * self.stride + k, column * self.stride + l
                        yield (row, column), pixel, weights[k, l]

    def sums(self, params, x):
        outs = [self._zeros(length)[0] for length in x.shape[1:3]]
        padded, sums = self._padded(x), np.zeros((len(x), *outs, self.units))
        for (row, column), (i, j), square in self._squares(params["weight"], x):
            sums[:, row, column] += padded[:, i, j] @ square
        return sums + params["bias"]

    def back(self, params, x, deltas):
        padded, grad_weight = self._padded(x), np.zeros(params["weight"].shape)
        grad_padded = np.zeros(padded.shape)
        for (row, column), (i, j), square in self._squares(params["weight"], x):
            grad_padded[:, i, j] += deltas[:, row, column] @ square.T
        for (row, column), (i, j), square in self._squares(grad_weight, x):
            square += padded[:, i, j].T @ deltas[:, row, column]
        (_, top, _), (_, left, _) = map(self._zeros, x.shape[1:3])
        height, width = x.shape[1:3]
        grad_x = grad_padded[:, top : top + height, left : left + width]
        return {"weight": grad_weight, "bias": deltas.sum(axis=(0, 1, 2))}, grad_x


class NaiveBatchNorm(_Activated):
    """Ioffe and Szegedy 2015, algorithm 1, and the derivatives of section 3, line by line."""

    def sums(self, params, x):
        sums = np.empty(x.shape)
        for j, (gamma, beta) in enumerate(zip(params["weight"], params["bias"], strict=True)):
            values = x[..., j]
            mean = values.mean()
            variance = ((values - mean) ** 2).mean()
            sums[..., j] = gamma * (values - mean) / math.sqrt(variance + 1e-5) + beta
        return sums

    def back(self, params, x, deltas):
        grads = {name: np.zeros(values.shape) for name, values in params.items()}
        grad_x = np.empty(x.shape)
        for j, gamma in enumerate(params["weight"]):
            v, by_y = x[..., j], deltas[..., j]
            m, mean = v.size, v.mean()
            variance = ((v - mean) ** 2).mean()
            deviation = math.sqrt(variance + 1e-5)
            by_hat = by_y * gamma
            by_variance = (by_hat * (v - mean)).sum() * -0.5 / deviation**3
            by_mean = -by_hat.sum() / deviation + by_variance * (-2 * (v - mean)).mean()
            grad_x[..., j] = by_hat / deviation + by_variance * 2 * (v - mean) / m + by_mean / m
            grads["weight"][j] = (by_y * (v - mean) / deviation).sum()
            grads["bias"][j] = by_y.sum()
        return grads, grad_x


class NaiveIdentity:
    """Dropout where nothing is left out: the identity."""

    def forward(self, params, x):
        return x

    def backward(self, params, x, grad_y):
        return {}, grad_y


class NaiveMaxPool2D:
    """The largest of each window, and the gradient to where it is found first."""

    def __init__(self, side):
        self.side = side

    def _windows(self, x):
        """Yield the place of each window, and its numbers: a view."""
        height, width = x.shape[1:3]
        for n in range(len(x)):
            for j in range(x.shape[3]):
                for top in range(0, height, self.side):
                    for left in range(0, width, self.side):
                        window = x[n, top : top + self.side, left : left + self.side, j]
                        yield (n, top // self.side, left // self.side, j), window

    def forward(self, params, x):
        height, width = (math.ceil(length / self.side) for length in x.shape[1:3])
        outputs = np.empty((len(x), height, width, x.shape[3]))
        for place, window in self._windows(x):
            outputs[place] = window.max()
        return outputs

    def backward(self, params, x, grad_y):
        grad_x = np.zeros(x.shape)
        windows = zip(self._windows(x), self._windows(grad_x), strict=True)
        for (place, window), (_, derivatives) in windows:
            first = np.unravel_index(np.argmax(window), window.shape)
            derivatives[first] = grad_y[place]
        return {}, grad_x


class NaivePixelUnshuffle:
    """PyTorch's ``pixel_unshuffle``, from its documentation: channel c r^2 + i r + j."""

    def __init__(self, factor):
        self.factor = factor

    def _pairs(self, squares):
        """Yield an index of a batch of squares and that of the same number among channels."""
        r = self.factor
        for n, row, column, c in np.ndindex(squares):
            i, j = row % r, column % r
            yield (n, row, column, c), (n, row // r, column // r, c * r**2 + i * r + j)

    def forward(self, params, x):
        count, height, width, channels = x.shape
        r = self.factor
        y = np.empty((count, height // r, width // r, channels * r**2))
        for square, channel in self._pairs(x.shape):
            y[channel] = x[square]
        return y

    def backward(self, params, x, grad_y):
        grad_x = np.empty(x.shape)
        for square, channel in self._pairs(x.shape):
            grad_x[square] = grad_y[channel]
        return {}, grad_x


class NaivePixelShuffle:
    """The reverse."""

    def __init__(self, factor):
        self.twin, self.factor = NaivePixelUnshuffle(factor), factor

    def forward(self, params, x):
        count, height, width, channels = x.shape
        r = self.factor
        y = np.empty((count, height * r, width * r, channels // r**2))
        return self.twin.backward(params, y, x)[1]

    def backward(self, params, x, grad_y):
        return {}, self.twin.forward(params, grad_y)


class NaiveUpSample2D:
    """Every pixel repeated, and what is too much cut off."""

    def __init__(self, height, width, factor):
        self.height, self.width, self.factor = height, width, factor

    def forward(self, params, x):
        repeated = x.repeat(self.factor, axis=1).repeat(self.factor, axis=2)
        return repeated[:, : self.height, : self.width]

    def backward(self, params, x, grad_y):
        grad_x = np.zeros(x.shape)
        for i in range(self.height):
            for j in range(self.width):
                grad_x[:, i // self.factor, j // self.factor] += grad_y[:, i, j]
        return {}, grad_x


def naive_cross_entropy(logits, label):
    """Return -log softmax(logits)[label] of one sample, and its derivative by the logits."""
    most = max(map(float, logits))
    powers = [math.exp(float(z) - most) for z in logits]
    total = math.fsum(powers)
    loss = most + math.log(total) - float(logits[label])
    return loss, [p / total - (k == label) for k, p in enumerate(powers)]
