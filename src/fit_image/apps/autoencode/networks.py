"""Autoencoders: networks from pictures to a code and back to pictures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.apps.autoencode.residual import code_at, residual_layers
from fit_image.apps.memory import check_available, training_bytes
from fit_image.errors import InputError
from fit_image.nn.initializers import INITIALIZERS, Fans
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.layer import Layer, Shape
from fit_image.nn.layers.max_pool import MaxPool2D
from fit_image.nn.layers.pixel_shuffle import PixelShuffle, PixelUnshuffle
from fit_image.nn.layers.subtract_mean import SubtractMean
from fit_image.nn.layers.tied_dense import TiedDense
from fit_image.nn.layers.upsample import UpSample2D
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray

_FILTER = 3
"""Pixels of a side of a filter."""

_RECTIFIERS = ("leaky-relu", "relu", "elu", "softplus")

# Shades near black and white would begin with sums so large that sigmoid units hardly learn.
_DARKEST, _BRIGHTEST = 0.02, 0.98


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """A network from pictures to pictures, and the index of the layer whose output is the code."""

    network: Network
    code_at: int

    @property
    def code_shape(self) -> Shape:
        """Shape of a picture's code."""
        return self.network.layers[self.code_at].out_shape

    @property
    def code_size(self) -> int:
        """Number of values of the code."""
        return math.prod(self.code_shape)

    def init_params(
        self, config: AutoencodeConfig, mean: FloatArray, rng: np.random.Generator
    ) -> None:
        """Draw the initial weights; the first outputs are near the mean picture."""
        self.network.init_params(rng)
        if config.residual:
            return
        *_, (_, _, biases) = self.weights(self.network.parameters)
        shades = mean.reshape(-1, biases.size).mean(axis=0)
        if config.output == "sigmoid":
            shades = shades.clip(_DARKEST, _BRIGHTEST)
            shades = np.log(shades / (1 - shades))
        biases[:] = shades

    def weights(self, vector: FloatArray) -> Iterator[tuple[int, FloatArray | None, FloatArray]]:
        """Yield each layer's index, weights (fan_in, units) and biases, as views of a vector.

        Layers without biases are left out; the weights are None where they are another layer's.
        """
        for index, layer in enumerate(self.network.layers):
            named = layer.named_params(self.network.part(vector, index))
            if isinstance(layer, Dense):
                yield index, named["weight"].T, named["bias"]
            elif isinstance(layer, TiedDense):
                yield index, None, named["bias"]
            elif isinstance(layer, Conv2D):
                yield index, named["weight"].reshape(-1, layer.out_shape[-1]), named["bias"]


def make_autoencoder(config: AutoencodeConfig, mean: FloatArray) -> Autoencoder:
    """Build a network for pictures shaped like their mean, (height, width, channels).

    Raises
    ------
    InputError
        If they are too small for the network, or it is too large for the memory.
    """
    # Asked before the first allocation, because a system that runs out kills without a message.
    check_available(
        training_bytes(_dense_weights(config, mean.shape), 1),
        "give a smaller --size, --bottleneck or --hidden",
    )
    layers: list[Layer]
    if config.residual:
        layers = residual_layers(config, mean)
        return Autoencoder(Network(layers), code_at(layers))
    subtracted = np.full_like(mean, mean.mean(axis=(0, 1))) if config.conv else mean
    layers = [SubtractMean(np.zeros_like(mean) if config.raw else subtracted)]
    if config.conv:
        return _convolutional(config, mean.shape, layers)
    return _dense(config, layers)


def _dense_weights(config: AutoencodeConfig, shape: Shape) -> int:
    """Return how many weights the dense layers have."""
    inputs = math.prod(shape)
    if config.conv and not config.residual:
        shrink = 1 << len(config.levels)
        inputs = -(-shape[0] // shrink) * -(-shape[1] // shrink) * config.levels[-1]
    layers = [inputs, *config.hidden, *([config.code_units] if config.code_units else [])]
    weights = sum(below * above for below, above in itertools.pairwise(layers))
    return weights * (1 if config.tied else 2)


def _std(fan_in: int, fan_out: int, activation: str) -> float:
    """Return the standard deviation of the initial weights."""
    rule = "xavier-he" if activation in _RECTIFIERS else "xavier-normal"
    return INITIALIZERS[rule](Fans(fan_in, fan_out)).std


def _full(in_shape: Shape, out_shape: Shape, activation: str, *, tied: bool = False) -> Dense:
    units = math.prod(out_shape)
    std = _std(math.prod(in_shape), units, activation)
    return Dense(in_shape, units, activation, std=std, tied=tied, out_shape=out_shape)


def _dense(config: AutoencodeConfig, layers: list[Layer]) -> Autoencoder:
    code = config.code_units
    assert code is not None
    encoder: list[Dense] = []
    hidden = [(units, config.activation) for units in config.hidden]
    for units, activation in [*hidden, (code, config.code_activation)]:
        encoder.append(_full(layers[-1].out_shape, (units,), activation, tied=config.tied))
        layers.append(encoder[-1])
    code_at = len(layers) - 1
    for dense in reversed(encoder):
        activation = config.output if dense is encoder[0] else config.activation
        if config.tied:
            layers.append(TiedDense(dense, activation))
        else:
            layers.append(_full(layers[-1].out_shape, dense.in_shape, activation))
    return Autoencoder(Network(layers), code_at)


def _convolutional(config: AutoencodeConfig, shape: Shape, layers: list[Layer]) -> Autoencoder:
    height, width, channels = shape
    _check_sides(config, height, width)

    def convolve(units: int, activation: str, stride: int = 1) -> None:
        in_shape = layers[-1].out_shape
        std = _std(_FILTER**2 * in_shape[-1], _FILTER**2 * units, activation)
        layers.append(Conv2D(in_shape, units, _FILTER, stride, activation, std=std))

    sizes: list[Shape] = []
    for filters in config.levels:
        sizes.append(layers[-1].out_shape)
        if config.scaling == "shuffle":
            layers.append(PixelUnshuffle(layers[-1].out_shape, 2))
        convolve(filters, config.activation, 2 if config.scaling == "stride" else 1)
        if config.scaling == "pool":
            layers.append(MaxPool2D(layers[-1].out_shape))
    code_at = len(layers) - 1
    if config.code_units is not None:
        maps = layers[-1].out_shape
        layers.append(_full(maps, (config.code_units,), config.code_activation))
        code_at = len(layers) - 1
        layers.append(_full(layers[-1].out_shape, maps, config.activation))
    for filters, (rows, columns, _) in zip(reversed(config.levels), reversed(sizes), strict=True):
        if config.scaling == "shuffle":
            convolve(4 * filters, config.activation)
            layers.append(PixelShuffle(layers[-1].out_shape, 2))
        else:
            convolve(filters, config.activation)
            layers.append(UpSample2D(layers[-1].out_shape, rows, columns))
    convolve(channels, config.output)
    return Autoencoder(Network(layers), code_at)


def _check_sides(config: AutoencodeConfig, height: int, width: int) -> None:
    """Raise `InputError` unless pictures can be halved as often as the network has levels."""
    levels = len(config.levels)
    times = {1: "once", 2: "twice"}.get(levels, f"{levels} times")
    side = 1 << levels
    if min(height, width) < side:
        what = "pools" if config.scaling == "pool" else "halves"
        raise InputError(
            f"pictures of {width}x{height} are too small for --conv, which {what} them {times}: "
            f"give {side}x{side} or larger"
        )
    if config.scaling == "shuffle" and (height % side or width % side):
        raise InputError(
            f"pictures of {width}x{height} do not fit --scaling shuffle, which halves them "
            f"{times}: give a --size of multiples of {side}"
        )
