"""A generator that adds waves across the picture, whose phases depend on the latents.

Two layers of ReLUs map latents to phases; a sine of each phase, and of x and y in it, is a wave;
their weighted sum is the logit of a shade. As an `MLP` of latents and coordinates, x and y pass the
first layers in pairs of units, relu(x) and relu(-x). For training on pictures of one size, the sine
of a sum is taken apart: waves at pixels are constants, and a picture is a product of matrices.

The slowest waves are as long as a picture's side, which repeats itself beside it. Of longer ones,
nothing would say what they are to draw there, and ink comes in at the edges of large pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import Call, GradMode, Layer
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray, aligned_zeros

_ALIKE = 2
"""Waves of the same frequency: by their phases, any amplitude comes of two."""

_AMPLITUDE = 0.3
"""Of each wave at first."""

_PASSING = 4
"""Units of a hidden layer that pass x and y on."""


def wave_vectors(most: int) -> npt.NDArray[np.float64]:
    """Return the frequencies (waves, 2) of all waves, at most ``most`` per period."""
    span = range(-most, most + 1)
    half = [
        (x, y)
        for x in span
        for y in span
        if x * x + y * y <= most * most and (x > 0 or (x == 0 and y >= 0))
    ]
    return np.repeat(np.array(half, dtype=np.float64), _ALIKE, axis=0)


def wave_layers(inputs: int, units: int, most: int, channels: int) -> list[LayerSpec]:
    """Return the layers of the whole generator; latents are the first inputs."""
    width, waves = units + _PASSING, len(wave_vectors(most))
    return [
        LayerSpec(inputs, width, "relu"),
        LayerSpec(width, width, "relu"),
        LayerSpec(width, waves, "sine", omega=1.0),
        LayerSpec(waves, channels, "sigmoid"),
    ]


class _Cache(NamedTuple):
    sines: FloatArray  # (batch, 2 x waves): of the phases; then their cosines
    weighted: FloatArray  # the same times the amplitudes for one channel
    grad: FloatArray  # with respect to these
    shades: FloatArray  # (batch, pixels) of one channel
    dense: list[Any]  # of the products, for each channel


class Waves(Layer):
    """Draws pictures of phases; its parameters are the amplitude of each wave in each channel.

    Parameters
    ----------
    points : float (height, width, 2)
        Coordinates of the pixels, in radians of a wave of frequency 1.
    most : int
        Of waves per period.
    channels : int
    """

    def __init__(self, points: npt.NDArray[np.floating[Any]], most: int, channels: int) -> None:
        self.vectors = vectors = wave_vectors(most)
        height, width, _ = points.shape
        count = len(vectors)
        super().__init__((count,), (height, width, channels), count * channels, count * channels)
        angles = vectors @ points.reshape(-1, 2).T.astype(np.float64)
        self._dense = Dense((2 * count,), height * width, "sigmoid")
        self._constants = aligned_zeros(self._dense.size)
        weights = self._dense.rows(self._constants)
        weights[:count], weights[count:-1] = np.cos(angles), np.sin(angles)
        self.waves, self.channels = count, channels

    def init_params(self, params: FloatArray, rng: np.random.Generator) -> None:
        params[:] = _AMPLITUDE

    def named_params(self, params: FloatArray) -> dict[str, FloatArray]:
        """Return "weight" (channels, waves)."""
        return {"weight": params.reshape(self.channels, self.waves)}

    def make_cache(self, batch_size: int) -> _Cache:
        one, two, three = (aligned_zeros(batch_size, 2 * self.waves) for _ in range(3))
        return _Cache(
            one,
            two,
            three,
            aligned_zeros(batch_size, self._dense.out_shape[0]),
            [self._dense.make_cache(batch_size) for _ in range(self.channels)],
        )

    def forward(self, call: Call) -> None:
        """Compute ``y = sigmoid(sum a sin(phase + angle))``."""
        count = len(call.x)
        sines = call.cache.sines[:count]
        np.sin(call.x, out=sines[:, : self.waves])
        np.cos(call.x, out=sines[:, self.waves :])
        for channel in range(self.channels):
            product = self._product(call, channel)
            np.multiply(sines, self._amplitudes(call, channel), out=product.x)
            self._dense.forward(product)
            call.y.reshape(count, -1, self.channels)[..., channel] = product.y

    def propagate(self, call: Call, grads: Grads) -> None:
        """Propagate the gradient through the products and the sines."""
        cache, count = call.cache, len(call.x)
        sines, grad = cache.sines[:count], cache.grad[:count]
        if not grads.add:
            grads.params[:] = 0.0
        by_sines = np.zeros_like(sines)
        grad_y = grads.y.reshape(count, -1, self.channels)
        for channel in range(self.channels):
            product = self._product(call, channel)
            product.y[:] = grad_y[..., channel]
            self._dense.backward(product, product.y, grad, GradMode.SKIP)
            if grads.params.size:
                both = (grad * sines).sum(axis=0, dtype=np.float64)
                gradient = (both[: self.waves] + both[self.waves :]) * grads.scale
                self.named_params(grads.params)["weight"][channel] += gradient.astype(np.float32)
            by_sines += grad * self._amplitudes(call, channel)
        if grads.x.size:
            sine, cosine = sines[:, : self.waves], sines[:, self.waves :]
            by_sine, by_cosine = by_sines[:, : self.waves], by_sines[:, self.waves :]
            grads.x.reshape(count, -1)[:] = by_sine * cosine - by_cosine * sine

    def _amplitudes(self, call: Call, channel: int) -> FloatArray:
        return np.tile(self.named_params(call.params)["weight"][channel], 2)

    def _product(self, call: Call, channel: int) -> Call:
        """Return the call of the dense layer of a channel."""
        cache, count = call.cache, len(call.x)
        inner, shades = cache.dense[channel], cache.shades[:count]
        return Call(self._constants, None, cache.weighted[:count], shades, inner, call.pool)


def make_waves(
    latent: int, units: int, most: int, points: FloatArray, scale: float, side: int, channels: int
) -> Network:
    """Return a network from latents, multiplied by ``scale``, to pictures.

    ``points`` are x and y of its pixels, as in `generator_coordinates` for a ``side``.
    """
    first = math.sqrt(2.0 / latent) / scale
    waves = Waves(points * _radians(scale, side), most, channels)
    return Network(
        [
            Dense((latent,), units, "relu", std=first),
            Dense((units,), units, "relu", std=math.sqrt(2.0 / units)),
            Dense((units,), waves.waves, std=math.sqrt(2.0 / units)),
            waves,
        ]
    )


def whole_generator(network: Network, specs: list[LayerSpec], scale: float, side: int) -> MLP:
    """Return the `MLP` of latents and coordinates that a network of `make_waves` is a part of."""
    *hidden, waves = network.layers
    dense = [each for each in hidden if isinstance(each, Dense)]
    first, params = dense[0], list(_parts(network))
    assert isinstance(waves, Waves)
    whole = MLP(specs)
    latent, units = first.in_shape[0], first.out_shape[0]
    rows = list(whole.rows())
    for target, layer, part in zip(rows, dense, params, strict=False):
        source = layer.rows(part)
        target[: len(source) - 1, : source.shape[1]] = source[:-1]
        target[-1, : source.shape[1]] = source[-1]
    for passing in range(_PASSING):
        # x, -x, y and -y; a rectified number passes the second layer as it is.
        rows[0][latent + passing // 2, units + passing] = 1.0 - 2.0 * (passing % 2)
        rows[1][units + passing, units + passing] = 1.0
    turns = (waves.vectors * _radians(scale, side)).T
    rows[2][units:-1] = np.repeat(turns, 2, axis=0) * [[1.0], [-1.0], [1.0], [-1.0]]
    rows[3][:-1] = waves.named_params(params[3])["weight"].T
    return whole


def at_latents(generator: MLP, latents: FloatArray) -> MLP:
    """Return the network from coordinates to colours: the waves alone, for one latent vector."""
    first, second, third, last = (rows.astype(np.float64) for rows in generator.rows())
    inputs, units = len(latents), second.shape[1] - _PASSING
    hidden = np.maximum(latents @ first[:inputs, :units] + first[-1, :units], 0.0)
    hidden = np.maximum(hidden @ second[:units, :units] + second[-1, :units], 0.0)
    coordinates = len(first) - 1 - inputs
    waves = third.shape[1]
    specs = [LayerSpec(coordinates, waves, "sine", omega=1.0), generator.specs[-1]]
    fixed = MLP(specs)
    start, end = fixed.rows()
    start[:2] = third[units : units + 3 : 2]
    start[-1] = hidden @ third[:units] + third[-1]
    end[:] = last
    return fixed


def _radians(scale: float, side: int) -> float:
    """Return radians of the slowest waves per unit of a coordinate."""
    return 2.0 * math.pi / side * (max((side - 1) / 2, 0.5) / scale)


def _parts(network: Network) -> Iterator[FloatArray]:
    for index in range(len(network.layers)):
        yield network.part(network.parameters, index)
