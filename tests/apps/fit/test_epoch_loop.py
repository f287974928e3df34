"""What ends a training, and that going on from there is as if it had never stopped."""

from __future__ import annotations

import dataclasses

import pytest
from test_fit import BATCHES, optimizer_state, train
from test_importance_sampling import begin_epoch

from fit_image.apps.fit.epoch_loop import follow
from fit_image.apps.fit.fit import fit
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.config.fit import FitConfig
from fit_image.nn.training import micro_batch
from fit_image.runs.trainer import EpochEnd

AN_INSTANT = 1e-9  # after which some pixels are learned all the same

WAYS = [{}, *BATCHES, {"sampling": "error"}, {"sampling": "error", "optimizer": "adam"}]


def milestones(trainer, frame_every=1):
    return [each for each in follow(trainer, frame_every) if isinstance(each, EpochEnd)]


def state_of(trainer):
    arrays = optimizer_state(trainer)
    return trainer.network.parameters.tobytes(), {name: arrays[name].tobytes() for name in arrays}


def resumed(trainer, image, **changes):
    other = FitTrainer(image, dataclasses.replace(trainer.config, **changes))
    other.resume_from(trainer.checkpoint())
    return other


def test_all_epochs_are_an_end(small_picture):
    trainer = FitTrainer(small_picture, FitConfig(layers=(8,), epochs=3))
    assert trainer.ended is None
    reached = milestones(trainer, frame_every=2)
    assert [each.epoch for each in reached] == [0, 1, 2, 3]
    assert [each.frame is not None for each in reached] == [True, False, True, True]
    assert all(each.complete for each in reached)
    assert trainer.ended == "epochs"
    assert milestones(trainer) == []


def test_a_target_ends_at_the_first_picture_that_has_it(small_picture):
    figures = [epoch.psnr for epoch in fit(small_picture, layers=(16,), epochs=30)]
    target = figures[10] - 1e-9
    first = next(index for index, psnr in enumerate(figures) if psnr >= target)
    assert 0 < first <= 10
    stopped = list(fit(small_picture, layers=(16,), epochs=30, target_psnr=target))
    assert [epoch.psnr for epoch in stopped] == figures[: first + 1]
    *_, drawn = fit(small_picture, layers=(16,), epochs=30, target_psnr=target, frame_every=7)
    assert drawn.index % 7 == 0 or drawn.index == 30  # only what is drawn is looked at


def test_an_untrained_network_may_be_good_enough(small_picture):
    trainer = FitTrainer(small_picture, FitConfig(layers=(8,), target_psnr=0.1))
    assert [each.epoch for each in milestones(trainer)] == [0]
    assert trainer.ended == "target-psnr"


def test_the_time_may_be_up_inside_an_epoch(small_picture):
    epochs = list(fit(small_picture, layers=(8,), time_limit=AN_INSTANT, frame_every=5))
    assert [epoch.index for epoch in epochs] == [0, 1]
    assert epochs[-1].loss > 0
    assert epochs[-1].psnr is not None
    assert epochs[-1].seconds > 0


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_going_on_is_as_if_it_had_never_stopped(options, small_picture):
    config = FitConfig(layers=(16,), **{**options, "epochs": 3})
    whole = FitTrainer(small_picture, config)
    expected = milestones(whole)

    trainer = FitTrainer(small_picture, dataclasses.replace(config, time_limit=AN_INSTANT))
    reached, stops = milestones(trainer), 0
    while trainer.ended == "time-limit":
        stops += 1
        limit = trainer.progress.seconds + AN_INSTANT
        trainer = resumed(trainer, small_picture, time_limit=limit if stops < 8 else None)
        # A few pixels at once, in the first two epochs and in the third.
        trainer.learning.chunk = 150 if stops < 8 else 1
        reached += milestones(trainer)
    assert stops == 8 or config.batch_size > 384
    assert state_of(trainer) == state_of(whole)
    complete = [each for each in reached if each.complete]
    assert [each.epoch for each in complete] == [0, 1, 2, 3]
    for one, other in zip(complete[1:], expected[1:], strict=True):
        assert one.metrics.loss == other.metrics.loss
        assert (one.frame == other.frame).all()


def test_a_limit_reached_before_only_draws(small_picture):
    first = FitTrainer(small_picture, FitConfig(layers=(8,), time_limit=AN_INSTANT))
    *_, partial = milestones(first)
    again = resumed(first, small_picture)
    (drawn,) = milestones(again)
    assert (drawn.epoch, drawn.metrics.loss, drawn.complete) == (1, partial.metrics.loss, False)
    assert (drawn.frame == partial.frame).all()
    assert state_of(again) == state_of(first)
    assert again.progress == first.progress


def test_a_target_below_a_picture_drawn_before_ends_inside_an_epoch(small_picture):
    first = FitTrainer(small_picture, FitConfig(layers=(8,), time_limit=AN_INSTANT))
    milestones(first)
    again = resumed(first, small_picture, time_limit=None, target_psnr=0.1)
    (drawn,) = milestones(again)
    assert (drawn.epoch, drawn.complete, again.ended) == (1, False, "target-psnr")
    assert again.progress.position == first.progress.position


def test_time_that_ends_in_a_huge_batch_draws_the_epoch_before(small_picture, monkeypatch):
    monkeypatch.setattr(micro_batch, "MAX_NUMBERS", 1)
    options = {"layers": (8,), "optimizer": "adam", "batch_size": 1000, "epochs": 5}
    trainer = FitTrainer(small_picture, FitConfig(**options))
    course = follow(trainer, 10)
    reached = [next(course)]
    while not (isinstance(reached[-1], EpochEnd) and reached[-1].epoch == 1):
        reached.append(next(course))
    assert reached[-1].frame is None
    trainer.config = dataclasses.replace(
        trainer.config, time_limit=trainer.progress.seconds + AN_INSTANT
    )
    *_, last = course
    assert (last.epoch, last.metrics.loss, last.complete) == (1, reached[-1].metrics.loss, True)
    assert last.frame is not None
    assert trainer.progress.position == 0


def test_time_that_ends_among_pixels_chosen_by_error_keeps_the_choice(small_picture):
    config = FitConfig(layers=(16,), epochs=3, sampling="error")
    whole, trainer = FitTrainer(small_picture, config), FitTrainer(small_picture, config)
    milestones(whole)
    train(trainer, 1)
    begin_epoch(trainer)
    trainer.config = dataclasses.replace(config, time_limit=trainer.progress.seconds + AN_INSTANT)
    milestones(trainer)
    assert 0 < trainer.progress.position < trainer.pixels
    trainer = resumed(trainer, small_picture, time_limit=None)
    milestones(trainer)
    assert state_of(trainer) == state_of(whole)
