"""Initial weights: one table of rules for all networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.runtime.arrays import FloatArray


@dataclass(frozen=True)
class Normal:
    """A normal distribution around 0, without values beyond ``bound`` standard deviations."""

    std: float
    bound: float = math.inf

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Return float32 values; those out of bounds are drawn again."""
        drawn = rng.standard_normal(shape, dtype=np.float32)
        beyond = np.abs(drawn) > self.bound
        while beyond.any():
            drawn[beyond] = rng.standard_normal(int(beyond.sum()), dtype=np.float32)
            beyond = np.abs(drawn) > self.bound
        values: FloatArray = drawn * np.float32(self.std)
        return values


@dataclass(frozen=True)
class Uniform:
    """A uniform distribution in -bound..bound."""

    bound: float

    @property
    def std(self) -> float:
        """Standard deviation."""
        return self.bound / math.sqrt(3.0)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Return float32 values."""
        return rng.uniform(-self.bound, self.bound, shape).astype(np.float32)


class Fans(NamedTuple):
    """Size of a layer, and constants of some rules."""

    fan_in: int
    fan_out: int
    scale: float = 1.0
    omega: float = 1.0


INITIALIZERS: dict[str, Callable[[Fans], Normal | Uniform]] = {
    # That of the program ``evolvingstuff/MonaLisa``.
    "classic": lambda fans: Normal(fans.scale / math.sqrt(fans.fan_in + 1)),
    # He et al., "Delving deep into rectifiers", ICCV 2015.
    "he": lambda fans: Normal(math.sqrt(2.0 / fans.fan_in)),
    # Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    # networks", AISTATS 2010.
    "xavier": lambda fans: Uniform(math.sqrt(6.0 / (fans.fan_in + fans.fan_out))),
    # Sitzmann et al., "Implicit neural representations with periodic activation functions",
    # NeurIPS 2020.
    "siren": lambda fans: Uniform(math.sqrt(6.0 / fans.fan_in) / fans.omega),
    "normal": lambda fans: Normal(fans.scale),
    # The same source's for the first layer of a network.
    "siren-first": lambda fans: Uniform(1.0 / fans.fan_in),
    # Glorot's as a normal, and with the factor of He et al. for rectifiers. Forward and backward
    # pass both count: from a code of few numbers to thousands, weights that suit the inputs alone
    # are far too large for the gradients.
    "xavier-normal": lambda fans: Normal(math.sqrt(2.0 / (fans.fan_in + fans.fan_out))),
    "xavier-he": lambda fans: Normal(math.sqrt(4.0 / (fans.fan_in + fans.fan_out))),
    # Burger et al., "Image denoising: can plain neural networks compete with BM3D?", CVPR 2012.
    "fan-in": lambda fans: Uniform(fans.fan_in**-0.5),
}
"""Distribution of a layer's weights by the name of the rule."""

INITS = ("classic", "he", "xavier", "siren", "normal")
"""Rules that an `MLP` may be told to use for all of its layers."""

AUTO = "auto"
"""In place of a name: the rule that suits each layer's activation."""


def rules(activations: Sequence[str], init: str) -> list[str]:
    """Return the name of each layer's rule: ``init``, or with `AUTO` that of its activation.

    The last layer then follows the one before it, whose values it mixes.
    """
    if init != AUTO:
        return [init] * len(activations)
    names = [ACTIVATIONS[activation].init for activation in activations]
    return [*names[:-1], names[-2]] if len(names) > 1 else names
