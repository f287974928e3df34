"""Schedules of the learning rate against their formulas, and in training."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fit_image.apps.fit.trainer import FitTrainer
from fit_image.config import registry
from fit_image.config.fit import FitConfig
from fit_image.nn.optimizers.schedules import SCHEDULES, RateSchedule
from naive import NAIVE_OPTIMIZERS, NaiveNetwork, values

# The factor at a share of the training.
FORMULAS = {
    "constant": lambda share: 1.0,
    "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,
    "exponential": lambda share: 10 ** (-2 * share),
    "linear": lambda share: 1 - share,
}


def test_every_schedule_is_offered_and_has_a_formula():
    assert list(SCHEDULES) == list(registry.SCHEDULES) == list(FORMULAS)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 1.5])
def test_factors_follow_the_formula(name, warmup):
    samples, epochs = 10, 4
    factors = RateSchedule(name, epochs, warmup).factors(0, 40, samples)
    expected = []
    for sample in range(40):
        done = (sample + 0.5) / samples
        rising = min(done / warmup, 1.0) if warmup else 1.0
        expected.append(rising * FORMULAS[name](done / epochs))
    assert factors.dtype == np.float32
    np.testing.assert_allclose(factors, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", SCHEDULES)
def test_factors_do_not_depend_on_how_they_are_asked_for(name):
    schedule = RateSchedule(name, 3.0, 0.5)
    whole = schedule.factors(0, 300, 100)
    parts = [schedule.factors(first, 7, 100) for first in range(0, 294, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), whole[:294])


@pytest.mark.parametrize("name", SCHEDULES)
def test_progress_is_a_share_of_time_where_that_is_larger(name):
    schedule, middle = RateSchedule(name, 4.0), 1.5
    by_samples = schedule.factors(100, 100, 100)
    by_time = schedule.factors(100, 100, 100, share=middle / 4)
    assert np.all(by_time <= by_samples)
    expected = [FORMULAS[name](max((100.5 + i) / 400, middle / 4)) for i in range(100)]
    np.testing.assert_allclose(by_time, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "options", [{"optimizer": "sgd", "batch_size": 1}, {"optimizer": "adam", "batch_size": 100}]
)
@pytest.mark.parametrize("name", SCHEDULES)
def test_training_follows_the_schedule(name, options, small_picture):
    """The last batch of an epoch is one of 84, and has the mean factor of its samples."""
    fit = FitConfig(layers=(8,), epochs=2, lr_schedule=name, warmup=0.5, **options)
    trainer = FitTrainer(small_picture, fit)
    twin, naive = NaiveNetwork.copy_of(trainer.network), NAIVE_OPTIMIZERS[fit.optimizer]()
    pixels, width = trainer.epoch_size, trainer.network.size[0]
    for epoch in range(2):
        trainer.train(seconds=0.0)  # draws the order only
        order = trainer.learning.samples.order.astype(int)
        places = np.column_stack((order % width / (width - 1), order // width / 15))
        colours = small_picture.reshape(-1, 3)[order]
        for start in range(0, pixels, fit.batch_size):
            part = slice(start, min(start + fit.batch_size, pixels))
            done = [epoch + (sample + 0.5) / pixels for sample in range(part.start, part.stop)]
            factors = [min(each / 0.5, 1.0) * FORMULAS[name](each / 2) for each in done]
            twin.learn_batch(places[part], colours[part], fit.learning_rate, naive, factors=factors)
        while not trainer.train():
            continue
        trainer.finish_epoch()
    np.testing.assert_allclose(values(trainer.network), twin.values(), atol=5e-5)
