"""Patterns that the networks do not know: they must not get worse."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.unjpeg.residual.block_features import BLOCK_FEATURES, block_features
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


@dataclass(frozen=True, eq=False)
class WatchedGate(Gate):
    seen: list = field(default_factory=list)

    def values(self, features):
        self.seen.append((features, super().values(features)))
        return self.seen[-1][1]


def gated(levels, quality, subsampling="4:2:0"):
    """Return the features of a picture's blocks, and how much changes count there."""
    shipped = Gate.shipped()
    gate = WatchedGate(shipped.hidden, shipped.output)
    data = jpeg(levels, quality, subsampling)
    restoration = replace(Restoration.shipped(), gate=gate)
    restoration.restore(decompress(data), read_planes(io.BytesIO(data)))
    return gate.seen[0]


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
    values = gated(half, quality)[1]
    assert values[:, :5].mean() > 0.5
    assert values[:, -4:].mean() < 0.1


def test_a_gate_equals_its_formula():
    rng = np.random.default_rng(3)
    gate = Gate(
        rng.normal(0, 1, (BLOCK_FEATURES + 1, 5)).astype(np.float32),
        rng.normal(0, 1, 6).astype(np.float32),
    )
    features = rng.normal(0, 1, (3, 4, BLOCK_FEATURES)).astype(np.float32)
    values = gate.values(features)
    for place in np.ndindex(3, 4):
        sums = np.append(features[place], 1.0) @ gate.hidden.astype(float)
        units = [each if each > 0 else 0.01 * each for each in sums]
        score = 1.2 / (1 + np.exp(-np.append(units, 1.0) @ gate.output)) - 0.1
        assert values[place] == pytest.approx(min(max(score, 0), 1), abs=1e-5)
    assert 0 in values
    assert 1 in values


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_features_say_where_the_energy_of_blocks_is(subsampling):
    """In the middle of a picture that repeats after two blocks, where means are those of all."""
    block = np.random.default_rng(4).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    levels = np.tile(block, (6, 8, 1))
    features = gated(levels, 60, subsampling)[0][6, 8]
    luma, *chroma = read_planes(io.BytesIO(jpeg(levels, 60, subsampling))).planes
    energies, counts = np.zeros((12, 16, 5)), np.zeros((12, 16))
    largest = np.zeros((12, 16))
    for i, j, v, u in np.ndindex(12, 16, 8, 8):
        number = int(luma.quantised[8 * i + v, 8 * j + u])
        counts[i, j] += number != 0
        if u + v:
            energy = (number * float(luma.table[v, u])) ** 2
            energies[i, j, sum(u * u + v * v > top for top in (2, 8, 20, 42))] += energy
            largest[i, j] = max(largest[i, j], energy)
    step = np.square(luma.table[:4, :4]).mean()
    around = (slice(4, 9), slice(6, 11))
    energy, own = energies[around].sum(axis=2).mean(), np.log2(energies.sum(axis=2) / step + 0.05)
    expected = [
        np.log2(energy / step + 0.05),
        *(energies[around].mean(axis=(0, 1)) / (energy + 0.2 * step)),
        counts[around].mean() / 64,
    ]
    np.testing.assert_allclose(features[:7], expected, rtol=1e-4)
    assert features[12] == pytest.approx(np.log2(step) / 2, abs=1e-4)
    assert features[13] == pytest.approx(largest[around].mean() / (energy + 0.2 * step), rel=1e-4)
    assert features[14] == pytest.approx(own[around].std(), rel=1e-3)
    coarse = np.square(chroma[-1].table[:4, :4]).mean()
    assert features[17] == pytest.approx(np.log2(coarse / step) / 2, abs=1e-4)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_features_tell_how_much_luma_and_chroma_would_change(subsampling):
    planes = read_planes(io.BytesIO(jpeg(photograph(), 60, subsampling)))
    screens = np.zeros((HEIGHT // 8, WIDTH // 8), np.float32)
    changes = [np.full((HEIGHT, WIDTH), level, np.float16) for level in (2, 3, 4)]
    features = block_features(planes, screens, changes)
    luma, chroma = (np.square(planes.planes[n].table[:4, :4]).mean() for n in (0, 1))
    np.testing.assert_allclose(features[..., 19], np.log2(4 / luma + 1e-4), rtol=1e-4)
    np.testing.assert_allclose(features[..., 20], np.log2(25 / chroma + 1e-4), rtol=1e-4)
