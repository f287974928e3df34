"""Memory that training needs, and the check that there is as much."""

from __future__ import annotations

import math

from fit_image.errors import InputError
from fit_image.nn.network import Network
from fit_image.nn.runtime import machine


def training_bytes(vector_size: int, vectors: int, working_numbers: int = 0) -> int:
    """Return the bytes of float32 vectors of the parameters' size, and of other float32 numbers.

    The vectors are parameters, gradient, optimizer state and copies; the working numbers, the
    samples of a batch and the activations for them.
    """
    return 4 * (vectors * vector_size + working_numbers)


def numbers_per_sample(network: Network) -> int:
    """Return about how many numbers a sample needs in the passes through a network."""
    # Outputs of a layer, the gradient with respect to them, and its cache.
    return 4 * sum(math.prod(layer.out_shape) for layer in network.layers)


def check_available(needed: int, advice: str) -> None:
    """Raise `InputError`, with advice, if a network needs more bytes than may be used.

    Called before the first allocation, because a system out of memory kills processes silently.
    """
    available = machine.usable_memory()
    if needed > available:
        raise InputError(
            f"this network needs {needed / 1e9:,.1f} GB of memory, and "
            f"{available / 1e9:,.1f} GB can be used here: {advice}"
        )
