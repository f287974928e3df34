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


def _softsine(s, k):
    size, sign = 1 + abs(s), math.copysign(1.0, s)
    return (k.omega * math.cos(k.omega * s) * size - sign * math.sin(k.omega * s)) / size**2


def _folded(s, k):
    tanh, cosine = math.tanh(s), math.cos(s)
    change = 1 - tanh**2 if tanh < cosine else -math.sin(s)
    return (1.0 if s > k.slope * s else k.slope) - 1.5 * min(tanh, cosine) ** 2 * change


def _bowl(s, k):
    q = 1 + s * s
    bell = math.sqrt(q) * _bell(s, k)
    return s / q * bell - 2 * k.scale**2 * s * bell + 2 * s * (1 - math.log(q)) / q**2


# Of all operations that expressions have.
EXPRESSIONS = {
    "expr: sin(omega*s)/(1+abs(s))": (
        lambda s, k: math.sin(k.omega * s) / (1 + abs(s)),
        _softsine,
    ),
    "expr: max(s, slope*s) - min(tanh(s), cos(s))**3/2": (
        lambda s, k: max(s, k.slope * s) - min(math.tanh(s), math.cos(s)) ** 3 / 2,
        _folded,
    ),
    "expr: sqrt(1 + s**2)*exp(-(scale*s)**2) + log(1 + s**2)*(1 + s**2)**-1": (
        lambda s, k: math.sqrt(1 + s * s) * _bell(s, k) + math.log1p(s * s) / (1 + s * s),
        _bowl,
    ),
}

ALL_ACTIVATIONS = {**NAIVE_ACTIVATIONS, **EXPRESSIONS}


class NaiveNetwork:
    """Lists of floats: ``weights[layer][unit][input]`` and ``biases[layer][unit]``."""

    def __init__(self, weights, biases, layers):
        self.weights = [[list(map(float, row)) for row in layer] for layer in weights]
        self.biases = [list(map(float, layer)) for layer in biases]
        self.layers = layers

    @classmethod
    def copy_of(cls, network):
        """Take the parameters of a network of the package."""
        weights, biases = zip(*network.weights(), strict=True)
        return cls(weights, biases, network.specs)

    def values(self):
        """Return all weights and biases, ordered as by `values`."""
        return np.concatenate(
            [
                np.column_stack((weights, biases)).ravel()
                for weights, biases in zip(self.weights, self.biases, strict=True)
            ]
        )

    def f(self, layer, s):
        f, _ = ALL_ACTIVATIONS[self.layers[layer].activation]
        return f(s, self.layers[layer])

    def df(self, layer, s):
        _, df = ALL_ACTIVATIONS[self.layers[layer].activation]
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
            skip = self.layers[layer].skip
            if skip:
                below = inputs[layer + 1 - skip]
                inputs[-1] = [above + b for above, b in zip(inputs[-1], below, strict=True)]
        return inputs, sums

    def predict(self, x):
        return self.forward(x)[0][-1]

    def gradients(self, x, target, loss="mse"):
        """Return the loss and its derivative by every weight and every bias."""
        inputs, sums = self.forward(x)
        errors = [o - float(t) for o, t in zip(inputs[-1], target, strict=True)]
        upstream = [NAIVE_LOSSES[loss][1](e) for e in errors]
        by_weights, by_biases = [], []
        around = {}
        for layer in reversed(range(len(self.weights))):
            if self.layers[layer].skip:
                around[layer + 1 - self.layers[layer].skip] = upstream
            delta = [u * self.df(layer, s) for u, s in zip(upstream, sums[layer], strict=True)]
            upstream = [
                sum(d * row[j] for d, row in zip(delta, self.weights[layer], strict=True))
                for j in range(len(inputs[layer]))
            ]
            if layer in around:
                upstream = [u + a for u, a in zip(upstream, around[layer], strict=True)]
            by_weights.insert(0, [[d * v for v in inputs[layer]] for d in delta])
            by_biases.insert(0, delta)
        return sum(NAIVE_LOSSES[loss][0](e) for e in errors), by_weights, by_biases

    def learn(self, x, target, lr, *, weight=1.0, factor=1.0, loss="mse"):
        """Take one step for one sample and return the loss before it."""
        return self.learn_batch(
            [x], [target], lr, NaiveSGD(), weights=[weight], factors=[factor], loss=loss
        )

    def learn_batch(
        self, inputs, targets, lr, optimizer, *, weights=None, factors=None, loss="mse"
    ):
        """Take one step along the mean gradient and return the sum of the losses before it.

        Weights multiply the losses of samples, the mean of the factors multiplies the rate.
        """
        count = len(inputs)
        weights = [1.0] * count if weights is None else list(map(float, weights))
        if factors is not None:
            lr *= math.fsum(map(float, factors)) / count
        results = [
            _scaled(self.gradients(x, t, loss), weight)
            for x, t, weight in zip(inputs, targets, weights, strict=True)
        ]
        optimizer.begin()
        for layer, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            rate = lr / math.sqrt(len(weights[0]) + 1) if optimizer.divides_rate else lr
            for i, row in enumerate(weights):
                for j in range(len(row)):
                    mean = sum(by_weights[layer][i][j] for _, by_weights, _ in results) / count
                    row[j] += optimizer.change((layer, i, j), mean, rate, row[j])
                mean = sum(by_biases[layer][i] for _, _, by_biases in results) / count
                biases[i] += optimizer.change((layer, i), mean, rate, biases[i])
        return sum(loss for loss, _, _ in results)


def _scaled(result, factor):
    if isinstance(result, (list, tuple)):
        return [_scaled(each, factor) for each in result]
    return factor * result


def huber(e):
    """Huber 1964, with the parameter 0.1."""
    return 0.5 * e**2 if abs(e) <= 0.1 else 0.1 * abs(e) - 0.5 * 0.1**2


# The loss of one output with the error e, and its derivative.
NAIVE_LOSSES = {
    "mse": (lambda e: 0.5 * e**2, lambda e: e),
    "l1": (abs, lambda e: math.copysign(1.0, e)),
    "huber": (huber, lambda e: e if abs(e) <= 0.1 else math.copysign(0.1, e)),
}


class NaiveSGD:
    """Robbins and Monro: against the gradient."""

    divides_rate = True

    def begin(self):
        pass

    def change(self, key, g, rate, parameter):
        return -rate * g


class NaiveMomentum:
    """Polyak: a ball that keeps 0.9 of its velocity."""

    divides_rate = True

    def __init__(self):
        self.velocity = {}

    def begin(self):
        pass

    def change(self, key, g, rate, parameter):
        self.velocity[key] = 0.9 * self.velocity.get(key, 0.0) + g
        return -rate * self.velocity[key]


class NaiveAdam:
    """Kingma and Ba 2015, algorithm 1, line by line."""

    divides_rate = False

    def __init__(self, beta1=0.9, beta2=0.999):
        self.beta1, self.beta2 = beta1, beta2
        self.t, self.m, self.v = 0, {}, {}

    def begin(self):
        self.t += 1

    def change(self, key, g, rate, parameter):
        self.m[key] = self.beta1 * self.m.get(key, 0.0) + (1 - self.beta1) * g
        self.v[key] = self.beta2 * self.v.get(key, 0.0) + (1 - self.beta2) * g**2
        m_hat = self.m[key] / (1 - self.beta1**self.t)
        v_hat = self.v[key] / (1 - self.beta2**self.t)
        return -rate * m_hat / (math.sqrt(v_hat) + 1e-8)


class NaiveAdamW(NaiveAdam):
    """Loshchilov and Hutter 2019, algorithm 2, lines 5 to 12."""

    def __init__(self, decay=0.01):
        super().__init__()
        self.decay = decay

    def change(self, key, g, rate, parameter):
        return super().change(key, g, rate, parameter) - rate * self.decay * parameter


class NaiveSOAP(NaiveAdam):
    """Vyas et al. 2025, of numbers in no matrix."""

    def __init__(self):
        super().__init__(beta2=0.99)


NAIVE_OPTIMIZERS = {
    "sgd": NaiveSGD,
    "momentum": NaiveMomentum,
    "adam": NaiveAdam,
    "adamw": NaiveAdamW,
    "soap": NaiveSOAP,
}


def values(network):
    """Return all weights and biases of a network of the package, without padding."""
    return np.concatenate([np.column_stack(layer).ravel() for layer in network.weights()])


def naive_waves(x, frequencies):
    """Tancik et al. 2020, equation 4 without the amplitudes."""
    angles = [2 * math.pi * sum(f * v for f, v in zip(row, x, strict=True)) for row in frequencies]
    return [math.cos(angle) for angle in angles] + [math.sin(angle) for angle in angles]


def naive_grid_shape(levels, features, entries, coarsest, finest, width, height, axes=0):
    """Return (cells across, cells down, entries, hashed) of each level: Mueller et al., 2 and 3."""
    growth = math.exp((math.log(finest) - math.log(coarsest)) / max(levels - 1, 1))
    longer = [math.floor(coarsest * growth**level + 1e-6) for level in range(levels)]
    sides = []
    for cells in [*longer, axes]:
        both = [max(round(cells * side / max(width, height)), 1) for side in (width, height)]
        sides.append(both)
    columns_and_rows = sides.pop()
    if axes:
        sides += [(columns_and_rows[0], 0), (0, columns_and_rows[1])]
    shape = []
    for across, down in sides:
        crossings = (across + 1) * (down + 1)
        shared = crossings > entries and across > 0 and down > 0
        shape.append((across, down, entries if shared else crossings, shared))
    return shape


def naive_grid(x, tables, shape):
    """Encode one place; ``tables[level][entry]`` are lists of features."""
    features = []
    for table, (across, down, entries, hashed) in zip(tables, shape, strict=True):
        cells = []
        for u, count in zip(x, (across, down), strict=True):
            u = abs(u) % 2
            u = 2 - u if u > 1 else u
            index = min(math.floor(u * count), max(count - 1, 0))
            cells.append((index, u * count - index))
        (column, right), (row, low) = cells
        value = np.zeros(len(table[0]))
        for i, j in ((0, 0), (1, 0), (0, 1), (1, 1)):
            weight = (right if i else 1 - right) * (low if j else 1 - low)
            if weight == 0:  # such as beyond the only column of a level of rows
                continue
            if hashed:
                entry = ((column + i) ^ ((row + j) * 2_654_435_761)) % entries
            else:
                entry = (row + j) * (across + 1) + column + i
            value = value + weight * np.asarray(table[entry])
        features += list(value)
    return features
