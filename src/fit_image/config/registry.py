"""Names and defaults of the components that options choose from.

Their implementations have tables of their own; this module loads no numerics.
"""

from __future__ import annotations

from dataclasses import dataclass

from fit_image.errors import InputError, excerpt
from fit_image.nn.expressions import (
    PREFIX,
    Expression,
    Expressions,
    is_expression,
    parse_expression,
)

PACES = ("even", "visible")

LOOPS = ("forward", "boomerang", "once")
"""Ways to play an animation."""

CHANNELS = {"rgb": 3, "grey": 1, "rgba": 4}
"""Choices of channels: numbers per pixel."""


@dataclass(frozen=True)
class OptimizerDefaults:
    """Default settings of an optimizer, and what is known of its steps.

    ``adaptive`` says whether a step's size ignores the gradient's, ``momentum`` how much of the
    step before a step repeats.
    """

    learning_rate: float
    batch_size: int
    weight_decay: float | None = None
    adaptive: bool = False
    momentum: float = 0.0


# Learning rates at which very deep networks still converge; batch sizes that learn most in a given
# time.
OPTIMIZERS = {
    "sgd": OptimizerDefaults(0.1, 1),
    "momentum": OptimizerDefaults(0.1, 16, momentum=0.9),
    "adam": OptimizerDefaults(0.001, 64, adaptive=True),
    "adamw": OptimizerDefaults(0.001, 64, weight_decay=0.01, adaptive=True),
    "soap": OptimizerDefaults(0.003, 1024, adaptive=True),
}
"""The optimizers of `fit_image.nn.optimizers.registry`."""

LOSSES = ("mse", "l1", "huber")
"""The losses of `fit_image.nn.losses`."""

SCHEDULES = ("constant", "cosine", "exponential", "linear")
"""The schedules of `fit_image.nn.optimizers.schedules`."""

SCHEDULE_LENGTHS = ("epochs", "time")
"""Lengths of a schedule: all epochs, or the time limit."""

SAMPLINGS = ("uniform", "error")
"""Ways to choose an epoch's pixels."""


@dataclass(frozen=True)
class ActivationDefaults:
    """The fields of `FitConfig` that an activation uses, and its factors of the learning rate.

    The default rate of sgd and momentum has the factor ``descent``, that of adaptive optimizers
    ``adaptive``.
    """

    fields: tuple[str, ...] = ()
    descent: float = 1.0
    adaptive: float = 1.0


_NAMED = {
    "leaky-relu": ActivationDefaults(("slope",)),
    "relu": ActivationDefaults(),
    "elu": ActivationDefaults(),
    "softplus": ActivationDefaults(),
    "tanh": ActivationDefaults(),
    "scaled-tanh": ActivationDefaults(),
    "sigmoid": ActivationDefaults(),
    # Sines and bells are steeper by their omega or scale.
    "sine": ActivationDefaults(("omega",), descent=0.03, adaptive=0.1),
    "gauss": ActivationDefaults(("scale",), descent=0.3),
    "gabor": ActivationDefaults(("omega", "scale"), descent=0.03, adaptive=0.3),
    "finer": ActivationDefaults(("omega",), descent=0.03, adaptive=0.1),
    "identity": ActivationDefaults(),
}


def _expressed(expression: Expression) -> ActivationDefaults:
    # What uses omega is as steep as a sine.
    steep = _NAMED["sine" if "omega" in expression.fields else "identity"]
    return ActivationDefaults(expression.fields, steep.descent, steep.adaptive)


ACTIVATIONS = Expressions(_expressed, _NAMED)
"""The activations of `fit_image.nn.activations`."""


def parse_activation(name: str) -> str:
    """Return the name of an activation, of an expression its text.

    Raises
    ------
    InputError
        If it is neither.
    """
    if is_expression(name):
        return parse_expression(name).text
    if name not in ACTIVATIONS:
        expressed = f"or an expression, {PREFIX} ..."
        raise InputError(f"{excerpt(name)!a} is not one of {', '.join(ACTIVATIONS)}, {expressed}")
    return name


def activations_with(field: str) -> str:
    """Return the names of the activations that use a field of `FitConfig`, as a phrase."""
    *others, last = [name for name, needs in ACTIVATIONS.items() if field in needs.fields]
    return f"{', '.join(others)} or {last}" if others else last


AUTO_RATE = "auto"
"""In place of a learning rate: the one that `fit_image.apps.lr_finder` suggests."""

HALVING_FACTORS = (2, 1000)
"""Limits of the factor of successive halving."""

SUBSAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
"""Chroma subsamplings of JPEG, with Pillow's numbers for them."""

EXPORTS = (".html", ".glsl", ".onnx", ".safetensors", ".py")
"""The formats of `fit_image.apps.export.registry`."""

PAPERS = ("white", "black", "learned")
"""Backgrounds of digits; ``learned`` is that of the training pictures."""

DIGIT_MODELS = ("varied", "article")
"""Generators of digits that come with the package; the first is the default."""

WALKS = ("linear", "sinusoidal")
"""Steps from digit to digit: even, or smaller near each digit."""

OUTPUT_ACTIVATIONS = ("identity", "sigmoid")

INITS = ("auto", "classic", "he", "xavier", "siren", "normal:STD")
"""The initialisations of `fit_image.nn.initializers`."""
