"""Two programs measured in turns, each figure beside what the machine could do."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmark.jobs import Job
from fit_image.nn.runtime.machine import usable_cores

# A job is repeated for so long before its time is taken, and then for so long while it is.
_WARM_UP, _SECONDS = 0.05, 0.15


@dataclass(frozen=True)
class Comparison:
    """Medians of one job over the turns.

    Attributes
    ----------
    job, layers : str
    threads : int
        Ours.
    ours_us, torch_us : float
        Microseconds a pixel.
    torch_threads : int
        The number that serves PyTorch best.
    ceiling_us : float
        What the machine needs for the unavoidable part of the work, measured in the same turns.
    """

    job: str
    layers: str
    threads: int
    ours_us: float
    torch_us: float
    torch_threads: int
    ceiling_us: float

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.torch_us / self.ours_us

    @property
    def share(self) -> float:
        """Which share of the ceiling ours reaches."""
        return self.ceiling_us / self.ours_us


def microseconds(job: Job) -> float:
    """Return the time of a job, a pixel."""
    end = time.perf_counter() + _WARM_UP
    while time.perf_counter() < end:
        job()
    pixels, began = 0, time.perf_counter()
    while time.perf_counter() - began < _SECONDS:
        pixels += job()
    return (time.perf_counter() - began) / pixels * 1e6


def compare(
    name: str,
    layers: str,
    ours: dict[int, Job],
    peer: Job,
    ceiling_us: Callable[[int], float],
    turns: int,
) -> list[Comparison]:
    """Measure all in turns.

    Parameters
    ----------
    name, layers : str
    ours : dict of int to job
        Ours, for numbers of threads.
    peer : job
        PyTorch's; measured with one thread and with all cores, of which the better one counts.
    ceiling_us : callable
        Measures, and returns for a number of threads, microseconds a pixel.
    turns : int
    """
    counts = sorted({1, usable_cores()})
    peer()
    our_times: dict[int, list[float]] = {count: [] for count in ours}
    ceilings: dict[int, list[float]] = {count: [] for count in ours}
    peer_times: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(turns):
        for count, job in ours.items():
            our_times[count].append(microseconds(job))
            ceilings[count].append(ceiling_us(count))
        for count in counts:
            torch.set_num_threads(count)
            peer_times[count].append(microseconds(peer))
    medians = {count: statistics.median(times) for count, times in peer_times.items()}
    best = min(medians, key=medians.__getitem__)
    return [
        Comparison(
            name,
            layers,
            count,
            statistics.median(times),
            medians[best],
            best,
            statistics.median(ceilings[count]),
        )
        for count, times in our_times.items()
    ]
