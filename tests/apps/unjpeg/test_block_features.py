"""Features of blocks beside their plain twins, on pictures that tell each from its like."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.unjpeg.residual.block_features import BLOCK_FEATURES, block_features
from fit_image.apps.unjpeg.residual.gate import Gate
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.images.formats.jpeg import decompress
from fit_image.images.formats.jpeg_planes import BASIS, read_planes

DOWN, ACROSS = np.mgrid[:8, :8]
SCREENS, DEVIATION, CHANGES = 11, 14, (19, 20)
BAND = np.searchsorted((2, 8, 20, 42), DOWN**2 + ACROSS**2)


def rows_of_blocks(rng, height, width):
    """Blocks that vary from row to row alone, with steps between those beside each other."""
    levels = rng.integers(70, 170, (height, width // 8)) // 20 * 20
    return levels.repeat(8, axis=1)


def picture():
    """A picture of areas of 4x6 blocks, or so: of each kind that features tell from others."""
    rng = np.random.default_rng(1)
    grey = np.zeros((90, 125), int)
    grey[:48, 28:64] = np.tile(rng.integers(0, 256, (8, 8)), (6, 5))[:, :36]
    grey[48:, 28:64] = np.tile(rng.integers(0, 256, (42, 8)), (1, 5))[:, :36]  # equal beside
    plain = rng.choice([100, 101, 102, 104, 110, 140, 180], (12, 4))
    grey[:, 64:96] = plain.repeat(8, axis=0).repeat(8, axis=1)[:90]
    grey[64:, 64:96] = 128 + 60 * np.cos((2 * np.arange(32) + 1) * np.pi / 8)
    grey[:48, 96:] = rows_of_blocks(rng, 48, 32)[:, :29]
    grey[48:, 96:] = rows_of_blocks(rng, 32, 48).T[:42, :29]
    levels = np.repeat(grey[..., np.newaxis], 3, axis=2)
    levels[:, :32] = rng.integers(0, 256, (90, 32, 3))
    levels[20:, 80:, 2] //= 2
    return levels.astype(np.uint8)


def jpeg(levels, mode="RGB", **options):
    file = io.BytesIO()
    Image.fromarray(levels).convert(mode).save(file, "JPEG", **{"quality": 60} | options)
    return file.getvalue()


def tables():
    """Return three tables, with first steps across and down far above that of the mean."""
    rng = np.random.default_rng(2)
    steps = [rng.integers(8, most, 64) for most in (30, 60, 90)]
    for each in steps:
        each[[0, 1, 8]] = 8, 100, 200
    return [each.tolist() for each in steps]


EVERYTHING = picture()
PICTURES = {
    "4:4:4": jpeg(EVERYTHING, subsampling="4:4:4"),
    "4:2:0": jpeg(EVERYTHING, subsampling="4:2:0"),
    "4:4:0": (Path(__file__).parent / "jpegs" / "screen-440.jpg").read_bytes(),
    "RGB": jpeg(EVERYTHING, keep_rgb=True),
    "grey": jpeg(EVERYTHING, "L"),
    "odd tables": jpeg(EVERYTHING, quality=50, qtables=tables()),
    "a pattern that repeats": jpeg(np.tile(EVERYTHING[:8, :8], (5, 5, 1))),
    "one colour": jpeg(np.full((40, 56, 3), 90, np.uint8)),
    "blocks of one colour": jpeg(EVERYTHING[:64, 64:96]),
    "a block": jpeg(EVERYTHING[:5, :8], "L"),
    "a row of blocks": jpeg(EVERYTHING[48:56], subsampling="4:4:4"),
    "a column of blocks": jpeg(EVERYTHING[:, 72:80], subsampling="4:4:4"),
}


def blocks(plane):
    """Return (rows, columns of blocks, 8, 8) in float64."""
    rows, columns = plane.shape
    return plane.astype(float).reshape(rows // 8, 8, columns // 8, 8).swapaxes(1, 2)


def squares(plane):
    """Return the energy of each coefficient; that of means is none."""
    energies = np.square(blocks(plane.quantised) * plane.table)
    energies[..., 0, 0] = 0
    return energies


def squared_step(plane):
    return np.square(plane.table.astype(float))[:4, :4].mean()


def around(values):
    """Return the values of the 25 blocks around each, on the last axis; the edge is repeated."""
    sides = [np.clip(np.arange(-2, side + 2), 0, side - 1) for side in values.shape]
    found = np.empty((*values.shape, 25))
    for i, j in np.ndindex(values.shape):
        found[i, j] = values[np.ix_(sides[0][i : i + 5], sides[1][j : j + 5])].ravel()
    return found


def borders_of(plane):
    """Return steps on the borders of each block, edges there, and equal blocks on both axes."""
    basis, table = BASIS.astype(float), plane.table.astype(float)
    shown = basis.T @ (blocks(plane.quantised) * table) @ basis
    rows, columns = shown.shape[:2]
    steps, edges, repeats = np.zeros((3, rows, columns))
    for i, j in np.ndindex(rows, columns):
        one, equal = shown[i, j], [False, False]
        for axis, k, m in ((0, i - 1, j), (0, i + 1, j), (1, i, j - 1), (1, i, j + 1)):
            if k not in range(rows) or m not in range(columns):
                continue
            other = shown[k, m]
            equal[axis] |= np.ptp(one) > 1e-3 and np.allclose(one, other)
            if np.ptp([one, other], axis=axis + 1).max() < 1e-3:  # neither varies across
                step = np.sqrt(np.square(one - other).mean())
                first = table[1, 0] if axis == 0 else table[0, 1]
                steps[i, j] += step > 0.02 * first
                edges[i, j] += step > 0.36 * first
        repeats[i, j] = all(equal)
    return steps, edges, repeats


def twin(planes, screens, changes):
    """Return the features of blocks, each from its line in the docstring, in float64."""
    luma, *chroma = planes.planes
    energies, square = squares(luma), squared_step(luma)
    own = energies.sum(axis=(2, 3))
    energy = around(own).mean(-1)
    bands = [energies[..., band == BAND].sum(-1) for band in range(5)]
    counts = (blocks(luma.quantised) != 0).sum(axis=(2, 3))
    steps, edges, repeats = borders_of(luma)
    moved = [around(np.square(blocks(each)).mean(axis=(2, 3))).mean(-1) for each in changes]
    features = [
        np.log2(energy / square + 0.05),
        *(around(each).mean(-1) / (energy + 0.2 * square) for each in bands),
        around(counts).mean(-1) / 64,
        around(repeats).mean(-1),
        around(edges).mean(-1) / (around(steps).mean(-1) + 0.3),
        around(edges).mean(-1),
        around(steps).mean(-1),
        around(screens).mean(-1),
        np.log2(square) / 2,
        around(energies.max(axis=(2, 3))).mean(-1) / (energy + 0.2 * square),
        around(np.log2(own / square + 0.05)).std(-1),
        around(counts <= 1).mean(-1),
        np.log2(0.05),
        0,
        -6,
        np.log2(moved[0] / square + 1e-4),
        np.log2(1e-4),
    ]
    if chroma:
        coarse, colours = squared_step(chroma[-1]), np.zeros(own.shape)
        for plane in chroma:
            of_plane = squares(plane).sum(axis=(2, 3))
            for i, j in np.ndindex(own.shape):
                colours[i, j] += of_plane[i // plane.down, j // plane.across]
        colours = around(colours).mean(-1)
        features[16] = np.log2(colours / coarse + 0.05)
        features[17] = np.log2(coarse / square) / 2
        features[18] = np.log2((colours + 0.2 * coarse) / (energy + 0.2 * square))
        features[20] = np.log2((moved[1] + moved[2]) / coarse + 1e-4)
    return np.stack(np.broadcast_arrays(*features, own)[:-1], axis=-1)


def check(found, expected, features):
    for feature in features:
        one, other = found[..., feature], expected[..., feature]
        if feature == DEVIATION:  # a root is not as exact near 0 as what it is taken of
            one, other = one**2, other**2
        np.testing.assert_allclose(one, other, 1e-4, 1e-5, err_msg=f"feature {feature}")


@pytest.mark.parametrize("name", PICTURES)
def test_features_are_those_of_the_docstring(name):
    planes = read_planes(io.BytesIO(PICTURES[name]))
    rng, (height, width) = np.random.default_rng(3), planes.planes[0].quantised.shape
    screens = rng.random((height // 8, width // 8)).astype(np.float32)
    changes = [rng.exponential(size, (height, width)).astype(np.float16) for size in (2, 1, 3)]
    found = block_features(planes, screens, changes)
    check(found, twin(planes, screens, changes), range(BLOCK_FEATURES))


@pytest.mark.parametrize("name", ["a pattern that repeats", "blocks of one colour"])
def test_features_see_each_coefficient(name):
    planes = read_planes(io.BytesIO(PICTURES[name]))
    luma, *chroma = planes.planes
    screens = np.zeros([side // 8 for side in luma.quantised.shape], np.float32)
    changes = [np.zeros(luma.quantised.shape, np.float32)] * 3
    for place in np.ndindex(8, 8):
        quantised = luma.quantised.copy()
        quantised[8:16, 8:16][place] += 5
        changed = replace(planes, planes=(replace(luma, quantised=quantised), *chroma))
        found = block_features(changed, screens, changes)
        check(found, twin(changed, screens, changes), range(BLOCK_FEATURES))


@dataclass(frozen=True, eq=False)
class WatchedGate(Gate):
    seen: list = field(default_factory=list)

    def values(self, features):
        self.seen.append(features)
        return super().values(features)


@pytest.mark.parametrize("name", ["4:2:0", "RGB", "grey"])
def test_a_gate_sees_the_features_of_its_picture(name):
    shipped, data = Gate.shipped(), PICTURES[name]
    gate, planes = WatchedGate(shipped.hidden, shipped.output), read_planes(io.BytesIO(data))
    replace(Restoration.shipped(), gate=gate).restore(decompress(data), planes)
    (found,) = gate.seen
    unknown = [np.zeros(planes.planes[0].quantised.shape)] * 3
    expected = twin(planes, np.zeros(found.shape[:2]), unknown)
    check(found, expected, set(range(BLOCK_FEATURES)) - {SCREENS, *CHANGES})
