"""What decides how a generator of digits is trained."""

from __future__ import annotations

from dataclasses import dataclass

from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.config.settings import SEED, check_ranges, setting
from fit_image.errors import InputError

_POSITIVE = (1e-9, LARGEST_RATE)
_SHARE = (0, 1)


@dataclass(frozen=True)
class DigitsConfig:
    """The networks, and the game that they play.

    The defaults are those of the program ``hardmaru/resnet-cppn-gan-tensorflow`` (2016), whose
    classifier has moments of its own for steps on real pictures alone; here it has one set.
    Averages are after Yazici et al., "The unusual effectiveness of averaging in GAN training", ICLR
    2019: the game goes round in circles, whose middle is better than any point of them.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    batch_size: int = setting(
        1000, "Pictures of a batch; all steps of a round learn from the same one.", (2, 1 << 20)
    )
    learning_rate: float = setting(
        0.001, "Learning rate of Adam, for all networks.", _POSITIVE, may_change=True
    )
    beta1: float = setting(
        0.75, "What Adam keeps of the mean gradient at a step, 0 to 1.", (0, 0.9999)
    )
    clip: float = setting(5.0, "Norm of a gradient at most.", _POSITIVE, may_change=True)
    latent: int = setting(32, "Numbers from which a picture is drawn.", (1, 60))
    units: int = setting(6, "Units of a layer of the generator.", (1, 12))
    blocks: int = setting(24, "Residual blocks of the generator.", (0, 1000))
    block_layers: int = setting(4, "ReLU layers in a block; a tanh layer follows.", (1, 100))
    scale: float = setting(
        8.0,
        "x and y run from minus to plus this; the latent numbers are multiplied by it.",
        _POSITIVE,
    )
    encoder_units: int = setting(512, "Units of the encoder's two hidden layers.", (1, 1 << 14))
    keep: float = setting(0.65, "Share of these that dropout keeps.", (1e-9, 1))
    maps: int = setting(
        32,
        "Maps of the classifier's first convolution; the next have twice and four times as many.",
        (1, 1 << 10),
    )
    crop: int = setting(2, "Rows and columns that a random crop takes off a picture.", (0, 1000))
    real_weight: float = setting(
        10.0, "Weight of the classifier's loss on real pictures.", may_change=True
    )
    fake_weight: float = setting(1.0, "Weight of its loss on generated ones.", may_change=True)
    divergence_weight: float = setting(
        10.0, "Weight of the Kullback-Leibler divergence a pixel.", may_change=True
    )
    generator_steps: int = setting(
        16, "Steps of the generator in a round, at most.", (1, 10_000), may_change=True
    )
    generator_goal: float = setting(
        0.98,
        "Share of its pictures taken for real ones of their class that ends them.",
        _SHARE,
        may_change=True,
    )
    good_generator: float = setting(
        0.6, "Share from which on the classifier learns, if it is behind.", _SHARE, may_change=True
    )
    classifier_steps: int = setting(
        8, "Steps of the classifier in a round, at most.", (0, 10_000), may_change=True
    )
    fake_behind: float = setting(
        0.7,
        "It is behind if it recognises a smaller share of generated pictures.",
        _SHARE,
        may_change=True,
    )
    fake_goal: float = setting(0.75, "Share of them that ends its steps.", _SHARE, may_change=True)
    real_behind: float = setting(
        0.6,
        "It learns from real pictures alone if it recognises a smaller share of them.",
        _SHARE,
        may_change=True,
    )
    real_goal: float = setting(0.7, "Share of them that ends these steps.", _SHARE, may_change=True)
    average: float = setting(
        0.0,
        "What the networks that draw keep of their average over the steps, such as 0.999; 0 for "
        "none.",
        (0, 0.99999),
        may_change=True,
    )
    seed: int = setting(
        0, "Of the first weights, the order of pictures, and all else that is left to chance.", SEED
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.real_weight + self.fake_weight == 0:
            raise InputError(
                "real_weight and fake_weight cannot both be 0",
                fields=("real_weight", "fake_weight"),
            )
