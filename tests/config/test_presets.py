"""Presets: sets of option values, which any option overrides, for every size of picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_cli import fail, succeed

from fit_image.apps.fit.architecture import make_network, sized
from fit_image.apps.fitting import fit
from fit_image.config.fit import FitConfig
from fit_image.config.presets import PRESETS, preset_config
from fit_image.errors import InputError
from fit_image.images.io import load_image

pytestmark = pytest.mark.one_core

SIZES = [(1, 1), (1, 300), (16, 16), (300, 429), (768, 512), (6000, 4000), (2**21, 1)]

# Of the portrait with 20,000 pixels, in epochs that CI has time for; the least PSNR in dB over
# seeds 0 to 4, less 1. Half the epochs fall short, as do waves whose rate does not fall.
QUALITY = [("sharp", 12, 31.1), ("instant", 12, 37.2)]

# For each field, a value that is neither its default nor a preset's, and its option. The length of
# the schedule is that of compact.
OVERRIDES = {
    "layers": ("3x5:tanh", "--layers"),
    "epochs": (3, "--epochs"),
    "learning_rate": (0.0123, "--lr"),
    "seed": (9, "--seed"),
    "batch_size": (77, "--batch-size"),
    "optimizer": ("momentum", "--optimizer"),
    "encoding": ("positional:3", "--encoding"),
    "loss": ("huber", "--loss"),
    "lr_schedule": ("exponential", "--lr-schedule"),
    "schedule_by": ("time", "--schedule-by"),
    "warmup": (0.5, "--warmup"),
    "sampling": ("error", "--sampling"),
    "activation": ("elu", "--activation"),
    "output_activation": ("sigmoid", "--output-activation"),
    "init": ("normal:0.1", "--init"),
    "target_psnr": (77.0, "--target-psnr"),
    "time_limit": (3600.0, "--time-limit"),
}

every_preset = pytest.mark.parametrize("preset", PRESETS)


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def picture(small_picture):
    Image.fromarray((small_picture * 255).astype(np.uint8)).save("pic.png")
    return Path("pic.png")


def recorded(folder="pic-fit"):
    return json.loads(Path(folder, "run.json").read_text())


@every_preset
@pytest.mark.parametrize("size", SIZES)
def test_a_preset_fits_every_picture(preset, size):
    config = preset_config(preset, *size)
    assert config == config.for_picture(*size)
    assert config.epochs >= 1


@pytest.mark.parametrize("size", [(768, 512), (512, 512), (300, 400), (40, 900), (3, 2)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_compact_fits_any_number_of_parameters(size, channels):
    for numbers in (30, 52, 99, 100, 101, 500, 7_479, 11_999, 12_000, 29_697, 72_000, 300_000):
        config = preset_config("compact", *size, max_parameters=numbers)
        network = make_network(sized(config, size, channels), size, channels)
        assert 0.85 * numbers - 10 < network.num_params <= numbers


@pytest.mark.parametrize("numbers", [50, 5_000, 50_000])
def test_compact_may_learn_no_epoch(numbers):
    config = preset_config("compact", 768, 512, max_parameters=numbers, epochs=0)
    assert (config.epochs, config.warmup) == (0, 0.0)


def test_the_classic_preset_is_the_defaults():
    assert preset_config("classic", 300, 429) == FitConfig()


@every_preset
@pytest.mark.parametrize("field", OVERRIDES)
def test_what_is_given_overrides_a_preset(preset, field):
    value, _ = OVERRIDES[field]
    expected = FitConfig(layers=value).layers if field == "layers" else value
    assert getattr(preset_config(preset, 30, 20, **{field: value}), field) == expected


@every_preset
def test_options_override_a_preset_in_a_run(preset, picture):
    chosen = {field: each for field, each in OVERRIDES.items() if field != "activation"}
    options = [str(part) for value, name in chosen.values() for part in (name, value)]
    succeed(picture, "--preset", preset, *options)
    run = recorded()
    assert run["preset"] == preset
    assert {field: run["fit"][field] for field in chosen} == {
        field: value for field, (value, _) in chosen.items()
    }
    succeed(picture, "--resume", "--preset", preset, *options)


@every_preset
def test_a_preset_is_resumed_with_or_without_its_name(preset, picture):
    succeed(picture, "--preset", preset, "--epochs", "2")
    before = recorded()["fit"]
    succeed(picture, "--resume")
    succeed(picture, "--resume", "--preset", preset, "--epochs", "3")
    assert recorded()["fit"] == before | {"epochs": 3}
    assert recorded()["preset"] == preset
    for other in PRESETS.keys() - {preset}:
        assert "--preset (was" in fail(picture, "--resume", "--preset", other)


def test_a_grid_is_recorded_in_full_and_may_be_asked_for_again(picture):
    options = ("--layers", "8", "--optimizer", "adam", "--epochs", "2")
    succeed(picture, *options, "--encoding", "grid:levels=3")
    full = "grid:levels=3,features=2,entries=512,coarsest=16,finest=24"
    assert recorded()["fit"]["encoding"] == full
    for same in ("grid:levels=3", full, "grid:entries=2^9,levels=3"):
        succeed(picture, "--resume", "--encoding", same)
    for other in ("grid", "grid:levels=3,finest=25", "none", "positional:3"):
        assert f"--encoding (was {full}, now " in fail(picture, "--resume", "--encoding", other)


def test_what_a_preset_does_not_use_is_refused(picture):
    assert "--slope would change nothing" in fail(picture, "--preset", "instant", "--slope", "0.1")
    assert "adamw" in fail(picture, "--preset", "instant", "--weight-decay", "0.1")


def test_what_a_preset_uses_for_small_pictures_only_is_refused(tmp_path):
    large = tmp_path / "large.png"
    Image.new("RGB", (400, 300), "teal").save(large)
    line = fail(large, "--preset", "compact", "--omega", "5", "--epochs", "1")
    assert "--omega would change nothing" in line


def test_unknown_presets_are_refused(small_picture, picture):
    with pytest.raises(InputError, match="preset must be one of"):
        fit(small_picture, preset="best")
    assert "--preset" in fail(picture, "--preset", "best")
    with pytest.raises(InputError, match="not both"):
        fit(small_picture, FitConfig(), preset="instant")


@pytest.mark.parametrize("preset", ["sharp", "instant"])
def test_larger_pictures_have_fewer_epochs(preset):
    epochs = [preset_config(preset, side, side).epochs for side in (16, 300, 1000, 5000)]
    assert sorted(epochs, reverse=True) == epochs
    assert epochs[0] > 10 * epochs[-1]


@pytest.mark.parametrize("preset", ["sharp", "instant"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (16, 16, 3)])
def test_a_preset_learns_an_icon(preset, shape, rng):
    *_, last = fit(rng.random(shape, dtype=np.float32), preset=preset, frame_every=1000)
    assert last.psnr > 30


@pytest.mark.parametrize(("preset", "epochs", "decibels"), QUALITY)
def test_quality(preset, epochs, decibels, portrait):
    image = load_image(portrait, max_pixels=20_000).levels
    *_, last = fit(image, preset=preset, epochs=epochs, frame_every=epochs)
    assert last.psnr > decibels


def test_epochs_of_compact_are_no_longer_than_a_schedule_by_epochs():
    options = {"max_parameters": 300_000, "time_limit": 40.0}
    by_time, by_epochs = (
        preset_config("compact", 768, 512, schedule_by=length, **options)
        for length in ("time", "epochs")
    )
    assert by_time == preset_config("compact", 768, 512, **options)
    assert by_epochs.epochs < by_time.epochs
    minute = preset_config("compact", 768, 512, max_parameters=300_000).epochs
    assert by_epochs.epochs == pytest.approx(minute * 40 / 60, abs=1)
