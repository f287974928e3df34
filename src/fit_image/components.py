"""The names of the components that options choose from, and their defaults.

Those of the core have a table there, too; here they can be read without loading numerics.
"""

from __future__ import annotations

from dataclasses import dataclass

PACES = ("even", "visible")

CHANNELS = {"rgb": 3, "grey": 1, "rgba": 4}
"""What may be learned of a picture, and how many numbers that is for a pixel."""


@dataclass(frozen=True)
class OptimizerDefaults:
    """What an optimizer takes where nothing else is asked for."""

    learning_rate: float
    batch_size: int
    weight_decay: float | None = None
    """None where there is no such thing."""
    adaptive: bool = False
    """Whether the size of a step does not depend on that of the gradient."""


# Rates that very deep networks bear, too; batches that come furthest in the same time.
OPTIMIZERS = {
    "sgd": OptimizerDefaults(0.1, 1),
    "momentum": OptimizerDefaults(0.1, 16),
    "adam": OptimizerDefaults(0.001, 64, adaptive=True),
    "adamw": OptimizerDefaults(0.001, 64, weight_decay=0.01, adaptive=True),
}
"""The optimizers of `fit_image.nn.optimizers.registry`, here so that the help needs no numerics."""

LOSSES = ("mse", "l1", "huber")
"""The losses of `fit_image.nn.losses`."""

SCHEDULES = ("constant", "cosine", "exponential")
"""The schedules of `fit_image.nn.optimizers.schedules`."""

SAMPLINGS = ("uniform", "error")
"""Ways to choose the pixels of an epoch."""


@dataclass(frozen=True)
class ActivationDefaults:
    """What an activation needs of a configuration.

    Attributes
    ----------
    fields : tuple of str
        The fields of `FitConfig` that it uses.
    descent, adaptive : float
        Factors of the optimizer's default learning rate: of sgd and momentum, and of the others.
    """

    fields: tuple[str, ...] = ()
    descent: float = 1.0
    adaptive: float = 1.0


ACTIVATIONS = {
    "leaky-relu": ActivationDefaults(("slope",)),
    "relu": ActivationDefaults(),
    "elu": ActivationDefaults(),
    "softplus": ActivationDefaults(),
    "tanh": ActivationDefaults(),
    "scaled-tanh": ActivationDefaults(),
    "sigmoid": ActivationDefaults(),
    # Waves and bells are steeper by their omega or scale.
    "sine": ActivationDefaults(("omega",), descent=0.03, adaptive=0.1),
    "gauss": ActivationDefaults(("scale",), descent=0.3),
    "gabor": ActivationDefaults(("omega", "scale"), descent=0.03, adaptive=0.3),
    "finer": ActivationDefaults(("omega",), descent=0.03, adaptive=0.1),
    "identity": ActivationDefaults(),
}
"""The activations of `fit_image.nn.activations`."""


def activations_with(field: str) -> str:
    """Return in words which activations use a field of `FitConfig`."""
    *others, last = [name for name, needs in ACTIVATIONS.items() if field in needs.fields]
    return f"{', '.join(others)} or {last}" if others else last


SUBSAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
"""How much coarser JPEG stores differences of colours than luma, and Pillow's number for it."""

PAPERS = ("white", "black", "learned")
"""Shades of what surrounds a digit; the last one is that of the pictures it was learned from."""

WALKS = ("linear", "sinusoidal")
"""From digit to digit in even steps, or in slower ones near each."""

OUTPUT_ACTIVATIONS = ("identity", "sigmoid")

INITS = ("auto", "classic", "he", "xavier", "siren", "normal:STD")
"""What an initialisation may be; the rules are those of `fit_image.nn.initializers`."""
