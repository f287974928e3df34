"""Configuration of an auto-encoder and its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.config.registry import SCHEDULES
from fit_image.config.settings import (
    SEED,
    check_choice,
    check_settings,
    documented,
    require,
    setting,
)
from fit_image.errors import InputError

ACTIVATIONS = ("leaky-relu", "relu", "elu", "softplus", "tanh", "sigmoid", "identity")
"""Activations of hidden layers; keys of `fit_image.nn.activations.ACTIVATIONS`."""

OUTPUTS = ("sigmoid", "identity")
"""Activations of the output."""

SCALINGS = ("pool", "stride", "shuffle")
"""Ways from one level of a convolutional network to the next, and back."""

BOTTLENECK, RESIDUAL_BOTTLENECK = 1024, 128
"""Default sizes of the code: of a fully connected network, and of a residual one."""

DENSE_RATE, CONVOLUTIONAL_RATE, RESIDUAL_RATE = 0.003, 0.01, 0.002
"""Default learning rates."""

LARGEST_LAYER = 1 << 20

_FILTERS = (8,)


@documented
@dataclass(frozen=True)
class AutoencodeConfig:
    """The network, and how it is trained.

    Unless ``raw``, the mean of the training pictures is subtracted from the inputs: the mean
    picture or, of a convolutional network, the mean colour. A residual one adds it in the end.
    An `InputError` is raised if a value is out of range, or two exclude each other.
    """

    bottleneck: int | None = setting(None, "Size of the code (bottleneck).", (1, LARGEST_LAYER))
    hidden: tuple[int, ...] = setting(
        (),
        "Widths of the encoder's hidden layers, such as 512,256; the decoder mirrors them.",
        (1, LARGEST_LAYER),
    )
    tied: bool = setting(False, "Tie the decoder's weights to the encoder's, transposed.")
    conv: bool = setting(
        False,
        "Convolutional network: 3x3 convolution and pooling, twice, and the mirrored decoder.",
    )
    filters: tuple[int, ...] = setting(
        _FILTERS,
        "Filters of the convolutions: one number for each, such as 32,64, for more or fewer levels "
        "than two; a single one is for both.",
        (1, 1 << 10),
    )
    scaling: str = setting(
        "pool",
        "Between the levels of --conv: max pooling and repeated pixels, a stride of 2 and repeated "
        "pixels, or pixels to channels and back (pixel shuffle).",
        choices=SCALINGS,
        added=True,
    )
    residual: bool = setting(
        False,
        "With --conv: a linear network, which starts as the principal components of the pictures, "
        "and convolutions that correct what it sees and draws.",
        added=True,
    )
    activation: str = setting(
        "elu", "Activation of the hidden layers and convolutions.", choices=ACTIVATIONS
    )
    code_activation: str = setting("identity", "Activation of the code.", choices=ACTIVATIONS)
    output_activation: str | None = setting(
        None, "Activation of the output.", choices=OUTPUTS, added=True
    )
    raw: bool = setting(False, "Do not subtract the mean of the pictures from the input.")
    batch_size: int = setting(
        100, "Pictures in a batch; the last batch of an epoch may be smaller.", (1, 1 << 20)
    )
    learning_rate: float | None = setting(
        None, "Learning rate of Adam.", (1e-9, LARGEST_RATE), may_change=True
    )
    lr_schedule: str = setting(
        "constant",
        "Learning rate over all epochs: constant, cosine or linear decay to 0, or exponential "
        "decay to a hundredth.",
        choices=SCHEDULES,
        may_change=True,
        added=True,
    )
    average: float = setting(
        0.0,
        "Decay of the moving average (EMA) of the weights, which is then evaluated and saved, such "
        "as 0.99; 0 for none.",
        (0, 0.99999),
        added=True,
    )
    weight_decay: float = setting(
        0.0,
        "Decoupled weight decay (AdamW), multiplied by the learning rate.",
        (0, LARGEST_RATE),
        may_change=True,
    )
    mirror: bool = setting(False, "Flip pictures horizontally at random.", may_change=True)
    shift: int = setting(
        0, "Shift pictures at random, by at most this many pixels.", (0, 1000), may_change=True
    )
    seed: int = setting(
        0,
        "Seed of the initial weights, of the held-out pictures, and of all other randomness.",
        SEED,
    )

    def __post_init__(self) -> None:
        filters: object = self.filters
        if type(filters) is int:
            object.__setattr__(self, "filters", (filters,))
        check_settings(self)
        require(len(self.filters) > 0, "filters", "must be one number or more")
        for name in ("tied", "hidden"):
            if self.conv and getattr(self, name):
                raise InputError(
                    f"{name} is for fully connected networks: omit it or conv",
                    fields=(name, "conv"),
                )
        for name in ("filters", "scaling", "residual"):
            if not self.conv and getattr(self, name) != getattr(type(self), name):
                raise InputError(
                    f"{name} is for convolutional networks: add conv or omit it",
                    fields=(name, "conv"),
                )
        unused = {
            "scaling": self.scaling != "pool",
            "raw": self.raw,
            "code_activation": self.code_activation != "identity",
            "output_activation": self.output_activation == "sigmoid",
        }
        for name in (name for name, given in unused.items() if self.residual and given):
            raise InputError(
                f"{name} is not for a linear network between convolutions: omit it or residual",
                fields=(name, "residual"),
            )

    @property
    def kind(self) -> str:
        """The kind of network, in words."""
        if self.residual:
            return "residual"
        return "convolutional" if self.conv else "fully connected"

    @property
    def code_units(self) -> int | None:
        """Units of the dense layer that makes the code; None if there is none."""
        if self.bottleneck is None and self.residual:
            return RESIDUAL_BOTTLENECK
        return BOTTLENECK if self.bottleneck is None and not self.conv else self.bottleneck

    @property
    def levels(self) -> tuple[int, ...]:
        """Filters of each level of a convolutional network that is not residual."""
        return self.filters * 2 if len(self.filters) == 1 else self.filters

    @property
    def output(self) -> str:
        """The activation of the output, or the network's default."""
        return self.output_activation or ("identity" if self.residual else "sigmoid")

    @property
    def rate(self) -> float:
        """The learning rate, or the network's default."""
        if self.learning_rate is not None:
            return self.learning_rate
        if self.residual:
            return RESIDUAL_RATE
        return CONVOLUTIONAL_RATE if self.conv else DENSE_RATE


PRESETS: dict[str, dict[str, Any]] = {
    "article": {},
    "strong": {
        "conv": True,
        "residual": True,
        "filters": (32, 32),
        "activation": "relu",
        "batch_size": 50,
        "mirror": True,
        "lr_schedule": "cosine",
        "average": 0.99,
    },
}
"""Values that replace defaults of `AutoencodeConfig`."""


def preset_config(name: str, **options: Any) -> AutoencodeConfig:
    """Return the configuration of one of `PRESETS`.

    ``options`` are fields of `AutoencodeConfig` that override the preset's values. `InputError` if
    the preset does not exist, or a value is out of range.
    """
    check_choice("preset", name, PRESETS)
    return AutoencodeConfig(**(PRESETS[name] | options))
