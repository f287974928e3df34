"""Residual autoencoders: a linear network, and convolutions that correct both its ends."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fit_image.apps.autoencode.components import principal_components
from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.datasets.channels import Pictures
from fit_image.errors import InputError
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.layer import Layer, Shape
from fit_image.nn.layers.pixel_shuffle import PixelShuffle, PixelUnshuffle
from fit_image.nn.layers.subtract_mean import SubtractMean
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray

_LINEAR_RATE, _LARGEST_LINEAR_RATE = 1.28, 0.2
"""Factor of the learning rate of the linear layers, to be divided by the size of the code.

They begin near their best. A step of Adam changes all weights by about as much, and so a picture by
the sum of that over all numbers of its code.
"""

_LAST_RATE = 0.05
"""Factor of that of the last convolution of a block, which begins as zeros.

The first steps of Adam are as long as the learning rate, and all in one direction, however small
the gradient: at the whole rate, they draw errors many times as large as those they are to correct.
"""

_FACTOR = 2
"""Side of the squares of pixels that are channels to the convolutions."""

_SIDE = 3


def residual_layers(config: AutoencodeConfig, mean: FloatArray) -> list[Layer]:
    """Return the layers of a network for pictures shaped like their mean.

    Between the subtraction of the mean and its addition: a residual block, a linear encoder and
    decoder, and another block. The last convolution of a block starts as zeros, and so the network
    as the linear one (Goyal et al., "Accurate, large minibatch SGD", 2017, section 5.1).

    Raises
    ------
    InputError
        If the sides of the pictures are odd.
    """
    height, width, _ = mean.shape
    if height % _FACTOR or width % _FACTOR:
        raise InputError(
            f"pictures of {width}x{height} do not fit --residual, which takes squares of "
            f"{_FACTOR}x{_FACTOR} pixels: give a --size of even numbers"
        )
    code = config.code_units
    assert code is not None
    return [
        SubtractMean(mean),
        *_block(config, mean.shape),
        Dense(mean.shape, code),
        Dense((code,), mean.size, out_shape=mean.shape),
        *_block(config, mean.shape),
        SubtractMean(-mean),
    ]


def _block(config: AutoencodeConfig, shape: Shape) -> list[Layer]:
    """Return convolutions of a quarter of the pixels, with four times their channels."""
    layers: list[Layer] = [PixelUnshuffle(shape, _FACTOR)]
    channels = layers[0].out_shape[2]
    for units in config.filters:
        in_shape = layers[-1].out_shape
        std = math.sqrt(2 / (_SIDE**2 * in_shape[2]))
        layers.append(Conv2D(in_shape, units, _SIDE, 1, config.activation, std=std))
    layers.append(Conv2D(layers[-1].out_shape, channels, _SIDE, 1, std=0.0))
    layers.append(PixelShuffle(layers[-1].out_shape, _FACTOR))
    layers[-1].skip = len(layers)
    return layers


def code_at(layers: Sequence[Layer]) -> int:
    """Return the index of the linear encoder, whose output is the code."""
    return next(index for index, layer in enumerate(layers) if isinstance(layer, Dense))


def layer_rates(config: AutoencodeConfig, network: Network) -> list[float]:
    """Return the learning rate of every layer."""
    assert config.code_units is not None
    linear = min(_LINEAR_RATE / config.code_units, _LARGEST_LINEAR_RATE)
    factors = [linear if isinstance(layer, Dense) else 1.0 for layer in network.layers]
    for index, layer in enumerate(network.layers):
        if isinstance(layer, PixelShuffle):
            factors[index - 1] = _LAST_RATE
    return [config.rate * factor for factor in factors]


def start_as_components(
    network: Network,
    pictures: Pictures,
    mean: FloatArray,
    rng: np.random.Generator,
    *,
    mirror: bool,
) -> None:
    """Let the linear layers be the principal components of the pictures."""
    index = code_at(network.layers)
    encoder, decoder = network.layers[index : index + 2]
    assert isinstance(encoder, Dense)
    assert isinstance(decoder, Dense)
    (code,) = encoder.out_shape
    components = principal_components(pictures, mean, code, rng, mirror=mirror)
    encoder.rows(network.part(network.parameters, index))[:-1] = components.T
    decoder.rows(network.part(network.parameters, index + 1))[:-1] = components
