"""The network that a configuration describes."""

from __future__ import annotations

import dataclasses

import numpy as np

from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.sizing.limited_tables import limit_tables
from fit_image.apps.sizing.limited_widths import limit_widths, narrowest
from fit_image.config.encoding_spec import FourierSpec, GridSpec, PositionalSpec, parse_encoding
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import Hidden, parse_init
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
    if config.first_omega is not None:
        layers[0] = dataclasses.replace(layers[0], omega=config.first_omega)
    return tuple(layers)


def count_parameters(config: FitConfig, size: tuple[int, int], channels: int) -> tuple[int, int]:
    """Return the numbers of parameters of the layers, and of the encoding."""
    encoding = make_encoding(config, size)
    layers = make_layers(config, encoding.outputs, channels)
    return sum(layer.num_params for layer in layers), encoding.num_params


def sized(config: FitConfig, size: tuple[int, int], channels: int) -> FitConfig:
    """Return a copy with all values set that depend on the picture, or on the parameters permitted.

    With ``max_parameters``, what a grid leaves open of its sizes is chosen for what the layers
    leave of that, but half of it at least; then the widths of the layers are scaled, if the network
    is not near the limit. A configuration that was returned is returned unchanged.

    Parameters
    ----------
    config : FitConfig
    size : (int, int)
        Width and height of the picture.
    channels : int

    Raises
    ------
    InputError
        If no network like this has so few parameters, or so many.
    """
    limit, spec = config.max_parameters, parse_encoding(config.encoding)
    if limit is None:
        return config.for_picture(*size)

    def count(layers: tuple[Hidden, ...]) -> int:
        specs = make_layers(dataclasses.replace(config, layers=layers), outputs, channels)
        return tables + sum(each.num_params for each in specs)

    outputs, tables = make_encoding(config, size).outputs, 0
    if isinstance(spec, GridSpec) and not spec.is_whole:
        half = max(limit // 2, count(narrowest(config.layers)))
        if count(config.layers) > half:
            narrow = limit_widths(config.layers, half, count)
            config = dataclasses.replace(config, layers=narrow)
        spec = limit_tables(spec, limit - count(config.layers), size)
        config = dataclasses.replace(config, encoding=str(spec))
    tables = make_encoding(config, size).num_params
    return dataclasses.replace(config, layers=limit_widths(config.layers, limit, count))


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
