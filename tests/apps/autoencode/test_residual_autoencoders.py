"""Residual auto-encoders: they start as the principal components, and become better."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.apps.autoencode.components import principal_components
from fit_image.apps.autoencode.config import PRESETS, AutoencodeConfig, preset_config
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.errors import InputError


def blobs(count, seed=0):
    """Return blurred spots of a random place and shade, in two colours, and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:8, 0:10]
    rows, columns, shades = rng.uniform((1, 1, 60), (7, 7, 200), (count, 3)).T[..., None, None]
    spots = shades * np.exp(-((y - rows) ** 2 + (x - columns) ** 2) / 4)
    spots = spots[..., None] * np.array([1.0, 0.6, 0.2]) + rng.uniform(0, 20, (count, 8, 10, 3))
    return spots.astype(np.uint8)


def exact(pictures, mean, count):
    flat = pictures.reshape(len(pictures), -1) / 255.0 - mean.reshape(-1)
    return np.linalg.svd(flat, full_matrices=False)[2][:count]


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("number", [7, 300])
def test_components_are_those_of_the_pictures(number, mirror):
    pictures = blobs(number)
    mean = (pictures.mean(axis=0) / 255).astype(np.float32)
    found = principal_components(pictures, mean, 5, np.random.default_rng(0), mirror=mirror)
    seen = np.concatenate([pictures, pictures[:, :, ::-1]]) if mirror else pictures
    np.testing.assert_allclose(np.abs(found @ exact(seen, mean, 5).T), np.eye(5), atol=2e-3)
    assert (found.max(axis=1) == np.abs(found).max(axis=1)).all()


def test_there_are_as_many_components_as_pictures_or_numbers():
    pictures = blobs(20)
    mean = (pictures.mean(axis=0) / 255).astype(np.float32)
    rng = np.random.default_rng(0)
    found = principal_components(pictures, mean, 20, rng, mirror=False)
    np.testing.assert_allclose(found @ found.T, np.eye(20), atol=1e-4)
    with pytest.raises(InputError, match="bottleneck must be at most 20 here, not 21: 20 pictures"):
        principal_components(pictures, mean, 21, rng, mirror=False)
    with pytest.raises(InputError, match=r"at most 240 here, not 241: 500 pictures of 240 numbers"):
        principal_components(blobs(500), mean, 241, rng, mirror=False)


def test_it_starts_as_the_principal_components_and_surpasses_them():
    pictures, held_out = blobs(400), blobs(40, seed=1)
    config = preset_config("strong", bottleneck=4, filters=(16,), batch_size=20, mirror=False)
    trainer = AutoencoderTrainer(pictures, held_out, config)
    wanted, mean = held_out / 255.0, trainer.mean
    components = exact(pictures, mean, 4)
    flat = (wanted - mean).reshape(len(wanted), -1)
    drawn = ((flat @ components.T) @ components).reshape(wanted.shape) + mean
    np.testing.assert_allclose(trainer.model().redraw(held_out), drawn.clip(0, 1), atol=1e-3)
    assert trainer.model().encode(held_out).shape == (40, 4)
    trainer.epochs = 12
    for _ in range(trainer.epochs):
        while not trainer.epoch_is_over:
            trainer.train_step()
        trainer.end_epoch()
    gain = 10 * np.log10(np.square(drawn.clip(0, 1) - wanted).mean() / trainer.test_loss())
    assert gain > 1.0, gain


def test_the_first_steps_keep_what_the_components_draw():
    config = preset_config("strong", bottleneck=24, filters=(32,), batch_size=20, average=0.0)
    trainer = AutoencoderTrainer(blobs(100), blobs(20, seed=1), config)
    start = trainer.test_loss()
    worst = 0.0
    for _ in range(5):
        trainer.train_step()
        worst = max(worst, trainer.test_loss())
    assert worst < 1.005 * start, worst / start


def test_presets():
    assert preset_config("article") == AutoencodeConfig()
    strong = preset_config("strong", bottleneck=64, mirror=False)
    assert (strong.conv, strong.residual, strong.mirror) == (True, True, False)
    assert strong.code_units == 64
    assert preset_config("strong").code_units == 128
    assert strong.filters == PRESETS["strong"]["filters"]
    with pytest.raises(InputError, match="preset must be one of article, strong, not 'weak'"):
        preset_config("weak")
