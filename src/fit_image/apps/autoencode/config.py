"""Configuration of an auto-encoder and its training."""

from __future__ import annotations

from dataclasses import dataclass

from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.config.settings import SEED, check_settings, documented, setting
from fit_image.errors import InputError

ACTIVATIONS = ("leaky-relu", "relu", "elu", "softplus", "tanh", "sigmoid", "identity")
"""Activations of hidden layers; keys of `fit_image.nn.activations.ACTIVATIONS`."""

BOTTLENECK = 1024
"""Default size of the code of a fully connected network."""

DENSE_RATE, CONVOLUTIONAL_RATE = 0.003, 0.01
"""Default learning rates."""

LARGEST_LAYER = 1 << 20

_FILTERS = 8


@documented
@dataclass(frozen=True)
class AutoencodeConfig:
    """The network, and how it is trained.

    The outputs are sigmoid units. Unless ``raw``, the mean of the training pictures is subtracted
    from the inputs: the mean picture or, of a convolutional network, the mean colour.
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
    filters: int = setting(_FILTERS, "Filters of each convolution.", (1, 1 << 10))
    activation: str = setting(
        "elu", "Activation of the hidden layers and convolutions.", choices=ACTIVATIONS
    )
    code_activation: str = setting("identity", "Activation of the code.", choices=ACTIVATIONS)
    raw: bool = setting(False, "Do not subtract the mean of the pictures from the input.")
    batch_size: int = setting(
        100, "Pictures in a batch; the last batch of an epoch may be smaller.", (1, 1 << 20)
    )
    learning_rate: float | None = setting(
        None, "Learning rate of Adam.", (1e-9, LARGEST_RATE), may_change=True
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
        check_settings(self)
        for name in ("tied", "hidden"):
            if self.conv and getattr(self, name):
                raise InputError(
                    f"{name} is for fully connected networks: omit it or conv",
                    fields=(name, "conv"),
                )
        if not self.conv and self.filters != _FILTERS:
            raise InputError(
                "filters is for convolutional networks: add conv or omit it",
                fields=("filters", "conv"),
            )

    @property
    def code_units(self) -> int | None:
        """Units of the dense layer that makes the code; None if there is none."""
        return BOTTLENECK if self.bottleneck is None and not self.conv else self.bottleneck

    @property
    def rate(self) -> float:
        """The learning rate, or the network's default."""
        if self.learning_rate is not None:
            return self.learning_rate
        return CONVOLUTIONAL_RATE if self.conv else DENSE_RATE
