"""Patterns that the networks do not know: they must not get worse."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.unjpeg.residual.patterns import network_shares
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.images.formats.jpeg import decompress
from fit_image.images.formats.jpeg_planes import read_planes

HEIGHT, WIDTH = 96, 128
Y, X = np.mgrid[:HEIGHT, :WIDTH]


def of_two(mask, one=200, other=60):
    return np.repeat(np.where(mask, one, other).astype(np.uint8)[..., np.newaxis], 3, axis=2)


def pixel_art():
    rng = np.random.default_rng(0)
    return (
        rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3))
        .astype(np.uint8)
        .repeat(8, 0)
        .repeat(8, 1)
    )


PATTERNS = {
    "chessboard of blocks": of_two((X // 8 + Y // 8) % 2),
    "chessboard of pairs of blocks": of_two((X // 16 + Y // 16) % 2),
    "pixel art": pixel_art(),
    "checkers of a pixel": of_two((X + Y) % 2),
    "checkers of two pixels": of_two(((X + 3) // 2 + (Y + 3) // 2) % 2),
    "stripes of a pixel": of_two(Y % 2),
    "hatching": of_two(((X + Y) % 4 == 0) | ((X - Y) % 4 == 0)),
    "bars on the grid": of_two(Y // 8 % 2),
}


def jpeg(levels, quality, subsampling="4:2:0"):
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return file.getvalue()


def error(picture, original):
    return np.square(picture.astype(float) - original).mean()


@pytest.mark.parametrize("quality", [10, 30, 75, 90])
@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_do_not_get_worse(name, quality):
    levels = PATTERNS[name]
    data = jpeg(levels, quality)
    result = Restoration.shipped(quality).restore(decompress(data), read_planes(io.BytesIO(data)))
    assert error(result, levels) <= 1.0047 * error(decompress(data), levels)  # 0.02 dB


def photograph():
    rng = np.random.default_rng(1)
    small = Image.fromarray(rng.integers(0, 256, (9, 11, 3), dtype=np.uint8))
    soft = np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).astype(float)
    return np.clip(0.7 * soft + 40 + rng.normal(0, 9, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [10, 30, 75, 90])
def test_the_network_counts_in_what_is_no_pattern(quality):
    (luma, *_) = read_planes(io.BytesIO(jpeg(photograph(), quality))).planes
    screens = np.zeros((HEIGHT // 8, WIDTH // 8), np.float32)
    assert network_shares(luma, screens).mean() > 0.9
    half = photograph()
    half[:, WIDTH // 2 :] = of_two((X // 8 + Y // 8) % 2)[:, WIDTH // 2 :]
    (luma, *_) = read_planes(io.BytesIO(jpeg(half, quality))).planes
    shares = network_shares(luma, screens)
    assert shares[:, :5].mean() > 0.9
    assert not shares[:, -4:].any()
