"""Whether a network fits in memory."""

from __future__ import annotations

from fit_image.apps.architecture import make_encoding, make_layers
from fit_image.apps.learner import needed_bytes
from fit_image.config import FitConfig
from fit_image.errors import InputError
from fit_image.nn.runtime import machine


def check_memory(config: FitConfig, size: tuple[int, int], channels: int) -> None:
    """Find out that learning a picture of this width and height needs too much memory.

    Asked before the first allocation, because a system that runs out kills without a message.

    Raises
    ------
    InputError
        If it does.
    """
    encoding = make_encoding(config, size)
    layers = make_layers(config, encoding.outputs, channels)
    needed = needed_bytes(layers, encoding, config, size[0] * size[1])
    less = "choose fewer or narrower layers"
    check_available(needed, f"{less}, or a grid of fewer entries" if encoding.levels else less)


def check_available(needed: int, advice: str) -> None:
    """Raise `InputError`, with advice, if a network needs more bytes than there are."""
    available = machine.physical_memory()
    if needed > available:
        raise InputError(
            f"this network needs {needed / 1e9:,.1f} GB of memory, and this machine has "
            f"{available / 1e9:,.1f} GB: {advice}"
        )
