"""A slow float64 twin of the recipe, written from its table and not from the package.

The table (program ``evolvingstuff/MonaLisa``): hidden units f(s) = s for s >= 0, else slope * s;
linear outputs; weights and biases normal with deviation scale / sqrt(fan_in + 1); after every
sample, plain gradient descent on 1/2 sum_c (target_c - output_c)^2 with the rate
lr / sqrt(fan_in + 1) in each layer.
"""

from __future__ import annotations

import math

import numpy as np


class NaiveNetwork:
    """Lists of floats: ``weights[layer][unit][input]`` and ``biases[layer][unit]``."""

    def __init__(self, weights, biases, activations, slope):
        self.weights = [[list(map(float, row)) for row in layer] for layer in weights]
        self.biases = [list(map(float, layer)) for layer in biases]
        self.activations = activations
        self.slope = slope

    @classmethod
    def copy_of(cls, network):
        """Take the parameters of a network of the package."""
        weights = [rows[:, : layer.fan_in] for layer, rows in _layers(network)]
        biases = [rows[:, layer.fan_in] for layer, rows in _layers(network)]
        activations = [layer.activation for layer in network.layers]
        return cls(weights, biases, activations, network.layers[0].slope)

    def values(self):
        """Return all weights and biases, ordered as by `values`."""
        return np.concatenate(
            [
                np.column_stack((weights, biases)).ravel()
                for weights, biases in zip(self.weights, self.biases, strict=True)
            ]
        )

    def f(self, layer, s):
        return self.slope * s if self.activations[layer] == "leaky-relu" and s < 0 else s

    def df(self, layer, s):
        return self.slope if self.activations[layer] == "leaky-relu" and s < 0 else 1.0

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

    def learn(self, x, target, lr):
        """Take one step for one sample and return the loss before it."""
        inputs, sums = self.forward(x)
        errors = [o - float(t) for o, t in zip(inputs[-1], target, strict=True)]
        upstream = errors
        for layer in reversed(range(len(self.weights))):
            weights, fan_in = self.weights[layer], len(inputs[layer])
            rate = lr / math.sqrt(fan_in + 1)
            delta = [u * self.df(layer, s) for u, s in zip(upstream, sums[layer], strict=True)]
            upstream = [
                sum(d * row[j] for d, row in zip(delta, weights, strict=True))
                for j in range(fan_in)
            ]
            for i, d in enumerate(delta):
                for j in range(fan_in):
                    weights[i][j] -= rate * d * inputs[layer][j]
                self.biases[layer][i] -= rate * d
        return 0.5 * sum(e * e for e in errors)


def _layers(network):
    return zip(network.layers, network.rows(), strict=True)


def values(network):
    """Return all weights and biases of a network of the package, without padding."""
    return np.concatenate([rows[:, : layer.fan_in + 1].ravel() for layer, rows in _layers(network)])
