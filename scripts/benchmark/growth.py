"""How the time of training grows with the picture: microseconds a pixel from 0.1 to 25 megapixels.

A picture that outgrows the processor's caches costs more only where its pixels are ordered and
gathered, so small networks show it best.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from fit_image.apps.fit_directory import FitProgress
from fit_image.apps.trainer import FitTrainer
from fit_image.config import FitConfig
from fit_image.notation import parse_layers

LAYERS = ("3x32", "2x64")
PIXELS = (100_000, 1_000_000, 5_000_000, 25_000_000)
SECONDS = 0.3  # of learning, for each picture in each turn


@dataclass(frozen=True)
class Growth:
    """The times of one network.

    Attributes
    ----------
    layers : str
    pixels : tuple of int
        Of each picture.
    us : tuple of float
        Microseconds a pixel: ``differences`` from the median over all pictures and turns.
    differences : tuple of float
        From the median of the pictures in the same turn, as a share of it; medians over the turns.
    """

    layers: str
    pixels: tuple[int, ...]
    us: tuple[float, ...]
    differences: tuple[float, ...]

    @property
    def spread(self) -> float:
        """The largest difference in either direction."""
        return max(map(abs, self.differences))


def measure_growth(layers: str, turns: int) -> Growth:
    """Measure all sizes in turns, and compare within a turn, so that a noisy moment hits them all.

    In every turn the whole picture is put in order and as many pixels as fit in the time are
    learned; being a random sample, they stand for the rest of the epoch.
    """
    rng = np.random.default_rng(0)
    config = FitConfig(layers=parse_layers(layers))
    trainers = []
    for pixels in PIXELS:
        side = round(pixels**0.5)
        noise = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        trainers.append(FitTrainer(noise, config))
    times = np.array([[_epoch_us(trainer) for trainer in trainers] for _ in range(turns)])
    differences = np.median(times / np.median(times, axis=1, keepdims=True), axis=0) - 1
    us = np.median(times) * (1 + differences)
    pixels = tuple(trainer.pixels for trainer in trainers)
    return Growth(layers, pixels, tuple(us.tolist()), tuple(differences.tolist()))


def _epoch_us(trainer: FitTrainer) -> float:
    trainer.progress = FitProgress()
    began = time.perf_counter()
    trainer.train(seconds=0.0)  # puts the pixels in order, no more
    ordered = time.perf_counter()
    trainer.train(seconds=SECONDS)
    learned = time.perf_counter()
    ordering = (ordered - began) / trainer.pixels
    return (ordering + (learned - ordered) / trainer.progress.position) * 1e6
