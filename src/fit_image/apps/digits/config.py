"""The configuration of digits."""

from __future__ import annotations

from dataclasses import dataclass

from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.config.settings import SEED, check_ranges, setting
from fit_image.errors import InputError

_POSITIVE = (1e-9, LARGEST_RATE)
_SHARE = (0, 1)


@dataclass(frozen=True)
class DigitsConfig:
    """The three networks, and how they are trained against each other.

    The defaults are those of the program ``hardmaru/resnet-cppn-gan-tensorflow`` (2016), whose
    discriminator has separate Adam moments for steps on real pictures alone; here it has one set.
    Averaging is after Yazici et al., "The unusual effectiveness of averaging in GAN training", ICLR
    2019: the networks circle around a point that is better than any on the circle.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    batch_size: int = setting(
        1000, "Pictures in a batch; all steps of a round use the same batch.", (2, 1 << 20)
    )
    learning_rate: float = setting(
        0.001, "Learning rate of Adam for all networks.", _POSITIVE, may_change=True
    )
    beta1: float = setting(0.75, "Decay of Adam's first moment, 0 to 1.", (0, 0.9999))
    clip: float = setting(
        5.0, "Largest norm of a gradient; longer ones are clipped.", _POSITIVE, may_change=True
    )
    latent: int = setting(32, "Length of the latent vector.", (1, 60))
    units: int = setting(6, "Units in a layer of the generator.", (1, 12))
    blocks: int = setting(24, "Residual blocks of the generator.", (0, 1000))
    block_layers: int = setting(4, "ReLU layers in a block; a tanh layer follows.", (1, 100))
    scale: float = setting(
        8.0,
        "Range of x and y, -K to K, and factor of the latent vector.",
        _POSITIVE,
    )
    encoder_units: int = setting(512, "Units of the encoder's two hidden layers.", (1, 1 << 14))
    keep: float = setting(0.65, "Probability that dropout keeps one of these units.", (1e-9, 1))
    maps: int = setting(
        32,
        "Channels of the discriminator's first convolution; the next have 2 and 4 times as many.",
        (1, 1 << 10),
    )
    crop: int = setting(2, "Rows and columns that random crops remove from a picture.", (0, 1000))
    real_weight: float = setting(
        10.0, "Weight of the discriminator's loss on real pictures.", may_change=True
    )
    fake_weight: float = setting(1.0, "Weight of its loss on generated pictures.", may_change=True)
    divergence_weight: float = setting(
        10.0, "Weight of the Kullback-Leibler divergence per pixel.", may_change=True
    )
    generator_steps: int = setting(
        16, "Maximum steps of the generator in a round.", (1, 10_000), may_change=True
    )
    generator_goal: float = setting(
        0.98,
        "End these steps when this share of its pictures passes for real ones of their class.",
        _SHARE,
        may_change=True,
    )
    good_generator: float = setting(
        0.6, "Train the discriminator, if behind, from this share on.", _SHARE, may_change=True
    )
    classifier_steps: int = setting(
        8, "Maximum steps of the discriminator in a round.", (0, 10_000), may_change=True
    )
    fake_behind: float = setting(
        0.7,
        "It is behind if it recognises a smaller share of the generated pictures.",
        _SHARE,
        may_change=True,
    )
    fake_goal: float = setting(
        0.75, "End its steps when it recognises this share of them.", _SHARE, may_change=True
    )
    real_behind: float = setting(
        0.6,
        "Train it on real pictures alone if it recognises a smaller share of them.",
        _SHARE,
        may_change=True,
    )
    real_goal: float = setting(
        0.7, "End these steps when it recognises this share of them.", _SHARE, may_change=True
    )
    average: float = setting(
        0.0,
        "Decay of a moving average of encoder and generator over the steps, such as 0.999, which "
        "then draws; 0 for none.",
        (0, 0.99999),
        may_change=True,
    )
    seed: int = setting(
        0, "Seed of the initial weights, the order of pictures, crops and noise.", SEED
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.real_weight + self.fake_weight == 0:
            raise InputError(
                "real_weight and fake_weight cannot both be 0",
                fields=("real_weight", "fake_weight"),
            )
