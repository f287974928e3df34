"""A digit drawn large by fit-image alone; as a program, it prints its time and peak memory."""

from __future__ import annotations

import sys
import time

import numpy as np

from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.networks import generator_numbers, make_generator
from fit_image.images.colours import to_uint8
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray

SIDE = 3240


def digit() -> tuple[DigitModel, Network, FloatArray]:
    """Return a generator as it is before training, its network, and latent numbers."""
    recipe, rng = DigitsConfig(), np.random.default_rng(0)
    chain = make_generator(recipe, 2, 2, 1).init_params(rng)
    statistics = np.zeros((1, 1, recipe.latent), np.float32)
    numbers = generator_numbers(recipe, chain)
    model = DigitModel(recipe, 1, 2, 2, ("0",), numbers, statistics, statistics, 0.0)
    return model, chain, rng.standard_normal(recipe.latent, dtype=np.float32)


if __name__ == "__main__":
    model, _, latents = digit()
    for side in (4, int(sys.argv[1])):  # the first loads the compiled kernels
        began = time.perf_counter()
        np.concatenate([to_uint8(band) for _, band in model.render_strips(latents, side, side)])
    print(time.perf_counter() - began)
