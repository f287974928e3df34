"""A slow float64 twin of the recipe, written from its table and not from the package.

The table (program ``evolvingstuff/MonaLisa``): hidden units f(s) = s for s >= 0, else slope * s,
or another activation; linear outputs; weights and biases normal with deviation
scale / sqrt(fan_in + 1); after every sample, plain gradient descent on
1/2 sum_c (target_c - output_c)^2 with the rate lr / sqrt(fan_in + 1) in each layer.
"""

from __future__ import annotations

import math

import numpy as np


def _bell(s, k):
    return math.exp(-((k.scale * s) ** 2))


def _stretched(s, k):
    return k.omega * (abs(s) + 1) * s


# f(s) and f'(s); k is a layer with the constants.
NAIVE_ACTIVATIONS = {
    "leaky-relu": (
        lambda s, k: s if s >= 0 else k.slope * s,
        lambda s, k: 1.0 if s >= 0 else k.slope,
    ),
    "relu": (lambda s, k: max(s, 0.0), lambda s, k: 1.0 if s >= 0 else 0.0),
    "elu": (
        lambda s, k: s if s >= 0 else math.expm1(s),
        lambda s, k: 1.0 if s >= 0 else math.exp(s),
    ),
    "softplus": (lambda s, k: math.log1p(math.exp(s)), lambda s, k: 1 / (1 + math.exp(-s))),
    "tanh": (lambda s, k: math.tanh(s), lambda s, k: 1 / math.cosh(s) ** 2),
    "scaled-tanh": (
        lambda s, k: 1.7159 * math.tanh(2 * s / 3),
        lambda s, k: 1.7159 * 2 / 3 / math.cosh(2 * s / 3) ** 2,
    ),
    "sigmoid": (
        lambda s, k: 1 / (1 + math.exp(-s)),
        lambda s, k: math.exp(-s) / (1 + math.exp(-s)) ** 2,
    ),
    "sine": (lambda s, k: math.sin(k.omega * s), lambda s, k: k.omega * math.cos(k.omega * s)),
    "gauss": (_bell, lambda s, k: -2 * k.scale**2 * s * _bell(s, k)),
    "gabor": (
        lambda s, k: math.cos(k.omega * s) * _bell(s, k),
        lambda s, k: (
            -(k.omega * math.sin(k.omega * s) + 2 * k.scale**2 * s * math.cos(k.omega * s))
            * _bell(s, k)
        ),
    ),
    "finer": (
        lambda s, k: math.sin(_stretched(s, k)),
        lambda s, k: k.omega * (2 * abs(s) + 1) * math.cos(_stretched(s, k)),
    ),
    "identity": (lambda s, k: s, lambda s, k: 1.0),
}


class NaiveNetwork:
    """Lists of floats: ``weights[layer][unit][input]`` and ``biases[layer][unit]``."""

    def __init__(self, weights, biases, layers):
        self.weights = [[list(map(float, row)) for row in layer] for layer in weights]
        self.biases = [list(map(float, layer)) for layer in biases]
        self.layers = layers

    @classmethod
    def copy_of(cls, network):
        """Take the parameters of a network of the package."""
        weights = [rows[:, : layer.fan_in] for layer, rows in _layers(network)]
        biases = [rows[:, layer.fan_in] for layer, rows in _layers(network)]
        return cls(weights, biases, network.layers)

    def values(self):
        """Return all weights and biases, ordered as by `values`."""
        return np.concatenate(
            [
                np.column_stack((weights, biases)).ravel()
                for weights, biases in zip(self.weights, self.biases, strict=True)
            ]
        )

    def f(self, layer, s):
        f, _ = NAIVE_ACTIVATIONS[self.layers[layer].activation]
        return f(s, self.layers[layer])

    def df(self, layer, s):
        _, df = NAIVE_ACTIVATIONS[self.layers[layer].activation]
        return df(s, self.layers[layer])

    def forward(self, x):
        """Return every layer's input vector and weighted sums; the last input is the output."""
        inputs, sums = [list(map(float, x))], []
        for layer, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            s = [
                bias + sum(w * v for w, v in zip(row, inputs[-1], strict=True))
                for row, bias in zip(weights, biases, strict=True)
            ]
            sums.append(s)
            inputs.append([self.f(layer, value) for value in s])
        return inputs, sums

    def predict(self, x):
        return self.forward(x)[0][-1]

    def gradients(self, x, target):
        """Return the loss and its derivative by every weight and every bias."""
        inputs, sums = self.forward(x)
        upstream = errors = [o - float(t) for o, t in zip(inputs[-1], target, strict=True)]
        by_weights, by_biases = [], []
        for layer in reversed(range(len(self.weights))):
            delta = [u * self.df(layer, s) for u, s in zip(upstream, sums[layer], strict=True)]
            upstream = [
                sum(d * row[j] for d, row in zip(delta, self.weights[layer], strict=True))
                for j in range(len(inputs[layer]))
            ]
            by_weights.insert(0, [[d * v for v in inputs[layer]] for d in delta])
            by_biases.insert(0, delta)
        return 0.5 * sum(e * e for e in errors), by_weights, by_biases

    def learn(self, x, target, lr):
        """Take one step for one sample and return the loss before it."""
        return self.learn_batch([x], [target], lr, NaiveSGD())

    def learn_batch(self, inputs, targets, lr, optimizer):
        """Take one step along the mean gradient and return the sum of the losses before it."""
        results = [self.gradients(x, t) for x, t in zip(inputs, targets, strict=True)]
        count = len(results)
        optimizer.begin()
        for layer, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            rate = lr / math.sqrt(len(weights[0]) + 1) if optimizer.divides_rate else lr
            for i, row in enumerate(weights):
                for j in range(len(row)):
                    mean = sum(by_weights[layer][i][j] for _, by_weights, _ in results) / count
                    row[j] += optimizer.change((layer, i, j), mean, rate)
                mean = sum(by_biases[layer][i] for _, _, by_biases in results) / count
                biases[i] += optimizer.change((layer, i), mean, rate)
        return sum(loss for loss, _, _ in results)


class NaiveSGD:
    """Robbins and Monro: against the gradient."""

    divides_rate = True

    def begin(self):
        pass

    def change(self, key, g, rate):
        return -rate * g


class NaiveMomentum:
    """Polyak: a ball that keeps 0.9 of its velocity."""

    divides_rate = True

    def __init__(self):
        self.velocity = {}

    def begin(self):
        pass

    def change(self, key, g, rate):
        self.velocity[key] = 0.9 * self.velocity.get(key, 0.0) + g
        return -rate * self.velocity[key]


class NaiveAdam:
    """Kingma and Ba 2015, algorithm 1, line by line."""

    divides_rate = False

    def __init__(self):
        self.t, self.m, self.v = 0, {}, {}

    def begin(self):
        self.t += 1

    def change(self, key, g, rate):
        self.m[key] = 0.9 * self.m.get(key, 0.0) + (1 - 0.9) * g
        self.v[key] = 0.999 * self.v.get(key, 0.0) + (1 - 0.999) * g**2
        m_hat = self.m[key] / (1 - 0.9**self.t)
        v_hat = self.v[key] / (1 - 0.999**self.t)
        return -rate * m_hat / (math.sqrt(v_hat) + 1e-8)


NAIVE_OPTIMIZERS = {"sgd": NaiveSGD, "momentum": NaiveMomentum, "adam": NaiveAdam}


def _layers(network):
    return zip(network.layers, network.rows(), strict=True)


def values(network):
    """Return all weights and biases of a network of the package, without padding."""
    return np.concatenate([rows[:, : layer.fan_in + 1].ravel() for layer, rows in _layers(network)])
