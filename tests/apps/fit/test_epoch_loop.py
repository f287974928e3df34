"""Ends of a training, from which going on is as if it had never stopped."""

from __future__ import annotations

import dataclasses
import math
import time

import numpy as np
import pytest
from test_fit import BATCHES, optimizer_state, train
from test_importance_sampling import begin_epoch

from fit_image.apps.fit import next_epoch
from fit_image.apps.fit.drawing import Drawing, VoidDrawingError
from fit_image.apps.fit.epoch_loop import follow
from fit_image.apps.fit.next_epoch import NextEpoch
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.fitting import fit
from fit_image.config.fit import FitConfig
from fit_image.errors import DivergenceError
from fit_image.images.io import encode_png
from fit_image.nn.runtime import machine
from fit_image.nn.training import fused
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
    monkeypatch.setattr(fused, "MAX_NUMBERS", 1)
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
    assert 0 < trainer.progress.position < trainer.epoch_size
    trainer = resumed(trainer, small_picture, time_limit=None)
    milestones(trainer)
    assert state_of(trainer) == state_of(whole)


# ---- a frame drawn by idle threads, while the next epoch is learned


@pytest.fixture
def idle(monkeypatch):
    """Have two cores more than the threads that learn, and any drawing worth another thread."""
    monkeypatch.setattr(machine, "usable_cores", lambda: 3)
    monkeypatch.setattr(next_epoch, "DRAWING_WORK", 0)
    begun = []
    learn = NextEpoch.learn
    monkeypatch.setattr(NextEpoch, "learn", lambda *each: begun.append(each) or learn(*each))
    return begun


def rows_of(ends):
    """All of some ends but the seconds."""
    return [
        (end.epoch, repr(end.metrics.loss), end.metrics.psnr, end.complete, frame_of(end))
        for end in ends
    ]


def frame_of(end):
    return None if end.frame is None else end.frame.tobytes()


@pytest.mark.parametrize("frame_every", [1, 2])
@pytest.mark.parametrize("options", [{}, {"lr_schedule": "cosine", "warmup": 0.1}], ids=str)
def test_idle_threads_change_nothing_but_the_time(small_picture, idle, options, frame_every):
    config = FitConfig(layers=(16,), epochs=5, **options)
    alone = FitTrainer(small_picture, config, threads=1)
    expected = rows_of(milestones(alone, frame_every))
    assert not idle
    beside = FitTrainer(small_picture, config)
    assert rows_of(milestones(beside, frame_every)) == expected
    assert idle
    assert state_of(beside) == state_of(alone)
    assert beside.snapshot.keys() == alone.snapshot.keys()
    different = {"progress_seconds"}
    for name in beside.snapshot.keys() - different:
        assert beside.snapshot[name].tobytes() == alone.snapshot[name].tobytes(), name


def test_other_ways_to_learn_leave_no_thread_idle(small_picture, idle):
    for options in ({"optimizer": "adam", "batch_size": 16}, {"sampling": "error"}):
        milestones(FitTrainer(small_picture, FitConfig(layers=(16,), epochs=2, **options)))
    assert not idle


def test_nothing_of_the_next_epoch_is_seen_before_its_time(small_picture, idle):
    """Whoever saves and stops at any moment goes on to the same bits."""
    config = FitConfig(layers=(16,), epochs=3)
    whole = FitTrainer(small_picture, config, threads=1)
    expected = rows_of(milestones(whole))
    trainer = FitTrainer(small_picture, config)
    seen, moments = [], 0
    for reached in follow(trainer, 1):
        moments += 1
        if isinstance(reached, EpochEnd):
            seen += rows_of([reached])
            assert trainer.progress.epoch == reached.epoch
            assert trainer.progress.position == 0
        again = resumed(trainer, small_picture)
        assert expected[: len(seen)] == seen
        rest = [end for end in rows_of(milestones(again)) if end[0] > len(seen) - 1]
        assert [*seen, *rest] == expected
        assert state_of(again) == state_of(whole)
    assert moments >= 4


def slow_drawing(monkeypatch, seconds=0.02):
    strips = Drawing.strips

    def slow(*arguments):
        time.sleep(seconds)
        yield from strips(*arguments)

    monkeypatch.setattr(Drawing, "strips", slow)


def test_what_follows_a_target_is_not_learned(small_picture, idle, monkeypatch):
    config = FitConfig(layers=(16,), epochs=30, target_psnr=12.0)
    alone = FitTrainer(small_picture, config, threads=1)
    expected = rows_of(milestones(alone))
    assert 1 < len(expected) < 30
    slow_drawing(monkeypatch)  # a whole epoch is learned beside it
    beside = FitTrainer(small_picture, config)
    assert rows_of(milestones(beside)) == expected
    assert state_of(beside) == state_of(alone)
    assert beside.ended == "target-psnr"
    assert beside.progress.position == 0


def test_time_is_up_in_an_epoch_that_began_beside_a_drawing(small_picture, idle, monkeypatch):
    slow_drawing(monkeypatch)
    trainer = FitTrainer(small_picture, FitConfig(layers=(16,), time_limit=0.002))
    reached = milestones(trainer)
    assert [end.epoch for end in reached] == list(range(len(reached)))
    assert all(end.complete for end in reached[:-1])
    assert reached[-1].frame is not None
    assert trainer.ended == "time-limit"
    whole = FitTrainer(small_picture, FitConfig(layers=(16,), epochs=len(reached)), threads=1)
    again = resumed(trainer, small_picture, time_limit=None, epochs=len(reached))
    milestones(again)
    milestones(whole)
    assert state_of(again) == state_of(whole)


def test_a_collapse_undoes_what_was_learned_beside_its_drawing(small_picture, idle, monkeypatch):
    trainer = FitTrainer(small_picture, FitConfig(layers=(16,), epochs=9))
    course = follow(trainer, 1)
    while not (isinstance(end := next(course), EpochEnd) and end.epoch == 2):
        pass

    def collapse(*_):
        raise DivergenceError("collapsed")

    monkeypatch.setattr(Drawing, "check_sound", collapse)
    good = trainer.snapshot
    with pytest.raises(DivergenceError, match="collapsed"):
        list(course)
    assert (trainer.progress.epoch, trainer.progress.position) == (2, trainer.epoch_size)
    assert trainer.snapshot is good
    monkeypatch.undo()
    trainer.load_state_dict(trainer.snapshot)
    milestones(trainer)
    whole = FitTrainer(small_picture, trainer.config, threads=1)
    milestones(whole)
    assert state_of(trainer) == state_of(whole)


def test_divergence_beside_a_drawing_is_told_after_its_epoch(small_picture, idle, monkeypatch):
    trainer = FitTrainer(small_picture, FitConfig(layers=(16,), epochs=9))
    learn = trainer.learning.learn

    def diverging(progress, *arguments):
        learn(progress, *arguments)
        if progress.epoch == 2:
            progress.loss_sum = math.inf

    monkeypatch.setattr(trainer.learning, "learn", diverging)
    reached = []
    with pytest.raises(DivergenceError, match="diverged in epoch 3"):
        reached.extend(each for each in follow(trainer, 1) if isinstance(each, EpochEnd))
    trainer.load_state_dict(trainer.snapshot)
    assert trainer.progress.epoch == 2


def test_who_stops_while_a_frame_is_drawn_can_go_on(small_picture, idle, monkeypatch):
    trainer = FitTrainer(small_picture, FitConfig(layers=(16,), epochs=99))
    slow_drawing(monkeypatch)
    course = follow(trainer, 1)
    for reached in course:
        if idle and isinstance(reached, int):
            break
    course.close()
    assert trainer.progress.position == trainer.epoch_size
    trainer.config = dataclasses.replace(trainer.config, epochs=trainer.learned_epochs + 1)
    milestones(trainer)
    whole = FitTrainer(small_picture, trainer.config, threads=1)
    milestones(whole)
    assert state_of(trainer) == state_of(whole)


def test_a_drawing_that_nobody_needs_ends_early(small_picture):
    trainer = FitTrainer(small_picture, FitConfig(layers=(16,)))
    drawing = Drawing(trainer.image)
    drawing.is_void = True
    with pytest.raises(VoidDrawingError):
        list(drawing.strips(trainer.network, 2))


def test_a_network_that_its_user_changes_goes_on_from_there(small_picture, idle):
    def changed(**options):
        for epoch in fit(small_picture, layers=(16,), epochs=4, **options):
            if epoch.index == 2:
                epoch.network.parameters *= np.float32(0.5)
            yield epoch.index, epoch.psnr, epoch.loss

    assert repr(list(changed())) == repr(list(changed(threads=1)))
    assert idle


def test_frames_made_beside_are_the_same_files(small_picture, idle):
    trainer = FitTrainer(small_picture, FitConfig(layers=(16,), epochs=2))
    *_, made, last = [each for each in trainer.course(Frames(), bool) if isinstance(each, EpochEnd)]
    assert made.file == encode_png(made.frame)
    assert last.file is None


class Frames:
    frame_every = 1
