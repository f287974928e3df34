"""The network that a configuration describes."""

from __future__ import annotations

import dataclasses

import numpy as np

from fit_image.apps.painting_network import PaintingNetwork
from fit_image.config.encoding_spec import FourierSpec, GridSpec, PositionalSpec, parse_encoding
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import parse_init
from fit_image.nn.encodings.base import Encoding, Identity
from fit_image.nn.encodings.fourier import Fourier
from fit_image.nn.encodings.hash_grid import HashGrid
from fit_image.nn.encodings.positional import Positional
from fit_image.nn.mlp.layer_spec import LayerSpec, dense_stack

# Beside the seed, so that the waves are not those of the initial weights.
_WAVES = 1


def make_encoding(config: FitConfig, size: tuple[int, int]) -> Encoding:
    """Return the encoding of coordinates in a picture of this width and height."""
    spec = parse_encoding(config.encoding)
    match spec:
        case PositionalSpec():
            return Positional(2, spec.levels)
        case FourierSpec():
            rng = np.random.default_rng([config.seed, _WAVES])
            return Fourier(2, spec.waves, spec.scale, rng)
        case GridSpec():
            return HashGrid(sides=size, **dataclasses.asdict(spec.for_picture(*size)))
        case _:
            return Identity(2)


def make_layers(config: FitConfig, inputs: int, outputs: int) -> tuple[LayerSpec, ...]:
    """Return the layers between what the encoding gives and the colours."""
    layers = dense_stack(
        inputs,
        [layer.width for layer in config.layers],
        outputs,
        config.slope,
        activations=config.activations,
        skips=[*(layer.skip for layer in config.layers), 0],
        omega=config.omega,
        scale=config.scale,
    )
    return tuple(layers)


def make_network(config: FitConfig, size: tuple[int, int], channels: int) -> PaintingNetwork:
    """Return an untrained network for a picture of this width and height."""
    encoding = make_encoding(config, size)
    network = PaintingNetwork(make_layers(config, encoding.outputs, channels), size, encoding)
    init, deviation = parse_init(config.init)
    network.draw_params(
        config.init_scale if deviation is None else deviation,
        np.random.default_rng(config.seed),
        init,
        unit_inputs=isinstance(encoding, Identity),
    )
    return network
