"""The choice of a number of threads."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from fit_image.nn.runtime.thread_tuner import ThreadTuner, counts_up_to


class Machine:
    """Work whose speed depends on the number of threads, on a machine with moods.

    ``seconds`` are those of a piece of work by number of threads; between them they are as on a
    straight line.
    """

    def __init__(self, seconds, seed=None, switching=0.0):
        self.seconds = seconds
        self.now = 0.0
        self._switching = switching
        self._random = seed is not None and random.Random(seed)
        self._mood, self._until, self._last = 1.0, 0.0, 0

    def cost(self, threads):
        if threads in self.seconds:
            return self.seconds[threads]
        below = max(count for count in self.seconds if count < threads)
        above = min(count for count in self.seconds if count > threads)
        rise = (self.seconds[above] - self.seconds[below]) / (above - below)
        return self.seconds[below] + (threads - below) * rise

    def work(self, tuner, seconds, void=()):
        """Go on for so long; return how long each number of threads was used."""
        used, end = {}, self.now + seconds
        while self.now < end:
            threads = tuner.threads
            spent = self.cost(threads) * self._noise()
            if threads != self._last:
                spent += self._switching
                self._last = threads
            self.now += spent
            used[threads] = used.get(threads, 0.0) + spent
            tuner.record(1, spent, void=threads in void)
        return used

    def _noise(self):
        if not self._random:
            return 1.0
        if self.now >= self._until:
            self._mood = self._random.choice([1.0, 1.0, 1.0, 1.25, 1.6, 2.5])
            self._until = self.now + self._random.expovariate(20.0)
        return self._mood * (1.0 + abs(self._random.gauss(0.0, 0.05)))


def tuner_of(machine, most):
    return ThreadTuner(counts_up_to(most), clock=lambda: machine.now)


def test_the_fastest_number_of_threads_is_found():
    machine = Machine({1: 0.03, 2: 0.02, 4: 0.011, 6: 0.016})
    tuner = tuner_of(machine, 6)
    assert not tuner.is_settled
    used = machine.work(tuner, 5.0)
    assert tuner.is_settled
    assert tuner.fastest == tuner.threads == 4
    assert used[4] > 4.1


def test_numbers_between_the_candidates_are_found():
    machine = Machine({1: 0.016, 8: 0.003, 12: 0.0022, 16: 0.004})
    tuner = tuner_of(machine, 16)
    machine.work(tuner, 3.0)
    assert tuner.fastest == 12


def test_a_busy_machine_is_noticed_and_forgotten():
    machine = Machine({1: 0.02, 2: 0.011})
    tuner = tuner_of(machine, 2)
    machine.work(tuner, 1.0)
    assert tuner.threads == 2
    machine.seconds[2] = 0.04
    used = machine.work(tuner, 3.0)
    assert used[1] > 2.3
    machine.seconds[2] = 0.011
    machine.work(tuner, 11.0)
    assert tuner.fastest == 2


def test_one_thread_is_no_choice():
    tuner = ThreadTuner(counts_up_to(1))
    tuner.record(1, 10.0)
    assert tuner.threads == tuner.fastest == 1
    assert tuner.is_settled


def test_the_first_piece_after_a_change_does_not_count():
    machine = Machine({1: 0.02, 2: 0.018, 4: 0.016}, switching=0.2)
    tuner = tuner_of(machine, 4)
    machine.work(tuner, 5.0)
    assert tuner.fastest == 4
    tuner.interrupt()
    tuner.record(1, 100.0)  # nor one after other work
    machine.work(tuner, 0.3)
    assert tuner.fastest == 4


def test_threads_that_cannot_work_together_are_not_chosen():
    machine = Machine({1: 0.02, 2: 0.011, 4: 0.006})
    tuner = tuner_of(machine, 4)
    machine.work(tuner, 4.0, void={4})
    assert tuner.fastest == 2
    machine.work(tuner, 20.0)
    assert tuner.fastest == 4
    used = machine.work(tuner, 4.0, void={4, 2})
    assert tuner.fastest == 1
    assert used[1] > 3.0


JOBS = [
    {1: 36.3, 2: 21.9, 4: 14.6},
    {1: 1032, 2: 451, 4: 263},
    {1: 26.3, 2: 18.9, 4: 21.0, 8: 27.4, 16: 31.1},
    {1: 17.8, 2: 10.1, 4: 7.6, 8: 5.7, 16: 5.8},
    {1: 0.99, 2: 0.78, 4: 0.76, 8: 1.0, 16: 2.42},
]
"""Microseconds a sample, measured on a machine of 16 cores."""


@pytest.mark.parametrize("job", JOBS, ids=range(len(JOBS)))
def test_the_choice_costs_less_than_a_tenth_in_any_mood(job):
    """Over some machines, whose best numbers are not always the same."""
    shares = []
    for seed in range(10):
        scale = 0.012 / min(job.values())
        machine = Machine({threads: cost * scale for threads, cost in job.items()}, seed)
        tuner = tuner_of(machine, max(job))
        machine.work(tuner, 2.0)
        used = machine.work(tuner, 18.0)
        best = min(machine.seconds.values())
        done = sum(seconds / machine.cost(threads) for threads, seconds in used.items())
        shares.append(sum(used.values()) / (best * done))
        assert machine.cost(tuner.fastest) < 1.35 * best
    assert sum(shares) / len(shares) < 1.1


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8, 12, 16, 100])
def test_candidates_reach_the_most(most):
    counts = counts_up_to(most)
    assert counts[0] == 1
    assert counts[-1] == most
    assert all(below < above <= 2 * below for below, above in itertools.pairwise(counts))


def test_all_void_is_one_thread():
    machine = Machine({1: 0.02, 2: 0.02})
    tuner = tuner_of(machine, 2)
    for _ in range(100):
        machine.now += 0.01
        tuner.record(1, 0.01, void=True)
        assert tuner.threads in (1, 2)
    assert not math.isnan(tuner.fastest)
