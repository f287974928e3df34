"""Warnings where nothing is learned: once, with options that help, and nowhere else."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_epoch_loop import milestones, resumed

from fit_image.apps.fit.stall import StallWatch
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.fitting import fit
from fit_image.apps.pixels.hold_out import HeldOut
from fit_image.config.fit import FitConfig

# Deep sigmoids give their biases, and nothing else.
DEEP = {"layers": "12x9:sigmoid", "init": "normal:0.01", "optimizer": "adam"}
DEEP |= {"learning_rate": 0.02, "batch_size": 1000, "epochs": 80}


def reasons(picture, **options):
    return [epoch.stalled for epoch in fit(picture, **{"epochs": 7, **options})]


def told(picture, **options):
    """Return the epoch from which on it is told, and what."""
    found = reasons(picture, **options)
    first = next(epoch for epoch, reason in enumerate(found) if reason)
    assert found == [None] * first + [found[first]] * (len(found) - first)
    return first, found[first]


def test_a_picture_of_one_colour_after_five_epochs(small_picture):
    epoch, reason = told(small_picture, **DEEP)
    assert epoch >= 5
    assert "nothing is learned but the average colour" in reason
    assert "--lr" in reason
    assert "\n" not in reason


def test_units_that_all_died(small_picture):
    config = FitConfig(layers=(9, 7), activation="relu", epochs=8, optimizer="adam")
    trainer = FitTrainer(small_picture, config)
    rows = list(trainer.network.rows())
    rows[1][-1] = -1e3  # biases from which no step of seven epochs leads back
    average = small_picture.reshape(-1, 3).mean(axis=0)
    rows[2][-1] = average
    milestones(trainer)
    assert "all 7 units of layer 2 died" in trainer.stalled
    assert "leaky-relu" in trainer.stalled


def test_a_loss_that_does_not_fall(small_picture):
    options = {"layers": (9,), "optimizer": "adam", "output_activation": "sigmoid"}
    epoch, reason = told(small_picture, **options, learning_rate=100.0, batch_size=16)
    assert epoch == 5
    assert "the loss does not fall" in reason
    assert "a lower --lr, such as 0.001" in reason


def test_a_loss_that_hardly_falls_is_not_said_to_rise():
    portrait = Path(__file__).parents[3] / "examples" / "portrait.png"
    picture = np.asarray(Image.open(portrait).convert("RGB").resize((48, 48)))
    reason = next(filter(None, reasons(picture, layers=(16,) * 12, activation="sigmoid")))
    assert "the loss hardly falls: 0.0721 in epoch 5, 0.0742 in the first one" in reason


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_rate_that_rounding_loses(small_picture, optimizer):
    options = {"layers": (30, 30), "optimizer": optimizer, "learning_rate": 1e-20}
    epoch, reason = told(small_picture, **options)
    assert epoch == 1
    assert "float32" in reason
    usual = FitConfig(layers=(30, 30), optimizer=optimizer).learning_rate
    assert f"--lr {usual:g}" in reason
    # While the rate rises from 0, it may be as small as it likes.
    assert told(small_picture, **options, warmup=3.0)[0] == 4


def test_a_slow_start_is_forgiven(small_picture, monkeypatch):
    """A network that learns later has nothing to be told of any more, and is told of once."""
    watch = StallWatch(small_picture, FitConfig(layers=(4,)))
    network = FitTrainer(small_picture, FitConfig(layers=(4,))).network

    class Drawn:
        psnr = watch.average_psnr

    for epoch in range(1, 20):
        Drawn.psnr = watch.average_psnr + (3.0 if 9 <= epoch < 14 else 0.0)
        watch.judge(epoch, 10**6, 0.1 / epoch, Drawn, network, None)
        watch.end_epoch(epoch, 0.1 / epoch)
        assert (watch.reason is not None) == (5 <= epoch < 9)


@pytest.mark.parametrize("frame_every", [7, 60, 500])
def test_pictures_that_are_drawn_seldom_are_enough(small_picture, frame_every):
    *_, last = fit(small_picture, **DEEP, frame_every=frame_every)
    assert "average colour" in last.stalled


@pytest.mark.parametrize(
    "picture",
    [
        np.full((16, 24, 3), 77, np.uint8),
        np.zeros((5, 4, 1), np.uint16),
        np.ones((1, 1, 3), np.float32),
        np.full((9, 9, 4), 0.5, np.float32),
        (np.indices((16, 24)).sum(axis=0) % 2 + 127).astype(np.uint8)[..., np.newaxis],
    ],
    ids=["colour", "black", "pixel", "alpha", "checks nobody sees"],
)
@pytest.mark.parametrize("options", [{}, {"optimizer": "adam"}, {"preset": "instant"}], ids=str)
def test_a_constant_picture_is_no_stall(picture, options):
    if "preset" not in options:
        options = {"layers": (8,), **options}
    assert reasons(picture, **{**options, "epochs": 110}) == [None] * 111


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": "identity"},
        {"optimizer": "adam", "batch_size": 1000, "learning_rate": 1e-4},
        {"optimizer": "adam", "learning_rate": 0.03},
        {"loss": "l1", "optimizer": "adam"},
        {"sampling": "error", "hold_out": "even"},
        {"output_activation": "sigmoid"},
        {"lr_schedule": "cosine", "epochs": 6},
    ],
    ids=str,
)
def test_learning_is_no_stall(small_picture, options):
    found = reasons(small_picture, **{"layers": (16, 16), "epochs": 30, **options})
    assert found == [None] * len(found)


def test_the_average_colour_is_that_of_the_pixels_shown(small_picture):
    config = FitConfig(hold_out=0.4)
    held_out = HeldOut.of(config, 24, 16)
    for choice, pixels in (
        (None, small_picture.reshape(-1, 3)),
        (held_out, small_picture[~held_out.mask]),
    ):
        variance = pixels.astype(np.float64).var(axis=0).mean()
        watch = StallWatch(small_picture, config, choice)
        assert watch.average_psnr == pytest.approx(-10 * math.log10(variance), abs=1e-6)


def test_a_resumed_training_knows_what_was_told(small_picture):
    trainer = FitTrainer(small_picture, FitConfig(**DEEP))
    rows = [each.metrics for each in milestones(trainer)[1:]]
    assert trainer.stalled
    again = resumed(trainer, small_picture, epochs=90)
    again.stall.reason = "as it was told"
    again.take_history(rows)
    milestones(again)
    assert again.stalled == "as it was told"
