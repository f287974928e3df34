"""Random Fourier features: waves in random directions, with random wavelengths.

Source: Tancik et al., "Fourier features let networks learn high frequency functions in low
dimensional domains", NeurIPS 2020.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.encodings.waves import Waves


class Fourier(Waves):
    """Waves whose frequencies are drawn from a normal distribution.

    Parameters
    ----------
    inputs : int
    waves : int
        Each has a cosine and a sine.
    scale : float
        Standard deviation of the frequencies, in periods per unit.
    rng : numpy.random.Generator
    """

    def __init__(self, inputs: int, waves: int, scale: float, rng: np.random.Generator) -> None:
        draws = rng.standard_normal((waves, inputs), dtype=np.float32)
        super().__init__(draws * np.float32(scale))
