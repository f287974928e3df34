"""Sampling by error: how often a pixel is drawn, what it weighs, and that nothing is biased."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_fit import train

from fit_image.apps.fit.epoch_loop import follow
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.pixels.importance_sampling import Importance, error_levels, measure_errors
from fit_image.apps.pixels.samples import Samples
from fit_image.config.fit import FitConfig
from fit_image.errors import InputError
from fit_image.nn.training import fused
from fit_image.runs.training_clock import TrainingClock

BY_ERROR = FitConfig(layers=(16, 16), epochs=3, sampling="error")

LEVELS = {
    "mixed": np.random.default_rng(3).integers(1, 256, 1000, dtype=np.uint8),
    "equal": np.full(1000, 7, dtype=np.uint8),
    "a single error": np.where(np.arange(1000) == 123, 255, 1).astype(np.uint8),
    "one pixel": np.ones(1, dtype=np.uint8),
    "all wrong": np.full(1000, 255, dtype=np.uint8),
}


def begin_epoch(trainer):
    """Learn a few pixels of an epoch."""
    trainer.learning.chunk = 5
    while trainer.progress.position == 0:
        assert not trainer.train(seconds=1e-9)


def draws_expected(levels):
    """N p_i of the formula, in float64."""
    errors = levels.astype(float) ** 2
    return 0.5 + 0.5 * errors / errors.mean()


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
def test_a_pixel_is_drawn_as_often_as_its_error_asks_for(levels):
    expected, counts, turns = draws_expected(levels), np.zeros(len(levels)), 400
    for seed in range(turns):
        order = np.full(len(levels), 2**32 - 1, dtype=np.uint32)
        Importance(levels).draw(order, np.random.default_rng(seed))
        drawn = np.bincount(order, minlength=len(levels))
        # Systematic resampling rounds up or down, no more.
        assert (drawn >= np.floor(expected - 1e-9)).all()
        assert (drawn <= np.ceil(expected + 1e-9)).all()
        counts += drawn / turns
    fraction = expected % 1
    deviation = np.sqrt(fraction * (1 - fraction) / turns)
    assert (np.abs(counts - expected) <= 5 * deviation + 1e-9).all()


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
def test_a_weight_is_one_over_the_draws_expected(levels):
    pixels = np.arange(len(levels), dtype=np.uint32)[::-1].copy()
    weights = Importance(levels).weights(pixels)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, 1 / draws_expected(levels)[::-1], rtol=1e-6)
    assert weights.max() <= 2


def test_weighted_sums_are_unbiased(rng):
    levels, values = LEVELS["mixed"], rng.random(1000)
    importance, sums = Importance(levels), []
    for seed in range(2000):
        order = np.empty(1000, dtype=np.uint32)
        importance.draw(order, np.random.default_rng(seed))
        sums.append((importance.weights(order) * values[order]).sum())
    assert np.mean(sums) == pytest.approx(values.sum(), abs=5 * np.std(sums) / np.sqrt(2000))


def test_the_order_has_the_draws_shuffled(rng):
    levels = LEVELS["mixed"]
    source = Samples(rng.random((20, 50, 3), dtype=np.float32))
    source.shuffle(np.random.default_rng(5), levels)
    drawn = np.empty(1000, dtype=np.uint32)
    Importance(levels).draw(drawn, np.random.default_rng(5))
    assert (source.order != drawn).any()
    np.testing.assert_array_equal(np.sort(source.order), drawn)
    _, _, weights = source.gather(100, 50)
    np.testing.assert_array_equal(weights, Importance(levels).weights(source.order[100:150]))
    source.shuffle(rng)
    assert (source.gather(0, 1000)[2] == 1).all()


def test_levels_are_the_square_roots_of_errors():
    errors = np.array([0, 0.0001, 0.01, 0.25, 1], dtype=np.float32)
    assert error_levels(errors).tolist() == [1, 4, 26, 128, 255]


def test_errors_are_those_of_the_network(small_picture):
    image = small_picture.repeat(26, axis=0).repeat(26, axis=1)
    network = FitTrainer(image, BY_ERROR).network
    *first, levels = measure_errors(network, image, None)
    assert first == [None, None, None]
    errors = np.abs(network.render() - image).clip(0, 1).mean(axis=2)
    np.testing.assert_array_equal(levels, error_levels(errors).ravel())


def test_a_network_without_finite_colours_is_wrong_everywhere(small_picture):
    trainer = FitTrainer(small_picture, BY_ERROR)
    trainer.network.parameters[:] = np.nan
    *_, levels = measure_errors(trainer.network, small_picture, None)
    assert (levels == 255).all()


def test_the_first_epoch_is_uniform_and_the_others_choose(small_picture):
    trainer = FitTrainer(small_picture, BY_ERROR)
    for epoch in range(3):
        *_, levels = measure_errors(trainer.network, small_picture, None)
        begin_epoch(trainer)
        shown = np.bincount(trainer.learning.samples.order, minlength=trainer.epoch_size)
        if epoch == 0:
            assert (shown == 1).all()
            assert trainer.errors is None
        else:
            np.testing.assert_array_equal(trainer.errors, levels)
            assert (np.abs(shown - draws_expected(levels)) < 1).all()
            assert (shown != 1).any()
        train(trainer, 1)
        assert trainer.errors is None


@pytest.mark.parametrize("options", [{}, {"optimizer": "adam", "batch_size": 50}], ids=str)
def test_stopping_anywhere_changes_nothing(options, small_picture):
    config = FitConfig(layers=(16,), epochs=3, sampling="error", **options)
    whole = FitTrainer(small_picture, config, threads=2)
    train(whole, 3)
    trainer, states = FitTrainer(small_picture, config, threads=1), 0
    for epoch in range(3):
        begin_epoch(trainer)
        while not trainer.train(seconds=1e-9):
            resumed = FitTrainer(small_picture, config)
            resumed.resume_from(trainer.checkpoint())
            trainer, states = resumed, states + 1
            assert (trainer.errors is not None) == (epoch > 0)
        trainer.finish_epoch()
    assert states > 3
    assert trainer.network.parameters.tobytes() == whole.network.parameters.tobytes()


def test_a_huge_batch_may_be_stopped_inside(small_picture, monkeypatch):
    monkeypatch.setattr(fused, "MAX_NUMBERS", 1)
    config = FitConfig(layers=(8,), optimizer="adam", batch_size=1000, sampling="error")
    whole, stopped = FitTrainer(small_picture, config), FitTrainer(small_picture, config)
    train(whole, 2)
    train(stopped, 1)
    for _ in range(2):  # the errors, and a piece
        assert not stopped.train(seconds=1e-9)
    assert stopped.pending
    resumed = FitTrainer(small_picture, config)
    resumed.resume_from(stopped.checkpoint())
    train(resumed, 1)
    assert resumed.network.parameters.tobytes() == whole.network.parameters.tobytes()


def test_returning_to_the_good_state_returns_the_errors(small_picture):
    trainer = FitTrainer(small_picture, BY_ERROR)
    train(trainer, 1)
    begin_epoch(trainer)
    trainer.snapshot = trainer.state_dict()
    results = []
    for _ in range(2):
        train(trainer, 2)
        results.append(trainer.network.parameters.tobytes())
        trainer.load_state_dict(trainer.snapshot)
    assert results[0] == results[1]


@pytest.mark.parametrize("damage", ["missing", "short", "type", "zero", "unknown"])
def test_errors_that_make_no_sense_are_refused(damage, small_picture):
    trainer = FitTrainer(small_picture, BY_ERROR)
    train(trainer, 1)
    begin_epoch(trainer)
    errors = trainer.errors.copy()
    if damage == "zero":
        errors[5] = 0
    arrays = trainer.checkpoint() | {"errors": errors}
    if damage == "missing":
        del arrays["errors"]
    elif damage in ("short", "type"):
        arrays["errors"] = errors[1:] if damage == "short" else errors.astype(int)
    sampling = "uniform" if damage == "unknown" else "error"
    other = FitTrainer(small_picture, FitConfig(layers=(16, 16), sampling=sampling))
    with pytest.raises(InputError, match=r"errors|--sampling"):
        other.resume_from(arrays)


def test_measuring_takes_training_time(small_picture):
    def laps(sampling):
        trainer = FitTrainer(small_picture, FitConfig(layers=(8,), epochs=2, sampling=sampling))
        trainer.clock = TrainingClock(*(map(float, itertools.count()).__next__ for _ in range(2)))
        list(follow(trainer, 1))
        return trainer.progress.seconds

    assert laps("error") > laps("uniform")
