"""How a picture gets better while a network trains."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Point:
    """A moment of training.

    Attributes
    ----------
    seconds : float
        Of training alone: neither compiling nor drawing counts.
    psnr : float
        Of the whole picture, clipped to 0..1, in dB.
    pixels : int
        Learned so far.
    """

    seconds: float
    psnr: float
    pixels: int


@dataclass(frozen=True)
class Curve:
    """The points of a training, in order."""

    points: tuple[Point, ...]

    def psnr_at(self, seconds: float) -> float:
        """Return the PSNR of the last point within the time; NaN if there was none yet."""
        within = [point.psnr for point in self.points if point.seconds <= seconds]
        return within[-1] if within else math.nan

    def seconds_to(self, psnr: float) -> float:
        """Return the time of the first point at least as good; infinity if there is none."""
        return next((point.seconds for point in self.points if point.psnr >= psnr), math.inf)

    @property
    def seconds(self) -> float:
        """The whole time."""
        return self.points[-1].seconds

    @property
    def us(self) -> float:
        """Microseconds a pixel: the median over the time between two points."""
        start = Point(0.0, -math.inf, 0)
        pairs = itertools.pairwise((start, *self.points))
        return statistics.median(
            (after.seconds - before.seconds) / (after.pixels - before.pixels) * 1e6
            for before, after in pairs
        )

    def to_json(self) -> list[list[float]]:
        """Return the points as lists of seconds, PSNR and pixels."""
        return [[point.seconds, point.psnr, point.pixels] for point in self.points]

    @classmethod
    def from_json(cls, data: Any) -> Curve:
        """Return what `to_json` wrote."""
        return cls(tuple(Point(*numbers) for numbers in data))


def trace(points: Iterable[Point], until: float = math.inf) -> Curve:
    """Train to the end, or until the picture has this PSNR."""
    return in_turns({"": iter(points)}, until)[""]


def in_turns(runs: Mapping[str, Iterator[Point]], until: float = math.inf) -> dict[str, Curve]:
    """Train several networks side by side, so that a noisy moment hits them all.

    The one that has trained for the shortest time goes on to its next point.

    Parameters
    ----------
    runs : mapping of str to iterator
        Each trains when it is asked for its next point.
    until : float
        A run ends early when its picture has this PSNR.
    """
    points: dict[str, list[Point]] = {name: [] for name in runs}
    under_way = dict(runs)
    while under_way:
        name = min(under_way, key=lambda each: points[each][-1].seconds if points[each] else 0.0)
        point = next(under_way[name], None)
        if point:
            points[name].append(point)
        if point is None or point.psnr >= until:
            del under_way[name]
    return {name: Curve(tuple(each)) for name, each in points.items()}
