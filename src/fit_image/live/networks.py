"""The layers of the networks that a run trains, as the page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fit_image.apps.autoencode.directory import AutoencoderDirectory
from fit_image.apps.autoencode.networks import make_autoencoder
from fit_image.apps.digits.directory import DigitsDirectory
from fit_image.apps.digits.networks import generator_layers, make_discriminator, make_encoder
from fit_image.apps.fit.architecture import make_encoding, make_layers
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.manifest import FitManifest
from fit_image.apps.unjpeg.directory import UnjpegDirectory
from fit_image.apps.unjpeg.network import make_network
from fit_image.config.registry import CHANNELS
from fit_image.errors import InputError
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.network import Network
from fit_image.runs.directory import RunDirectory

Described = dict[str, Any]
"""A network as JSON values: its ``name`` and ``layers``, with ``units``, ``kind``, ``parameters``
and ``times``, the number of equal layers in a row."""

_LIKE_ITS_INPUT = {"BatchNorm", "Dropout", "SubtractMean"}
"""Layers without units of their own."""


def describe_networks(directory: RunDirectory) -> list[Described]:
    """Return the networks of a run, from its manifest; none if memory does not suffice for them."""
    try:
        return _networks(directory)
    except (InputError, MemoryError):  # it does for the training, which has begun
        return []


def _networks(directory: RunDirectory) -> list[Described]:
    match directory:
        case FitDirectory():
            return [_network("", _fit(directory.manifest))]
        case DigitsDirectory():
            return _digits(directory)
        case AutoencoderDirectory():
            source = directory.manifest.source
            shape = source.height, source.width, CHANNELS[source.channels]
            mean = np.zeros(shape, dtype=np.float32)
            network = make_autoencoder(directory.manifest.config, mean).network
            return [_network("", _sequence(network))]
        case UnjpegDirectory():
            config = directory.manifest.config
            return [_network("", _sequence(make_network(config.block, config.widths)))]
    return []


def _fit(manifest: FitManifest) -> list[Described]:
    picture = manifest.picture
    config = manifest.fit.for_picture(picture.width, picture.height)
    encoding = make_encoding(config, (picture.width, picture.height))
    layers = make_layers(config, encoding.outputs, CHANNELS[manifest.image.channels])
    first = []
    if config.encoding != "none":
        first = [_layer(encoding.outputs, config.encoding, encoding.num_params)]
    return [_layer(2, "x, y"), *first, *_dense(layers)]


def _digits(directory: DigitsDirectory) -> list[Described]:
    source, config = directory.manifest.source, directory.manifest.config
    side, channels = min(source.width, source.height) - config.crop, CHANNELS[source.channels]
    generator = generator_layers(config, channels)
    shape = side, side, channels
    return [
        _network(
            "generator",
            [_layer(generator[0].fan_in, "x, y, radius, latent numbers"), *_dense(generator)],
        ),
        _network("encoder", _sequence(make_encoder(config, *shape))),
        _network(
            "discriminator", _sequence(make_discriminator(config, *shape, len(source.classes)))
        ),
    ]


def _dense(layers: Iterable[LayerSpec]) -> list[Described]:
    return [
        _layer(
            layer.fan_out,
            layer.activation + (f", residual over {layer.skip}" if layer.skip else ""),
            layer.num_params,
        )
        for layer in layers
    ]


def _sequence(network: Network) -> list[Described]:
    found = [_layer(_shape(network.in_shape), "input")]
    for layer in network.layers:
        kind = type(layer).__name__ + (f", residual over {layer.skip}" if layer.skip else "")
        units = "" if kind in _LIKE_ITS_INPUT else _shape(layer.out_shape)
        found.append(_layer(units, kind, layer.num_params))
    return found


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _layer(units: int | str, kind: str, parameters: int = 0) -> Described:
    return {"units": str(units), "kind": kind, "parameters": parameters, "times": 1}


def _network(name: str, layers: Iterable[Described]) -> Described:
    """Return a network whose equal layers in a row are one."""
    joined: list[Described] = []
    total = 0
    for layer in layers:
        total += layer["parameters"]
        if joined and joined[-1] | {"times": 1} == layer:
            joined[-1]["times"] += 1
        else:
            joined.append(dict(layer))
    return {"name": name, "layers": joined, "parameters": total}
