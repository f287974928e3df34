"""What decides how a network learns to remove JPEG's artefacts."""

from __future__ import annotations

from dataclasses import dataclass

from fit_image.components import SUBSAMPLINGS
from fit_image.config import check_choice, check_range
from fit_image.errors import InputError
from fit_image.notation import LARGEST_RATE, Hidden, parse_qualities

STEP = 8
"""Pixels from one patch to the next: the side of JPEG's blocks."""

LARGEST_BLOCK = 256
"""Rows and columns of a patch at most."""

LEARNING_RATES = {"sgd": 0.1, "adam": 0.0003}
"""The optimizers, and the learning rates that they have where nothing else is asked for."""

RULES = frozenset({"learning_rate", "patience"})
"""What may change when a training goes on."""

LIMITS: dict[str, tuple[float, float]] = {
    "block": (STEP, LARGEST_BLOCK),
    "learning_rate": (0, LARGEST_RATE),
    "batch_size": (1, 1 << 16),
    "patches": (1, 1 << 40),
    "patience": (0, 1_000_000),
    "oversample": (0, 10),
    "average": (0, 0.99999),
    "seed": (0, 2**63 - 1),
}
"""What numbers of a recipe may be."""


@dataclass(frozen=True)
class Recipe:
    """The network, the damage that it learns to undo, and how it learns.

    The defaults are those of the program ``chinery/UnJPEG`` (2016), but for the number of units: of
    these it has 8,000 in a layer.

    Attributes
    ----------
    block : int
        Rows and columns of a patch, a multiple of 8.
    layers : tuple of Hidden
        The hidden layers, all of scaled tanh.
    quality : str
        Of the JPEG pictures, 1 to 100, or a range of these such as ``30-90``.
    subsampling : str
        A key of `SUBSAMPLINGS`.
    difference : bool
        Whether the network's outputs are added to its inputs.
    optimizer : str
        A key of `LEARNING_RATES`.
    learning_rate : float
        Of Adam; or of plain gradient descent, where each layer's is this over its fan-in. 0 is the
        optimizer's default.
    batch_size : int
        Patches of a batch.
    patches : int
        Of an epoch.
    patience : int
        Epochs without a better validation error after which the training ends; 0 for no end.
    oversample : float
        Patches are drawn with a chance that is their JPEG's error to this power; 0 for all alike.
    whiten : bool
        Whether inputs are decorrelated, and all made equally wide (LeCun et al., "Efficient
        BackProp", 1998). When the network is saved, that becomes a part of its first layer.
    average : float
        What is kept of the mean of the network over its steps, which then is the one that counts; 0
        for no mean. Polyak and Juditsky, "Acceleration of stochastic approximation by averaging",
        1992, with a mean that forgets.
    seed : int

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    block: int = 24
    layers: tuple[Hidden, ...] = (Hidden(2047),) * 4
    quality: str = "85"
    subsampling: str = "4:2:0"
    difference: bool = False
    optimizer: str = "sgd"
    learning_rate: float = 0.0
    batch_size: int = 100
    patches: int = 100_000
    patience: int = 20
    oversample: float = 0.0
    whiten: bool = False
    average: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, limits in LIMITS.items():
            check_range(name, getattr(self, name), limits)
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
