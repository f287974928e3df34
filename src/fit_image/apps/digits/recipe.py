"""What decides how a generator of digits is trained."""

from __future__ import annotations

from dataclasses import dataclass, fields

from fit_image.config import check_range
from fit_image.errors import InputError
from fit_image.notation import LARGEST_RATE

RULES = frozenset(
    {
        "learning_rate",
        "clip",
        "real_weight",
        "fake_weight",
        "divergence_weight",
        "generator_steps",
        "generator_goal",
        "good_generator",
        "classifier_steps",
        "fake_behind",
        "fake_goal",
        "real_behind",
        "real_goal",
        "average",
    }
)
"""What may change when a training goes on: how the networks learn, and not what they are."""


@dataclass(frozen=True)
class Recipe:
    """The networks, and the game that they play.

    The defaults are those of the program ``hardmaru/resnet-cppn-gan-tensorflow`` (2016), whose
    classifier has moments of its own for steps on real pictures alone; here it has one set.

    Attributes
    ----------
    batch_size : int
        Pictures of a batch, with which all steps of a round are taken.
    learning_rate, beta1 : float
        Of Adam; the second is what it keeps of the mean gradient, 0 to below 1.
    clip : float
        Norm of a gradient at most.
    latent : int
        Numbers from which a picture is drawn.
    units, blocks, block_layers : int
        Of the generator: units of a layer, residual blocks, and ReLU layers in a block.
    scale : float
        x and y run from minus to plus this along the shorter side; the latent numbers, too, are
        multiplied by it.
    encoder_units : int
        Of each of the encoder's two hidden layers.
    keep : float
        Share of these that dropout keeps.
    maps : int
        Of the classifier's first convolution; the others have twice and four times as many.
    crop : int
        Rows and columns that a random crop takes off a picture.
    real_weight, fake_weight, divergence_weight : float
        Of the losses: real digits, generated ones, and the Kullback-Leibler divergence a pixel.
    generator_steps : int
        Of a round at most; fewer once the share ``generator_goal`` of digits is taken for real ones
        of their class.
    classifier_steps : int
        At most so many follow, if at least ``good_generator`` are, and the classifier recognises
        less than ``fake_behind`` of them as generated; until it recognises ``fake_goal``.
        Otherwise, if it recognises less than ``real_behind`` of the real ones, it learns from these
        alone, until it recognises ``real_goal``.
    average : float
        What the networks that draw keep of their average over the steps; 0 for no average, as in
        the source. Yazici et al., "The unusual effectiveness of averaging in GAN training", ICLR
        2019: the game goes round in circles, whose middle is better than any point of them.
    seed : int

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    batch_size: int = 1000
    learning_rate: float = 0.001
    beta1: float = 0.75
    clip: float = 5.0
    latent: int = 32
    units: int = 6
    blocks: int = 24
    block_layers: int = 4
    scale: float = 8.0
    encoder_units: int = 512
    keep: float = 0.65
    maps: int = 32
    crop: int = 2
    real_weight: float = 10.0
    fake_weight: float = 1.0
    divergence_weight: float = 10.0
    generator_steps: int = 16
    generator_goal: float = 0.98
    good_generator: float = 0.6
    classifier_steps: int = 8
    fake_behind: float = 0.7
    fake_goal: float = 0.75
    real_behind: float = 0.6
    real_goal: float = 0.7
    average: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            check_range(name, value, LIMITS.get(name, (0, LARGEST_RATE)))
        if self.real_weight + self.fake_weight == 0:
            raise InputError(
                "real_weight and fake_weight cannot both be 0",
                fields=("real_weight", "fake_weight"),
            )


LIMITS: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-9, LARGEST_RATE),
    "beta1": (0, 0.9999),
    "clip": (1e-9, LARGEST_RATE),
    "scale": (1e-9, LARGEST_RATE),
    "keep": (1e-9, 1),
    "average": (0, 0.99999),
    **dict.fromkeys(
        (
            "generator_goal",
            "good_generator",
            "fake_behind",
            "fake_goal",
            "real_behind",
            "real_goal",
        ),
        (0, 1),
    ),
    "batch_size": (2, 1 << 20),
    "latent": (1, 60),
    "units": (1, 12),
    "blocks": (0, 1000),
    "block_layers": (1, 100),
    "encoder_units": (1, 1 << 14),
    "maps": (1, 1 << 10),
    "crop": (0, 1000),
    "generator_steps": (1, 10_000),
    "classifier_steps": (0, 10_000),
    "seed": (0, 2**63 - 1),
}
"""What numbers of a recipe may be."""
