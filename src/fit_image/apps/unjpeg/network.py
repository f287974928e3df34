"""The network: dense layers from a damaged patch to a restored one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from fit_image.apps.memory import training_bytes
from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.nn.initializers import INITIALIZERS, Fans
from fit_image.nn.layers.dense import Dense
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray, padded_size


def make_network(block: int, widths: Sequence[int]) -> Network:
    """Return a network from patches to patches of three channels."""
    size = 3 * block * block
    sizes = [size, *widths]
    hidden = [Dense((below,), above, "scaled-tanh") for below, above in itertools.pairwise(sizes)]
    return Network([*hidden, Dense((sizes[-1],), size)])


def count_params(block: int, widths: Sequence[int]) -> int:
    """Return the number of weights and biases of `make_network`."""
    size = 3 * block * block
    return sum((below + 1) * above for below, above in itertools.pairwise((size, *widths, size)))


def needed_bytes(config: UnjpegConfig) -> int:
    """Return about how many bytes the network and its training need."""
    size = 3 * config.block**2
    sizes = [size, *config.widths, size]
    weights = sum((below + 1) * padded_size(above) for below, above in itertools.pairwise(sizes))
    # Parameters, gradient and two moments; the best ones, and a copy while they are saved.
    vectors = (4 if config.optimizer == "adam" else 1) + (1 if config.average else 0) + 2
    # Patches, errors, and for every layer what comes out, its sums, and the derivatives.
    passing = config.batch_size * (6 * size + 3 * sum(sizes))
    return training_bytes(weights, vectors, passing)


def init_weights(network: Network, rng: np.random.Generator, *, difference: bool) -> None:
    """Draw the initial weights.

    They are uniform in +-1 / sqrt(fan-in), and biases are zero (Burger et al., "Image denoising:
    can plain neural networks compete with BM3D?", CVPR 2012). A network of differences begins
    with one that changes nothing: the weights of its last layer are zero, too.
    """
    for index, rows in enumerate(layer_rows(network)):
        if difference and index == len(network.layers) - 1:
            continue
        weights = rows[:-1]
        weights[:] = INITIALIZERS["fan-in"](Fans(*weights.shape)).draw(weights.shape, rng)


def layer_rows(network: Network) -> list[FloatArray]:
    """Return each layer's weights and biases (fan_in + 1, units), biases last, as views."""
    return [
        layer.rows(network.part(network.parameters, index))
        for index, layer in enumerate(network.layers)
        if isinstance(layer, Dense)
    ]
