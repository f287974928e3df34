"""fit-image, trained through its library for a given time."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from benchmark.quality.curves import Point
from fit_image import FitConfig, Trainer
from fit_image.apps.compiling import warm_up


def train(
    levels: npt.NDArray[Any], config: FitConfig, threads: int, seconds: float = math.inf
) -> Iterator[Point]:
    """Train, and yield after every epoch until the time is used up."""
    warm_up(config)
    trainer = Trainer(levels, config, threads=threads)
    while trainer.progress.epoch < config.epochs and trainer.progress.seconds < seconds:
        while not trainer.train():
            continue
        *_, drawing = trainer.draw()
        pixels = trainer.learned_epochs * trainer.pixels
        yield Point(trainer.progress.seconds, drawing.psnr, pixels)
        trainer.finish_epoch()


def filling(levels: npt.NDArray[Any], config: FitConfig, threads: int, seconds: float) -> FitConfig:
    """Return the configuration with as many epochs as fit in the time, so that it anneals in it.

    How many is found from the median of a few epochs without the first, which also looks for the
    number of threads. A moment of noise must not cost the last epoch: 3% of the time are left.
    """
    many = replace(config, epochs=1_000)
    probe = list(train(levels, many, threads, min(2.0, seconds / 8)))
    if len(probe) < 2:
        probe = list(train(levels, replace(config, epochs=2), threads))
    epoch = statistics.median(
        after.seconds - before.seconds for before, after in itertools.pairwise(probe)
    )
    return replace(config, epochs=max(1, int(0.97 * seconds / epoch)))
