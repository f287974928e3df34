"""Patterns that the networks do not know: they must not get worse."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.unjpeg.residual.block_features import BLOCK_FEATURES
from fit_image.apps.unjpeg.residual.gate import Gate
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


def jpeg(levels, quality):
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
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


@dataclass(frozen=True, eq=False)
class WatchedGate(Gate):
    seen: list = field(default_factory=list)

    def values(self, features):
        self.seen.append(super().values(features))
        return self.seen[-1]


@dataclass(frozen=True, eq=False)
class OpenGate(Gate):
    def values(self, features):
        return np.ones(features.shape[:2], np.float32)


@pytest.mark.parametrize("quality", [10, 30, 75, 90])
def test_what_is_no_pattern_keeps_what_the_network_gains(quality):
    levels, shipped = photograph(), Gate.shipped()
    data = jpeg(levels, quality)
    picture, planes = decompress(data), read_planes(io.BytesIO(data))
    gains = [
        np.log10(error(picture, levels) / error(restored, levels))
        for gate in (shipped, OpenGate(shipped.hidden, shipped.output))
        for restored in [replace(Restoration.shipped(), gate=gate).restore(picture, planes)]
    ]
    assert gains[0] > 0.8 * gains[1] > 0


@pytest.mark.parametrize("quality", [10, 30, 75, 90])
def test_a_gate_tells_patterns_beside_what_is_none(quality):
    half = photograph()
    half[:, WIDTH // 2 :] = of_two((X // 8 + Y // 8) % 2)[:, WIDTH // 2 :]
    shipped, data = Gate.shipped(), jpeg(half, quality)
    gate = WatchedGate(shipped.hidden, shipped.output)
    restoration = replace(Restoration.shipped(), gate=gate)
    restoration.restore(decompress(data), read_planes(io.BytesIO(data)))
    (values,) = gate.seen
    assert values[:, :5].mean() > 0.5
    assert values[:, -4:].mean() < 0.1


@pytest.mark.parametrize("values", [(), (3,)])
def test_a_gate_equals_its_formula(values):
    rng = np.random.default_rng(3)
    gate = Gate(
        rng.normal(0, 1, (BLOCK_FEATURES + 1, 5)).astype(np.float32),
        rng.normal(0, 1, (6, *values)).astype(np.float32),
    )
    features = rng.normal(0, 1, (3, 4, BLOCK_FEATURES)).astype(np.float32)
    found = gate.values(features)
    assert found.shape == (3, 4, *values)
    for place in np.ndindex(3, 4):
        sums = np.append(features[place], 1.0) @ gate.hidden.astype(float)
        units = [each if each > 0 else 0.01 * each for each in sums]
        score = 1.2 / (1 + np.exp(-np.append(units, 1.0) @ gate.output)) - 0.1
        assert found[place] == pytest.approx(np.clip(score, 0, 1), abs=1e-5)
    assert 0 in found
    assert 1 in found
