"""Checks that a network fits in memory."""

from __future__ import annotations

from fit_image.apps.fit.architecture import make_encoding, make_layers
from fit_image.apps.fit.learner import needed_bytes
from fit_image.config.fit import FitConfig
from fit_image.errors import InputError
from fit_image.nn.runtime import machine


def check_memory(config: FitConfig, size: tuple[int, int], channels: int) -> None:
    """Check that training on a picture of this width and height fits in memory.

    Called before the first allocation, because a system out of memory kills processes silently.

    Raises
    ------
    InputError
        If it does not fit.
    """
    encoding = make_encoding(config, size)
    layers = make_layers(config, encoding.outputs, channels)
    needed = needed_bytes(layers, encoding, config, size[0] * size[1])
    less = "choose fewer or narrower layers"
    check_available(needed, f"{less}, or a grid of fewer entries" if encoding.levels else less)


def check_available(needed: int, advice: str) -> None:
    """Raise `InputError`, with advice, if a network needs more memory than there is."""
    available = machine.physical_memory()
    if needed > available:
        raise InputError(
            f"this network needs {needed / 1e9:,.1f} GB of memory, and this machine has "
            f"{available / 1e9:,.1f} GB: {advice}"
        )
