"""Pixels that are never shown: which they are, that nothing is learned from them, their PSNR."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from test_epoch_loop import milestones, resumed, state_of
from test_fit import BATCHES

from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.fitting import fit
from fit_image.apps.pixels.hold_out import HeldOut
from fit_image.apps.pixels.importance_sampling import Importance
from fit_image.apps.pixels.samples import Samples
from fit_image.config.fit import FitConfig
from fit_image.config.hold_out import shown_pixels
from fit_image.config.presets import PRESETS, preset_config
from fit_image.errors import InputError
from fit_image.images.colours import to_float

WAYS = [{}, *BATCHES, {"sampling": "error"}, {"encoding": "grid", "batch_size": 16}]


def mask(hold_out, width, height, seed=0):
    return HeldOut.of(FitConfig(hold_out=hold_out, seed=seed), width, height).mask


@pytest.mark.parametrize("size", [(24, 16), (7, 5), (1, 9), (6, 1), (2, 1)])
def test_every_second_column_and_row_is_held_out(size):
    expected = np.ones(size[::-1], dtype=bool)
    for y in range(0, size[1], 2):
        for x in range(0, size[0], 2):
            expected[y, x] = False
    np.testing.assert_array_equal(mask("even", *size), expected)
    assert shown_pixels("even", *size) == (~expected).sum()


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.75, 0.999])
def test_a_share_is_held_out_to_the_pixel(share):
    chosen = mask(share, 70, 50)
    assert chosen.sum() == round(share * 3500)
    assert shown_pixels(share, 70, 50) == (~chosen).sum()


def test_the_seed_chooses_the_share():
    one, same, other = mask(0.5, 70, 50), mask(0.5, 70, 50), mask(0.5, 70, 50, seed=1)
    assert (one == same).all()
    assert 0.4 < (one == other).mean() < 0.6
    # Anywhere: no half, row or column has many more of them.
    for part in (one[:25], one[25:], one[:, :35], one[:, 35:], one[::2], one[:, ::2]):
        assert 0.45 < part.mean() < 0.55


def test_each_held_out_pixel_is_as_likely():
    chosen = sum(mask(0.25, 4, 5, seed).astype(int) for seed in range(400))
    assert (abs(chosen - 100) < 5 * math.sqrt(400 * 0.25 * 0.75)).all()


@pytest.mark.parametrize(
    ("hold_out", "size"), [("even", (1, 1)), (0.1, (2, 2)), (0.9, (2, 2)), (0.001, (20, 20))]
)
def test_a_picture_of_which_none_or_all_would_be_held_out_is_refused(hold_out, size):
    picture = np.zeros((*size[::-1], 3), dtype=np.uint8)
    with pytest.raises(InputError, match="hold_out") as error:
        FitTrainer(picture, FitConfig(layers=(4,), hold_out=hold_out))
    assert error.value.fields == ("hold_out",)


@pytest.mark.parametrize(
    "value", ["odd", "", "0", 0, 1, 1.0, -0.5, 2, math.nan, True, "nan", [0.5]]
)
def test_other_values_are_refused(value):
    with pytest.raises(InputError) as error:
        FitConfig(hold_out=value)
    assert error.value.fields == ("hold_out",)


def test_a_target_of_pixels_that_are_all_shown_is_refused():
    with pytest.raises(InputError, match="it needs hold_out"):
        FitConfig(target_psnr="unseen:30")
    for given, kept in (("30.50", "30.5"), ("30.0", "30"), ("30.123456789", "30.123456789")):
        config = FitConfig(target_psnr=f"unseen:{given}", hold_out="even")
        assert config.target_psnr == f"unseen:{kept}"
    refused = ("", "0", "-3", "inf", "1e7", "nan")
    for target in (*(f"unseen:{each}" for each in refused), "seen:30", "30"):
        with pytest.raises(InputError, match="target_psnr"):
            FitConfig(target_psnr=target, hold_out="even")


@pytest.mark.parametrize("by_error", [False, True])
def test_only_pixels_that_are_shown_are_in_the_order(rng, by_error):
    image = rng.integers(0, 256, (16, 24, 3), dtype=np.uint8)
    held_out = HeldOut.of(FitConfig(hold_out=0.3), 24, 16)
    source = Samples(image, held_out.shown)
    levels = rng.integers(1, 256, image.shape[0] * image.shape[1], dtype=np.uint8)
    source.shuffle(rng, levels if by_error else None)
    assert len(source.order) == len(held_out.shown)
    assert not held_out.mask.reshape(-1)[source.order].any()
    if not by_error:
        assert sorted(source.order) == sorted(held_out.shown)
    _, colours, weights = source.gather(0, 1000)
    np.testing.assert_array_equal(colours, to_float(image).reshape(-1, 3)[source.order])
    # What is drawn by error stands for all that is shown, and for nothing else.
    alone = Importance(levels[held_out.shown])
    positions = np.searchsorted(held_out.shown, source.order).astype(np.uint32)
    expected = alone.weights(positions) if by_error else 1.0
    np.testing.assert_array_equal(weights, expected)


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_what_is_held_out_is_never_learned(options, small_picture, rng):
    """A picture with other colours there is learned to the same bits."""
    config = FitConfig(layers=(9, 5), hold_out="even", **{**options, "epochs": 2})
    held_out = HeldOut.of(config, 24, 16).mask
    other = small_picture.copy()
    other[held_out] = rng.random((held_out.sum(), 3), dtype=np.float32)
    one, two = FitTrainer(small_picture, config), FitTrainer(other, config)
    first, second = milestones(one), milestones(two)
    if options.get("encoding") != "grid":
        assert one.epoch_size == 96
    assert state_of(one) == state_of(two)
    for mine, others in zip(first, second, strict=True):
        assert mine.metrics.psnr == others.metrics.psnr
        assert mine.metrics.unseen_psnr != others.metrics.unseen_psnr
        assert (mine.frame == others.frame).all()


def test_both_figures_are_those_of_their_pixels(small_picture):
    *_, epoch = fit(small_picture, layers=(16,), epochs=2, hold_out=0.4, seed=3)
    drawn = np.clip(epoch.network.render(), 0, 1).astype(np.float64)
    errors = np.square(drawn - small_picture).mean(axis=2)
    held_out = mask(0.4, 24, 16, seed=3)
    for psnr, pixels in ((epoch.psnr, ~held_out), (epoch.unseen_psnr, held_out)):
        assert psnr == pytest.approx(-10 * math.log10(errors[pixels].mean()), abs=1e-4)
    *_, plain = fit(small_picture, layers=(16,), epochs=2)
    assert plain.unseen_psnr is None


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_going_on_is_as_if_it_had_never_stopped(options, small_picture):
    config = FitConfig(layers=(9,), hold_out=0.4, **{**options, "epochs": 3})
    whole = FitTrainer(small_picture, config)
    expected = milestones(whole)
    trainer = FitTrainer(small_picture, dataclasses.replace(config, time_limit=1e-9))
    milestones(trainer)
    trainer = resumed(trainer, small_picture, time_limit=None)
    reached = milestones(trainer)
    assert state_of(trainer) == state_of(whole)
    assert [each.metrics.unseen_psnr for each in reached[-2:]] == [
        each.metrics.unseen_psnr for each in expected[-2:]
    ]


def test_a_target_may_be_that_of_pixels_never_shown(small_picture):
    options = {"layers": (16,), "epochs": 30, "hold_out": "even"}
    figures = [epoch.unseen_psnr for epoch in fit(small_picture, **options)]
    target = float(f"{max(figures[:12]) - 0.001:.4f}")
    first = next(index for index, psnr in enumerate(figures) if psnr >= target)
    stopped = list(fit(small_picture, **options, target_psnr=f"unseen:{target:.4f}"))
    assert 0 < first < 30
    assert [epoch.unseen_psnr for epoch in stopped] == figures[: first + 1]
    # A target of the pixels shown is another one.
    (*_, last) = fit(small_picture, **options, target_psnr=max(e.psnr for e in stopped) + 0.01)
    assert last.index > first


def test_presets_follow_the_pixels_that_are_shown():
    for preset in PRESETS:
        quarter = preset_config(preset, 768, 512, hold_out="even")
        alone = preset_config(preset, 384, 256)
        assert (quarter.epochs, quarter.batch_size) == (alone.epochs, alone.batch_size)
        assert quarter.hold_out == "even"
