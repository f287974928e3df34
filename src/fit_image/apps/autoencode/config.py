"""What decides how an auto-encoder is built and trained."""

from __future__ import annotations

from dataclasses import dataclass

from fit_image.config.fit import check_choice
from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.config.settings import SEED, check_ranges, setting
from fit_image.errors import InputError

ACTIVATIONS = ("leaky-relu", "relu", "elu", "softplus", "tanh", "sigmoid", "identity")
"""What the units between pictures may be; keys of `fit_image.nn.activations.ACTIVATIONS`."""

BOTTLENECK = 1024
"""Units of the code of a fully connected network, where nothing else is asked for."""

DENSE_RATE, CONVOLUTIONAL_RATE = 0.003, 0.01
"""Learning rates, where nothing else is asked for."""

LARGEST_LAYER = 1 << 20

_FILTERS = 8


@dataclass(frozen=True)
class AutoencodeConfig:
    """The network, and how it learns.

    Pictures are sigmoid units. A network that is not ``raw`` is shown the differences from the mean
    of the pictures that it learns from: the mean picture or, if it is convolutional, the mean
    colour.

    Raises
    ------
    InputError
        If a value is out of its range, or two do not go together.
    """

    bottleneck: int | None = setting(
        None, "Numbers of the code that a picture is squeezed into.", (1, LARGEST_LAYER)
    )
    hidden: tuple[int, ...] = setting(
        (),
        "Units of the layers before the code, such as 512,256; those after it mirror them.",
        (1, LARGEST_LAYER),
    )
    tied: bool = setting(False, "Give the decoder the encoder's weights, turned round.")
    conv: bool = setting(
        False, "A convolutional network: 3x3 filters and pooling, twice, and the mirror of that."
    )
    filters: int = setting(_FILTERS, "Filters of each of its convolutions.", (1, 1 << 10))
    activation: str = setting("elu", "Of the hidden layers and convolutions.")
    code_activation: str = setting("identity", "Of the units of the code.")
    raw: bool = setting(
        False, "Show the network pictures as they are, without subtracting the mean of all."
    )
    batch_size: int = setting(
        100, "Pictures of a step; the last batch of an epoch has what remains.", (1, 1 << 20)
    )
    learning_rate: float | None = setting(
        None, "Learning rate of Adam.", (1e-9, LARGEST_RATE), may_change=True
    )
    weight_decay: float = setting(
        0.0,
        "Share of the weights, times the learning rate, that a step takes off (AdamW).",
        (0, LARGEST_RATE),
        may_change=True,
    )
    mirror: bool = setting(False, "Turn pictures left to right by chance.", may_change=True)
    shift: int = setting(
        0, "Shift pictures by chance, by so many pixels at most.", (0, 1000), may_change=True
    )
    seed: int = setting(
        0,
        "Of the first weights, of the pictures that are held out, and of all that is left to "
        "chance.",
        SEED,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        for name in ("activation", "code_activation"):
            check_choice(name, getattr(self, name), ACTIVATIONS)
        if self.conv and self.tied:
            raise InputError(
                "tied is for fully connected networks: omit it or conv", fields=("tied", "conv")
            )
        if self.conv and self.hidden:
            raise InputError(
                "hidden is for fully connected networks: omit it or conv",
                fields=("hidden", "conv"),
            )
        if not self.conv and self.filters != _FILTERS:
            raise InputError(
                "filters is for convolutional networks: add conv or omit it",
                fields=("filters", "conv"),
            )

    @property
    def code_units(self) -> int | None:
        """Units of the dense layer that is the code; None if there is none."""
        return BOTTLENECK if self.bottleneck is None and not self.conv else self.bottleneck

    @property
    def rate(self) -> float:
        """The learning rate."""
        if self.learning_rate is not None:
            return self.learning_rate
        return CONVOLUTIONAL_RATE if self.conv else DENSE_RATE
