"""How a picture gets better while ours or a peer trains; measurements kept as they are made."""

from __future__ import annotations

import itertools
import json
import math
import os
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt

from fit_image import FitConfig, Trainer
from fit_image.apps.fit.warm_up import warm_up


class Point(NamedTuple):
    """A moment of training.

    ``seconds`` are those of training alone: neither compiling nor drawing counts. ``psnr`` is that
    of the whole picture, clipped to 0..1, in dB; ``pixels`` have been learned so far.
    """

    seconds: float
    psnr: float
    pixels: int


class Curve(list[Point]):
    """The points of a training, in order."""

    def psnr_at(self, seconds: float) -> float:
        """Return the PSNR of the last point within the time; NaN if there was none yet."""
        return next((each.psnr for each in reversed(self) if each.seconds <= seconds), math.nan)

    def seconds_to(self, psnr: float) -> float:
        """Return the time of the first point at least as good; infinity if there is none."""
        return next((each.seconds for each in self if each.psnr >= psnr), math.inf)

    @property
    def us_a_pixel(self) -> float:
        """Microseconds: the median over the time between two points."""
        return statistics.median(
            (after.seconds - before.seconds) / (after.pixels - before.pixels) * 1e6
            for before, after in itertools.pairwise([Point(0.0, -math.inf, 0), *self])
        )


def in_turns(runs: Mapping[str, Iterator[Point]], until: float = math.inf) -> dict[str, Curve]:
    """Train several networks side by side, so that a noisy moment hits them all.

    The one that has trained for the shortest time goes on to its next point, until it has ended or
    has this PSNR.
    """
    curves = {name: Curve() for name in runs}
    under_way = dict(runs)
    while under_way:
        name = min(under_way, key=lambda each: curves[each][-1].seconds if curves[each] else 0.0)
        point = next(under_way[name], None)
        if point:
            curves[name].append(point)
        if point is None or point.psnr >= until:
            del under_way[name]
    return curves


def train_ours(
    levels: npt.NDArray[Any], config: FitConfig, threads: int, seconds: float = math.inf
) -> Iterator[Point]:
    """Train, and yield after every epoch until the time is used up."""
    warm_up(config)
    trainer = Trainer(levels, config, threads=threads)
    while trainer.progress.epoch < config.epochs and trainer.progress.seconds < seconds:
        while not trainer.train():
            continue
        *_, drawing = trainer.draw()
        pixels = trainer.learned_epochs * trainer.epoch_size
        yield Point(trainer.progress.seconds, drawing.psnr, pixels)
        trainer.finish_epoch()


def filling(levels: npt.NDArray[Any], config: FitConfig, threads: int, seconds: float) -> FitConfig:
    """Return the configuration with as many epochs as fit in the time, so that it anneals in it.

    How many is found from the median of a few epochs without the first, which also looks for the
    number of threads. A moment of noise must not cost the last epoch: 3% of the time are left.
    """
    many = replace(config, epochs=1_000)
    probe = list(train_ours(levels, many, threads, min(2.0, seconds / 8)))
    if len(probe) < 2:
        probe = list(train_ours(levels, replace(config, epochs=2), threads))
    epochs = [after.seconds - before.seconds for before, after in itertools.pairwise(probe)]
    return replace(config, epochs=max(1, int(0.97 * seconds / statistics.median(epochs))))


class Journal:
    """A file of measurements and their conditions, a JSON object a line; None keeps none."""

    def __init__(self, path: Path | None, machine: dict[str, Any]) -> None:
        self._path, self._machine = path, machine
        self._known: dict[str, Any] = {}
        text = path.read_text("utf-8") if path and path.exists() else ""
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # the line being written when the process ended
                continue
            self._known[_key(entry["conditions"])] = entry["result"]
        if text and not text.endswith("\n"):
            self._append("\n")

    def get(self, conditions: dict[str, Any], measure: Callable[[], Any]) -> Any:
        """Return the result of an earlier run under the same conditions, or measure it now."""
        conditions = conditions | {"machine": self._machine}
        key = _key(conditions)
        if key not in self._known:
            self._known[key] = measure()
            self._append(json.dumps({"conditions": conditions, "result": self._known[key]}) + "\n")
        return self._known[key]

    def _append(self, text: str) -> None:
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())


def _key(conditions: dict[str, Any]) -> str:
    return json.dumps(conditions, sort_keys=True)
