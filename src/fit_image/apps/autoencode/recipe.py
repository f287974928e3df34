"""What decides how an auto-encoder is built and trained."""

from __future__ import annotations

from dataclasses import dataclass, fields

from fit_image.config import check_range, option_of
from fit_image.errors import InputError
from fit_image.notation import LARGEST_RATE

RULES = frozenset({"learning_rate", "weight_decay", "mirror", "shift"})
"""What may change when a training goes on: how the network learns, and not what it is."""

ACTIVATIONS = ("leaky-relu", "relu", "elu", "softplus", "tanh", "sigmoid", "identity")
"""What the units between pictures may be; keys of `fit_image.nn.activations.ACTIVATIONS`."""

BOTTLENECK = 1024
"""Units of the code of a fully connected network, where nothing else is asked for."""

DENSE_RATE, CONVOLUTIONAL_RATE = 0.003, 0.01
"""Learning rates, where nothing else is asked for."""

LARGEST_LAYER = 1 << 20


@dataclass(frozen=True)
class Recipe:
    """The network, and how it learns.

    Attributes
    ----------
    bottleneck : int or None
        Numbers of the code. None is `BOTTLENECK`; of a convolutional network, the pooled maps.
    hidden : tuple of int
        Units of the layers before the code; those after it are their mirror.
    tied : bool
        Whether the decoder has the encoder's weights.
    conv : bool
        Whether the network is convolutional.
    filters : int
        Of each convolution.
    activation, code_activation : str
        Of the hidden layers, and of the code: of `ACTIVATIONS`. Pictures are sigmoid units.
    raw : bool
        Whether the network is shown pictures as they are, and not their differences from the mean
        of those it learns from: the mean picture or, if it is convolutional, the mean colour.
    batch_size : int
        The last batch of an epoch has what remains.
    learning_rate : float or None
        Of Adam. None is `DENSE_RATE` or `CONVOLUTIONAL_RATE`.
    weight_decay : float
        Of AdamW; 0 is Adam.
    mirror : bool
        Whether pictures are turned left to right by chance.
    shift : int
        Pixels by which pictures are shifted by chance, at most, to each side.
    seed : int

    Raises
    ------
    InputError
        If a value is out of its range, or two do not go together.
    """

    bottleneck: int | None = None
    hidden: tuple[int, ...] = ()
    tied: bool = False
    conv: bool = False
    filters: int = 8
    activation: str = "elu"
    code_activation: str = "identity"
    raw: bool = False
    batch_size: int = 100
    learning_rate: float | None = None
    weight_decay: float = 0.0
    mirror: bool = False
    shift: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, limits in LIMITS.items():
            values = getattr(self, name)
            for value in values if isinstance(values, tuple) else (values,):
                if value is not None:
                    check_range(name, value, limits)
        for name in ("activation", "code_activation"):
            if getattr(self, name) not in ACTIVATIONS:
                raise InputError(f"{option_of(name)} must be one of {', '.join(ACTIVATIONS)}")
        if self.conv and self.tied:
            raise InputError("--tied is for fully connected networks: leave it or --conv out")
        if self.conv and self.hidden:
            raise InputError("--hidden is for fully connected networks: leave it or --conv out")
        if not self.conv and self.filters != _DEFAULT_FILTERS:
            raise InputError("--filters is for convolutional networks: add --conv, or leave it out")

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


LIMITS: dict[str, tuple[float, float]] = {
    "bottleneck": (1, LARGEST_LAYER),
    "hidden": (1, LARGEST_LAYER),
    "filters": (1, 1 << 10),
    "batch_size": (1, 1 << 20),
    "learning_rate": (1e-9, LARGEST_RATE),
    "weight_decay": (0, LARGEST_RATE),
    "shift": (0, 1000),
    "seed": (0, 2**63 - 1),
}
"""What numbers of a recipe may be."""

_DEFAULT_FILTERS = next(field.default for field in fields(Recipe) if field.name == "filters")
