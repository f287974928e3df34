"""The power of pictures in octaves, against a cosine transform by its definition."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.images.spectrum import Octaves, luma

SIZES = [(1, 1), (2, 1), (1, 3), (5, 7), (8, 8), (17, 4), (30, 43)]


def naive(picture):
    """Power by wavelength: pairs of both, the mean's wavelength infinite."""
    height, width = picture.shape
    y, x = np.arange(height) + 0.5, np.arange(width) + 0.5
    found = []
    for down in range(height):
        for across in range(width):
            wave = np.outer(np.cos(np.pi * down * y / height), np.cos(np.pi * across * x / width))
            power = (wave * picture).sum() ** 2 / (wave**2).sum() / picture.size
            frequency = np.hypot(across / (2 * width), down / (2 * height))
            found.append((1 / frequency if frequency else np.inf, power))
    return found


@pytest.mark.parametrize("size", SIZES)
def test_octaves_have_the_power_of_their_waves(size, rng):
    picture = rng.random((size[1], size[0]), dtype=np.float32)
    octaves = Octaves(*size)
    waves = naive(picture.astype(float))
    expected = [sum(power for wavelength, power in waves if wavelength == np.inf)]
    for shortest in octaves.wavelengths:
        least = 0 if shortest == 2 else shortest
        expected.append(sum(power for each, power in waves if least <= each < 2 * shortest))
    found = octaves.power(picture)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-9)
    assert found.sum() == pytest.approx(np.square(picture, dtype=float).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("size", "wavelengths"),
    [((1, 1), ()), ((2, 1), (4, 2)), ((8, 5), (16, 8, 4, 2)), ((300, 429), (512, 256, 128))],
)
def test_the_longest_wave_is_twice_the_longer_side(size, wavelengths):
    assert Octaves(*size).wavelengths[: len(wavelengths) or None] == wavelengths


def test_luma_is_that_of_jpeg():
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    np.testing.assert_allclose(luma(colours), [[0.299, 0.587, 0.114, 1.0]], rtol=1e-6)
