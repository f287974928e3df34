"""What decides how a network learns to remove JPEG's artefacts."""

from __future__ import annotations

from dataclasses import dataclass

from fit_image.config.fit import check_choice
from fit_image.config.layer_spec import LARGEST_RATE, LAYERS_AS_TEXT, Hidden, parse_qualities
from fit_image.config.registry import SUBSAMPLINGS
from fit_image.config.settings import SEED, check_ranges, setting
from fit_image.errors import InputError

STEP = 8
"""Pixels from one patch to the next: the side of JPEG's blocks."""

LARGEST_BLOCK = 256
"""Rows and columns of a patch at most."""

LEARNING_RATES = {"sgd": 0.1, "adam": 0.0003}
"""The optimizers, and the learning rates that they have where nothing else is asked for."""


@dataclass(frozen=True)
class UnjpegConfig:
    """The network, the damage that it learns to undo, and how it learns.

    The defaults are those of the program ``chinery/UnJPEG`` (2016), but for the number of units: of
    these it has 8,000 in a layer.

    Whitening is after LeCun et al., "Efficient BackProp", 1998; when the network is saved, it
    becomes a part of its first layer. The mean of the network over its steps is that of Polyak and
    Juditsky, "Acceleration of stochastic approximation by averaging", 1992, but forgets.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    block: int = setting(24, "Rows and columns of a patch, a multiple of 8.", (STEP, LARGEST_BLOCK))
    layers: tuple[Hidden, ...] = setting(
        (Hidden(2047),) * 4,
        "Units of the hidden layers, such as 4x2047 or 500,300.",
        as_text=LAYERS_AS_TEXT,
    )
    quality: str = setting("85", "Of the JPEG pictures, 1 to 100, or a range such as 30-90.")
    subsampling: str = setting("4:2:0", "How much coarser than luma their colours are.")
    difference: bool = setting(False, "Learn what to add to the JPEG, instead of the whole.")
    optimizer: str = setting("sgd", "Plain gradient descent, or Adam.")
    learning_rate: float = setting(
        0.0,
        "Of Adam; or of descent, divided by a layer's inputs. 0 for the default.",
        (0, LARGEST_RATE),
        may_change=True,
    )
    batch_size: int = setting(100, "Patches of a batch.", (1, 1 << 16))
    patches: int = setting(100_000, "Patches of an epoch.", (1, 1 << 40))
    patience: int = setting(
        20,
        "Epochs without a better validation error that end the training; 0 for no end.",
        (0, 1_000_000),
        may_change=True,
    )
    oversample: float = setting(
        0.0, "Draw patches by their JPEG's error to this power; 0 for all alike.", (0, 10)
    )
    whiten: bool = setting(
        False,
        "Decorrelate the inputs: learning is faster by far with Adam and --difference.",
    )
    average: float = setting(
        0.0,
        "What to keep of the network's mean over the steps, such as 0.999, which then is what "
        "counts; 0 for none.",
        (0, 0.99999),
    )
    seed: int = setting(
        0, "Of the first weights, the order of patches, and all else that is left to chance.", SEED
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.block % STEP:
            raise InputError(
                f"block must be a multiple of {STEP}, not {self.block}", fields=("block",)
            )
        if self.patches < self.batch_size:
            raise InputError(
                f"patches must be at least batch_size ({self.batch_size:,})",
                fields=("patches", "batch_size"),
            )
        parse_qualities(self.quality)
        for name, choices in (("subsampling", SUBSAMPLINGS), ("optimizer", LEARNING_RATES)):
            check_choice(name, getattr(self, name), choices)
        if any(layer.skip or layer.activation for layer in self.layers):
            raise InputError(
                "layers must be numbers of units here, such as 4x2047 or 500,300",
                fields=("layers",),
            )

    @property
    def rate(self) -> float:
        """The learning rate."""
        return self.learning_rate or LEARNING_RATES[self.optimizer]

    @property
    def widths(self) -> tuple[int, ...]:
        """The units of the hidden layers."""
        return tuple(layer.width for layer in self.layers)
