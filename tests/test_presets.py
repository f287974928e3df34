"""Presets: option values that suit pictures of every size, and give way to what is asked for."""

from __future__ import annotations

import math

import pytest

from fit_image.apps.fit import fit
from fit_image.config import FitConfig
from fit_image.errors import InputError
from fit_image.image import load_image
from fit_image.presets import PRESETS, preset_config

SIZES = [(1, 1), (16, 16), (300, 429), (768, 512), (6000, 4000), (1, 5000)]

# Of the portrait with 20,000 pixels, in epochs that CI has time for; the least PSNR in dB over
# seeds 0 to 4, less 1. Half the epochs fall short, as do waves whose rate does not fall.
QUALITY = [("sharp", 12, 31.1), ("instant", 12, 37.2)]


def test_the_default_preset_is_the_recipe():
    assert preset_config("classic", 300, 429) == FitConfig()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_decided_for_every_size(name, size):
    config = preset_config(name, *size)
    assert config == config.for_picture(*size)
    assert preset_config(name, *size, epochs=7).epochs == 7


@pytest.mark.parametrize("name", ["sharp", "instant"])
def test_larger_pictures_have_fewer_epochs(name):
    epochs = [preset_config(name, side, side).epochs for side in (16, 300, 1000, 5000)]
    assert sorted(epochs, reverse=True) == epochs
    assert epochs[0] > 10 * epochs[-1]


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_asked_for_goes_before_the_preset(name):
    asked = {"layers": "2x8", "epochs": 3, "optimizer": "adamw", "encoding": "positional:3"}
    config = preset_config(name, 40, 30, **asked)
    assert config.epochs == 3
    assert config.encoding == "positional:3"
    assert config.optimizer == "adamw"
    assert [layer.width for layer in config.layers] == [8, 8]


def test_what_is_no_preset_is_refused(small_picture):
    with pytest.raises(InputError, match="classic, sharp, instant"):
        preset_config("blunt", 3, 3)
    with pytest.raises(InputError, match="not both"):
        fit(small_picture, FitConfig(), preset="instant")


@pytest.mark.parametrize("name", ["sharp", "instant"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (32, 32, 3)])
def test_a_preset_learns_an_icon(name, shape, rng):
    *_, last = fit(rng.random(shape, dtype="float32"), preset=name, frame_every=1000)
    assert last.psnr > 30


@pytest.mark.parametrize(("name", "epochs", "decibels"), QUALITY)
def test_quality(name, epochs, decibels, portrait):
    image = load_image(portrait, max_pixels=20_000).levels
    *_, last = fit(image, preset=name, epochs=epochs, frame_every=epochs)
    assert math.isfinite(last.psnr)
    assert last.psnr > decibels
