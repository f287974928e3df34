"""The three networks: encoder, generator and discriminator.

All are those of the article "More MNIST Digits at 1080x1080 Resolution" (2016) and its program
``hardmaru/resnet-cppn-gan-tensorflow``.
"""

from __future__ import annotations

import numpy as np

from fit_image.apps.coordinates import INPUTS, centred_coordinates
from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.waves import make_waves, wave_layers, whole_generator
from fit_image.apps.memory import numbers_per_sample
from fit_image.nn.layers.batch_norm import BatchNorm
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.dropout import Dropout
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.layers.layer import Layer
from fit_image.nn.mlp.conditioned_mlp import ConditionedMLP
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray

# Standard deviations of the initial weights and biases of the generator.
_PROJECTION, _RECTIFIER, _BLOCK_END, _OUTPUT = 0.05, 1.0, 0.001, 0.05

_LEAKY = BoundActivation.of("leaky-relu", slope=0.2)


def generator_layers(config: DigitsConfig, channels: int) -> list[LayerSpec]:
    """Return the generator's layers; the latents are the first inputs."""
    units = config.units
    if config.waves:
        return wave_layers(len(INPUTS) + config.latent, units, config.waves, channels)
    layers = [LayerSpec(len(INPUTS) + config.latent, units, "tanh")]
    for _ in range(config.blocks):
        layers += [LayerSpec(units, units, "relu")] * config.block_layers
        layers.append(LayerSpec(units, units, "tanh", skip=config.block_layers + 1))
    return [*layers, LayerSpec(units, channels, "sigmoid")]


def make_generator(config: DigitsConfig, height: int, width: int, channels: int) -> Network:
    """Return a network from latents, multiplied by the scale, to pictures."""
    layers, side = generator_layers(config, channels), min(width, height)
    if config.waves:
        points = generator_coordinates((width, height), side, config.scale)[..., :2]
        sizes = config.latent, config.units, config.waves
        return make_waves(*sizes, points, config.scale, side, channels)
    stds = [_BLOCK_END if layer.skip else _RECTIFIER for layer in layers[1:-1]]
    points = generator_coordinates((width, height), side, config.scale)
    return Network([ConditionedMLP(layers, points, [_PROJECTION, *stds, _OUTPUT])])


def generator_coordinates(
    size: tuple[int, int], side: int, scale: float, rows: range | None = None
) -> FloatArray:
    """Return x, y and radius of the pixels of a picture, or of some rows: float32 (rows, width, 3).

    x and y are 0 in the centre, and plus and minus ``scale`` in the middles of the border pixels of
    a picture of the generator's size, whose shorter side has ``side`` pixels.
    """
    return centred_coordinates(size, side, scale / max((side - 1) / 2, 0.5), rows)


def working_numbers(config: DigitsConfig, shape: tuple[int, int, int], classes: int) -> int:
    """Return about how many numbers a batch needs in the three networks."""
    networks = (
        make_encoder(config, *shape),
        make_generator(config, *shape),
        make_discriminator(config, *shape, classes),
    )
    return config.batch_size * sum(map(numbers_per_sample, networks))


def generator_numbers(config: DigitsConfig, network: Network) -> FloatArray:
    """Return weights and biases of a generator, layer by layer and unit by unit, unpadded."""
    height, width, channels = network.out_shape
    if config.waves:
        specs = generator_layers(config, channels)
        rows = whole_generator(network, specs, config.scale, min(width, height)).rows()
    else:
        (generator,) = network.layers
        assert isinstance(generator, ConditionedMLP)
        rows = generator.network.rows(network.parameters)
    *others, last = (each.T.ravel() for each in rows)
    return np.concatenate([*others, last * np.float32(config.contrast)])


def make_encoder(config: DigitsConfig, height: int, width: int, channels: int) -> Network:
    """Return a network from pictures to mean and log variance of the latents."""
    units = (config.encoder_units,)
    return Network(
        [
            Dense((height, width, channels), config.encoder_units, "softplus"),
            Dropout(units, config.keep),
            Dense(units, config.encoder_units, "softplus"),
            Dropout(units, config.keep),
            Dense(units, 2 * config.latent, "identity"),
        ]
    )


def make_discriminator(
    config: DigitsConfig, height: int, width: int, channels: int, classes: int
) -> Network:
    """Return a network from pictures to logits of the classes and of generated pictures."""
    layers: list[Layer] = [Conv2D((height, width, channels), config.maps, 5, 2, _LEAKY)]
    for factor in (2, 4):
        convolution = Conv2D(layers[-1].out_shape, factor * config.maps, 5, 2)
        layers += [convolution, BatchNorm(convolution.out_shape, _LEAKY)]
    return Network([*layers, Dense(layers[-1].out_shape, classes + 1, "identity")])
