"""Configuration of a generator of digits and its training."""

from __future__ import annotations

from dataclasses import dataclass

from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.config.settings import SEED, check_settings, documented, require, setting
from fit_image.errors import InputError

_POSITIVE = (1e-9, LARGEST_RATE)
_SHARE = (0, 1)


@documented
@dataclass(frozen=True)
class DigitsConfig:
    """The networks, and their adversarial training; `InputError` if a value is out of range.

    The defaults are those of the program ``hardmaru/resnet-cppn-gan-tensorflow`` (2016), whose
    discriminator has moments of its own for steps on real pictures alone; here it has one set.
    Averages are after Yazici et al., "The unusual effectiveness of averaging in GAN training", ICLR
    2019: adversarial training circles around an optimum, which an average is nearer to.
    """

    batch_size: int = setting(
        1000, "Pictures in a batch; all steps of an iteration use the same one.", (2, 1 << 20)
    )
    learning_rate: float = setting(
        0.001, "Learning rate of Adam for all networks.", _POSITIVE, may_change=True
    )
    beta1: float = setting(0.75, "Decay rate of Adam's first moment.", (0, 0.9999))
    clip: float = setting(5.0, "Gradient clipping: maximum norm.", _POSITIVE, may_change=True)
    latent: int = setting(32, "Size of the latent vector.", (1, 60))
    units: int = setting(
        6, "Width of the generator's layers: at most 12, but 512 with waves.", (1, 512)
    )
    blocks: int = setting(24, "Residual blocks of the generator.", (0, 1000))
    block_layers: int = setting(4, "ReLU layers in a block; a tanh layer follows.", (1, 100))
    scale: float = setting(
        8.0,
        "Range of x and y, from minus to plus this; latent vectors are multiplied by it.",
        _POSITIVE,
    )
    encoder_units: int = setting(512, "Units of the encoder's two hidden layers.", (1, 1 << 14))
    keep: float = setting(0.65, "Dropout keep probability of the encoder.", (1e-9, 1))
    maps: int = setting(
        32,
        "Filters of the discriminator's first convolution; the next have 2 and 4 times as many.",
        (1, 1 << 10),
    )
    crop: int = setting(2, "Rows and columns removed by random cropping.", (0, 1000))
    real_weight: float = setting(
        10.0, "Weight of the discriminator's loss on real pictures.", may_change=True
    )
    fake_weight: float = setting(
        1.0, "Weight of the discriminator's loss on generated pictures.", may_change=True
    )
    divergence_weight: float = setting(
        10.0, "Weight of the Kullback-Leibler divergence per pixel.", may_change=True
    )
    generator_steps: int = setting(
        16, "Maximum number of generator steps in an iteration.", (1, 10_000), may_change=True
    )
    generator_goal: float = setting(
        0.98,
        "End the generator's steps when the discriminator takes this fraction of its pictures for "
        "real ones of their class.",
        _SHARE,
        may_change=True,
    )
    good_generator: float = setting(
        0.6,
        "The discriminator learns only if the generator has reached this fraction.",
        _SHARE,
        may_change=True,
    )
    classifier_steps: int = setting(
        8, "Maximum number of discriminator steps in an iteration.", (0, 10_000), may_change=True
    )
    fake_behind: float = setting(
        0.7,
        "The discriminator learns only if its accuracy on generated pictures is below this.",
        _SHARE,
        may_change=True,
    )
    fake_goal: float = setting(
        0.75,
        "Accuracy on generated pictures that ends the discriminator's steps.",
        _SHARE,
        may_change=True,
    )
    real_behind: float = setting(
        0.6,
        "The discriminator learns from real pictures alone if its accuracy on them is below this.",
        _SHARE,
        may_change=True,
    )
    real_goal: float = setting(
        0.7, "Accuracy on real pictures that ends these steps.", _SHARE, may_change=True
    )
    average: float = setting(
        0.0,
        "Decay of the moving average (EMA) of the weights that draw, such as 0.999; 0 for none.",
        (0, 0.99999),
        may_change=True,
    )
    reconstruction_weight: float = setting(
        0.0,
        "Weight of the cross-entropy per pixel of reconstructions with respect to their sources; 0 "
        "compares no pixels, as the source.",
        may_change=True,
        added=True,
    )
    adversary_weight: float = setting(
        1.0,
        "Weight of the discriminator's verdict in the generator's loss; 0: there is no "
        "discriminator, and pictures are learned from reconstructions alone.",
        may_change=True,
        added=True,
    )
    waves: int = setting(
        0,
        "Waves per period of the fastest that the generator is made of, whose phases come of two "
        "layers of units; 0: it is made of residual blocks.",
        (0, 32),
        added=True,
    )
    contrast: float = setting(
        1.0,
        "Factor of the logits of shades in the model that draws: above 1 makes edges crisp that "
        "reconstructions leave blurred.",
        _POSITIVE,
        may_change=True,
        added=True,
    )
    centres: int = setting(
        0,
        "Pictures of each class around whose codes a mixture of normals is the distribution of the "
        "class among latents; 0: one normal for all codes.",
        (0, 10_000),
        may_change=True,
        added=True,
    )
    seed: int = setting(
        0, "Seed of the initial weights, the order of pictures, and all other randomness.", SEED
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not (self.adversary_weight or self.reconstruction_weight):
            raise InputError(
                "adversary_weight and reconstruction_weight cannot both be 0",
                fields=("adversary_weight", "reconstruction_weight"),
            )
        most = 512 if self.waves else 12
        require(self.units <= most, "units", f"must be at most {most}, not {self.units}")
        if self.real_weight + self.fake_weight == 0:
            raise InputError(
                "real_weight and fake_weight cannot both be 0",
                fields=("real_weight", "fake_weight"),
            )
