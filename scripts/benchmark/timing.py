"""The one way to time: ours and the peer in turns, each beside what the machine could do."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch

from benchmark.ceilings import Ceilings
from fit_image.nn.runtime.machine import usable_cores

Work = Callable[[], int]  # returns how many units of work it did

# Seconds that work is repeated before its time is taken, and while it is.
_WARM_UP, _MEASURED = 0.05, 0.15


class Contest(NamedTuple):
    """The same work by fit-image, for numbers of threads, and by PyTorch, ready to be done.

    Of every unit, so many floating-point operations cannot be avoided, or so many bytes must be
    read twice and written once.
    """

    ours: dict[int, Work]
    peer: Work
    flops: float = 0.0
    swept_bytes: float = 0.0

    def ceiling_us(self, ceilings: Ceilings, threads: int) -> float:
        """Measure how long the machine needs for the unavoidable part of a unit."""
        if self.swept_bytes:
            seconds_a_byte = 1 / ceilings.reading() + 1 / ceilings.updating()
            return self.swept_bytes * seconds_a_byte / threads * 1e6
        return self.flops / ceilings.matrix_product() * 1e6


class Job(NamedTuple):
    """A row of the table of jobs: ``layers`` is the network or group, ``unit`` what is counted."""

    name: str
    layers: str
    unit: str
    set_up: Callable[[], Contest]


def batches(ours: Callable[[], object], peer: Callable[[], object], flops: float) -> Contest:
    """Make a contest of functions that do a batch each, ours with all cores."""

    def counted(function: Callable[[], object]) -> Work:
        def work() -> int:
            function()
            return 1

        return work

    return Contest({usable_cores(): counted(ours)}, counted(peer), flops)


def microseconds(work: Work) -> float:
    """Return the time of a unit, after warming up."""
    end = time.perf_counter() + _WARM_UP
    while time.perf_counter() < end:
        work()
    units, began = 0, time.perf_counter()
    while time.perf_counter() - began < _MEASURED:
        units += work()
    return (time.perf_counter() - began) / units * 1e6


def compare(job: Job, ceilings: Ceilings, turns: int) -> list[dict[str, Any]]:
    """Measure ours and the peer in turns; one row of medians for each number of our threads.

    PyTorch is measured with one thread and with all cores, of which the better one counts.
    ``ratio`` is how many times faster ours is, ``share`` how much of the possible it reaches.
    """
    print(f"{job.layers}: {job.name}", file=sys.stderr)
    contest = job.set_up()
    for compile_and_load in (*contest.ours.values(), contest.peer):
        compile_and_load()
    ours: dict[int, list[float]] = {count: [] for count in contest.ours}
    limits: dict[int, list[float]] = {count: [] for count in contest.ours}
    peers: dict[int, list[float]] = {count: [] for count in sorted({1, usable_cores()})}
    for _ in range(turns):
        for count, work in contest.ours.items():
            ours[count].append(microseconds(work))
            limits[count].append(contest.ceiling_us(ceilings, count))
        for count, times in peers.items():
            torch.set_num_threads(count)
            times.append(microseconds(contest.peer))
    peer_us, peer_threads = min((statistics.median(times), n) for n, times in peers.items())
    rows = []
    for count, times in ours.items():
        row = {"job": job.name, "layers": job.layers, "unit": job.unit, "threads": count}
        our_us, ceiling_us = statistics.median(times), statistics.median(limits[count])
        row |= {"ours_us": our_us, "torch_us": peer_us, "torch_threads": peer_threads}
        shares = {"ratio": peer_us / our_us, "share": ceiling_us / our_us}
        rows.append(row | {"ceiling_us": ceiling_us} | shares)
    return rows


def compare_all(jobs: Iterable[Job], ceilings: Ceilings, turns: int) -> list[dict[str, Any]]:
    """Compare one job after the other."""
    return [row for job in jobs for row in compare(job, ceilings, turns)]
