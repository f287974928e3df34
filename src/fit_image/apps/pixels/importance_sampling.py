"""Importance sampling: pixels with a larger error are shown more often, and weigh less.

Source of the idea: Katharopoulos and Fleuret, "Not all samples are created equal: deep learning
with importance sampling", ICML 2018. Of N pixels, pixel i has the probability
p_i = (1/2 + 1/2 e_i / mean(e)) / N, and its loss the weight 1 / (N p_i): the expected gradient is
that of showing every pixel once. Half of the draws are uniform, so that no pixel is forgotten and
no weight exceeds 2.

Errors are kept as a byte a pixel, and probabilities are ratios of integers: nothing is rounded, so
a sum of draws is what it should be for any number of pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.painting_network import PaintingNetwork
from fit_image.images.colours import to_float
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.jit import kernel
from fit_image.runs.training_clock import TrainingClock

Levels = npt.NDArray[np.uint8]


def error_levels(errors: FloatArray) -> Levels:
    """Return errors as levels 1..255, whose squares grow with them: small errors need finer steps.

    Parameters
    ----------
    errors : float32 (any shape)
        In 0..1.
    """
    return np.rint(1.0 + 254.0 * np.sqrt(errors)).astype(np.uint8)


def measure_errors(
    network: PaintingNetwork, image: npt.NDArray[Any], threads: int | None
) -> Iterator[Levels | None]:
    """Draw a picture in strips, and compare it with ``image``.

    Yields
    ------
    None after each strip, but after the last the `error_levels` of all pixels (a vector). An error
    is the mean over the pixel's values, as the network gives them, of the absolute difference.
    """
    height, width, channels = image.shape
    pixels, levels = image.reshape(-1, channels), np.empty(height * width, dtype=np.uint8)

    def compare(first: int, colours: FloatArray) -> None:
        part = slice(first, first + len(colours))
        # Also where the network is about to diverge, which learning will find out.
        differences = np.fmin(np.abs(colours - to_float(pixels[part])), np.float32(1.0))
        levels[part] = error_levels(differences.mean(axis=1))

    strips = network.render_strips(width, height, threads=threads, on_part=compare)
    for top, strip in strips:
        yield levels if top + len(strip) == height else None


class PixelErrors:
    """The errors of a picture's pixels, measured where they are not known.

    Attributes
    ----------
    levels : uint8 (pixels,), or None
        `error_levels`; None until they are measured.
    """

    def __init__(
        self, network: PaintingNetwork, image: npt.NDArray[Any], threads: int | None
    ) -> None:
        self._measure = partial(measure_errors, network, image, threads)
        self.reset()

    def reset(self, levels: Levels | None = None) -> None:
        """Forget the errors, or take those of a saved state."""
        self.levels = levels
        self._strips = self._measure()

    def measure(self, seconds: float, clock: TrainingClock) -> float:
        """Measure for about ``seconds``, until the errors are known; return how long it took."""
        clock.start()
        elapsed = 0.0
        while self.levels is None and elapsed < seconds:
            self.levels = next(self._strips)
            elapsed += clock.lap()
        return elapsed


class Importance:
    """Frequencies of the pixels in an epoch.

    Parameters
    ----------
    levels : uint8 (pixels,)
        From `error_levels`.
    shown : uint32 (shown pixels,), optional
        The pixels to draw from. Default: all.
    """

    def __init__(self, levels: Levels, shown: npt.NDArray[np.uint32] | None = None) -> None:
        self._levels = levels
        self._shown = shown
        drawn = self._drawn
        self._count = np.int64(len(drawn))
        self._total = np.int64(np.square(np.arange(256)) @ np.bincount(drawn, minlength=256))

    @property
    def _drawn(self) -> Levels:
        """Levels of the pixels to draw from."""
        return self._levels if self._shown is None else self._levels[self._shown]

    def draw(self, order: npt.NDArray[np.uint32], rng: np.random.Generator) -> None:
        """Fill ``order`` with as many pixels as there are to draw from, from first to last.

        Systematic resampling: the cumulative probabilities are met at even steps from a random
        offset, so that a pixel is drawn N p_i times, rounded up or down. Source: G. Kitagawa,
        "Monte Carlo filter and smoother for non-Gaussian nonlinear state space models", 1996.
        """
        _draw_kernel(self._drawn, self._total, rng.integers(2 * self._total), order)
        if self._shown is not None:
            order[:] = self._shown[order]

    def weights(self, pixels: npt.NDArray[np.uint32]) -> FloatArray:
        """Return the weights of the losses of ``pixels`` (float32)."""
        weights = np.empty(len(pixels), dtype=np.float32)
        _weights_kernel(pixels, self._levels, self._count, self._total, weights)
        return weights


# With the levels q and their sum of squares S, N p_i = (S + N q_i^2) / 2S.


@kernel
def _draw_kernel(levels, total, offset, order):
    pixels = levels.shape[0]
    reached, drawn = offset, 0
    for i in range(pixels):
        level = np.int64(levels[i])
        reached += total + pixels * level * level
        while reached >= 2 * total:
            reached -= 2 * total
            order[drawn] = i
            drawn += 1


@kernel
def _weights_kernel(pixels, levels, count, total, weights):
    for i in range(pixels.shape[0]):
        level = np.int64(levels[pixels[i]])
        weights[i] = 2.0 * total / (total + count * level * level)
