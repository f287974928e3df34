"""Small networks to export, each with a part that formats must know."""

from __future__ import annotations

import numpy as np

from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.networks import generator_layers
from fit_image.apps.dream import Dream, Dreamer
from fit_image.apps.export.subject import digits_subject, dream_subject, picture_subject
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.config.layer_spec import parse_layers
from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.encodings.base import Identity
from fit_image.nn.encodings.fourier import Fourier
from fit_image.nn.encodings.hash_grid import HashGrid
from fit_image.nn.encodings.positional import Positional
from fit_image.nn.mlp.layer_spec import dense_stack

SIZE = (26, 18)

ENCODINGS = {
    "none": lambda rng: Identity(2),
    "positional": lambda rng: Positional(2, 3),
    "fourier": lambda rng: Fourier(2, 5, 2.0, rng),
    # The coarse level has an entry for each vertex, the others share them; then columns and rows.
    "grid": lambda rng: HashGrid(3, 3, 64, 4, 16, SIZE, 11),
}


def picture(
    hidden=(6, 5),
    activations=("leaky-relu", "leaky-relu"),
    skips=(0, 0),
    encoding="none",
    **options,
):
    """Return the network of a picture; ``channels`` and ``constants`` are among the options."""
    rng = np.random.default_rng(3)
    encoded = ENCODINGS[encoding](rng)
    layers = dense_stack(
        encoded.outputs,
        hidden,
        options.get("channels", 3),
        activations=[*activations, "identity"],
        skips=[*skips, 0],
        omega=2.0,
        scale=0.7,
        slope=0.1,
    )
    network = PaintingNetwork(tuple(layers), SIZE, encoded)
    network.draw_params(0.3, rng, "normal")
    network.tables()[:] = rng.uniform(-1, 1, network.tables().size)
    # About the middle of black and white.
    for weights, biases in network.weights():
        last = weights, biases
    last[0][:] *= 0.8
    last[1][:] = 0.5
    return network


def with_activation(name):
    return picture(activations=(name, name))


def with_all_activations():
    """A layer of each, four units wide, so that a vector of shaders holds all."""
    names = [*ACTIVATIONS]
    return picture([4] * len(names), names, [0] * len(names))


def residual():
    return picture((4, 6, 5, 4, 4, 4), ("tanh",) * 6, (0, 0, 0, 3, 0, 2), channels=1)


PICTURES = {
    "activations": with_all_activations,
    **{name: lambda name=name: picture(encoding=name) for name in ENCODINGS},
    "residual": residual,
    "alpha": lambda: picture(channels=4),
}


def digits():
    """A generator of two classes."""
    config = DigitsConfig(latent=3, units=4, blocks=2, block_layers=2, scale=2.0)
    rng = np.random.default_rng(5)
    count = sum(layer.num_params for layer in generator_layers(config, 1))
    parameters = rng.normal(0, 0.5, count).astype(np.float32)
    means, deviations = rng.normal(0, 1, (2, 2, 1, 3)).astype(np.float32)
    statistics = means, np.abs(deviations)
    return DigitModel(config, 1, 12, 10, ("a<b", "7"), parameters, *statistics, 0.0)


def dreamer():
    return Dreamer(Dream(parse_layers("2x6"), latent=2, inputs=("r", "x"), seed=1))


SUBJECTS = {
    **{
        name: lambda make=make: picture_subject(make(), "a picture")
        for name, make in PICTURES.items()
    },
    "digits": lambda: digits_subject(digits(), "seven", label=1),
    "dream": lambda: dream_subject(dreamer(), "a dream"),
}
