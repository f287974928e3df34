"""Configuration of a network that removes JPEG artefacts, and its training."""

from __future__ import annotations

from dataclasses import dataclass

from fit_image.config.layer_spec import LARGEST_RATE, LAYERS_AS_TEXT, Hidden, parse_qualities
from fit_image.config.registry import SUBSAMPLINGS
from fit_image.config.settings import SEED, check_settings, documented, require, setting
from fit_image.errors import InputError

STEP = 8
"""Pixels from one patch to the next: the side of JPEG's blocks."""

LARGEST_BLOCK = 256
"""Largest side of a patch."""

LEARNING_RATES = {"sgd": 0.1, "adam": 0.0003}
"""The optimizers, and their default learning rates."""


@documented
@dataclass(frozen=True)
class UnjpegConfig:
    """The network, the compression that it learns to undo, and its training.

    The defaults are those of the program ``chinery/UnJPEG`` (2016), except that its layers have
    8,000 units.

    Whitening is after LeCun et al., "Efficient BackProp", 1998; when the network is saved, it
    becomes a part of the first layer. The average of the network over its steps is that of Polyak
    and Juditsky, "Acceleration of stochastic approximation by averaging", 1992, with decay.
    An `InputError` is raised if a value is out of range.
    """

    block: int = setting(24, "Side of a patch in pixels, a multiple of 8.", (STEP, LARGEST_BLOCK))
    layers: tuple[Hidden, ...] = setting(
        (Hidden(2047),) * 4,
        "Widths of the hidden layers, such as 4x2047 or 500,300.",
        as_text=LAYERS_AS_TEXT,
    )
    quality: str = setting("85", "JPEG quality of the inputs: 1 to 100, or a range such as 30-90.")
    subsampling: str = setting("4:2:0", "Chroma subsampling of the inputs.", choices=SUBSAMPLINGS)
    difference: bool = setting(False, "Learn the correction to the JPEG, instead of the picture.")
    optimizer: str = setting(
        "sgd", "Optimizer: plain gradient descent, or Adam.", choices=LEARNING_RATES
    )
    learning_rate: float = setting(
        0.0,
        "Learning rate; with sgd, divided by a layer's inputs. 0 for the default.",
        (0, LARGEST_RATE),
        may_change=True,
    )
    batch_size: int = setting(100, "Patches in a batch.", (1, 1 << 16))
    patches: int = setting(100_000, "Patches in an epoch.", (1, 1 << 40))
    patience: int = setting(
        20,
        "Stop after this many epochs without a better validation error; 0 for never.",
        (0, 1_000_000),
        may_change=True,
    )
    oversample: float = setting(
        0.0,
        "Sample patches in proportion to their JPEG error to this power; 0 samples uniformly.",
        (0, 10),
    )
    whiten: bool = setting(
        False,
        "Whiten the inputs: much faster learning with Adam and --difference.",
    )
    average: float = setting(
        0.0,
        "Decay of the moving average (EMA) of the weights, which is then evaluated and saved, such "
        "as 0.999; 0 for none.",
        (0, 0.99999),
    )
    seed: int = setting(
        0, "Seed of the initial weights, the order of patches, and all other randomness.", SEED
    )

    def __post_init__(self) -> None:
        check_settings(self)
        multiple = f"must be a multiple of {STEP}, not {self.block}"
        require(self.block % STEP == 0, "block", multiple)
        if self.patches < self.batch_size:
            raise InputError(
                f"patches must be at least batch_size ({self.batch_size:,})",
                fields=("patches", "batch_size"),
            )
        parse_qualities(self.quality)
        plain = not any(layer.skip or layer.activation for layer in self.layers)
        require(plain, "layers", "must be numbers of units here, such as 4x2047 or 500,300")

    @property
    def rate(self) -> float:
        """The learning rate, or the optimizer's default."""
        return self.learning_rate or LEARNING_RATES[self.optimizer]

    @property
    def widths(self) -> tuple[int, ...]:
        """The units of the hidden layers."""
        return tuple(layer.width for layer in self.layers)
