"""Training time without the time in which the process was stopped."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.apps.fit.trainer import FitTrainer
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import parse_layers
from fit_image.runs.training_clock import TrainingClock


class Machine:
    """Two clocks: that on the wall, and that of the processors."""

    def __init__(self):
        self.wall = self.used = 100.0

    def clock(self):
        return TrainingClock(lambda: self.wall, lambda: self.used)

    def work(self, seconds, cores=1.0):
        self.wall += seconds
        self.used += cores * seconds

    def wait(self, seconds):
        self.wall += seconds


@pytest.fixture
def machine():
    return Machine()


@pytest.mark.parametrize("cores", [0.3, 1, 2, 64])
@pytest.mark.parametrize("step", [1e-4, 0.01, 0.1, 3.0])
def test_steps_count_as_they_take(machine, step, cores):
    clock = machine.clock()
    for _ in range(10):
        machine.wait(5)  # drawing, or asking the user
        clock.start()
        machine.work(step, cores)
        assert clock.lap() == pytest.approx(step)


@pytest.mark.parametrize("cores", [0.3, 1, 2, 64])
@pytest.mark.parametrize("step", [1e-4, 0.01, 0.1, 1.0])
@pytest.mark.parametrize("before", [3, 400])
def test_a_stop_does_not_count(machine, step, cores, before):
    clock = machine.clock()
    total = 0.0
    for index in range(before + 10):
        clock.start()
        machine.work(step, cores)
        if index == before:
            machine.wait(8.0)
        total += clock.lap()
    assert total == pytest.approx((before + 10) * step, abs=0.05)


def test_one_stop_after_another_does_not_count(machine):
    clock = machine.clock()
    total = 0.0
    for index in range(60):
        clock.start()
        machine.work(0.05)
        if index % 3 == 0:
            machine.wait(1000.0)
        total += clock.lap()
    assert total == pytest.approx(3.0, abs=0.1)


def test_a_machine_that_becomes_busy_is_no_stop(machine):
    clock = machine.clock()
    for _ in range(10):
        machine.work(0.1)
        clock.lap()
    total = 0.0
    for _ in range(100):
        machine.work(2.0, cores=0.05)
        total += clock.lap()
    assert total == pytest.approx(200.0, rel=0.05)


def test_a_step_never_takes_less_than_nothing(machine):
    clock = machine.clock()
    machine.wall -= 3600.0
    assert clock.lap() == 0.0


def train_to_the_end(trainer):
    while trainer.ended is None:
        if trainer.train():
            trainer.finish_epoch()


@pytest.mark.parametrize("sampling", ["uniform", "error"])
def test_the_time_limit_does_not_count_a_stop(machine, sampling):
    config = FitConfig(layers=parse_layers("4"), epochs=10**6, time_limit=2.0, sampling=sampling)
    trainer = FitTrainer(np.zeros((2, 3, 3), np.uint8), config, threads=1)
    trainer.clock = machine.clock()
    learn, stopped = trainer.learning.method.learn, []

    def learn_and_stop(*args, **options):
        machine.work(0.05)
        if trainer.progress.epoch == 5 and not stopped:
            stopped.append(True)
            machine.wait(600.0)
        learn(*args, **options)

    trainer.learning.method.learn = learn_and_stop
    train_to_the_end(trainer)
    assert stopped
    assert trainer.ended == "time-limit"
    assert trainer.progress.seconds == pytest.approx(2.0, abs=0.1)
    assert machine.wall > 600.0


@pytest.mark.parametrize("length", ["epochs", "time"])
def test_a_schedule_by_time_ends_with_the_time_limit(machine, length):
    config = FitConfig(
        layers=parse_layers("4"),
        epochs=10**6,
        time_limit=2.0,
        lr_schedule="linear",
        schedule_by=length,
    )
    trainer = FitTrainer(np.zeros((2, 3, 3), np.uint8), config, threads=1)
    trainer.clock = machine.clock()
    learn, factors = trainer.learning.method.learn, []

    def learn_slowly(*args, **options):
        factors.append(options["factors"][0])
        machine.work(0.05)
        learn(*args, **options)

    trainer.learning.method.learn = learn_slowly
    train_to_the_end(trainer)
    expected = 1 - np.arange(len(factors)) * 0.05 / 2.0 if length == "time" else 1.0
    np.testing.assert_allclose(factors, expected, atol=1e-4)
    assert len(factors) == pytest.approx(40, abs=1)
