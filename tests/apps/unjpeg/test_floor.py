"""Steps of the restoration of a strip, each beside its plain twin."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.unjpeg.floor.strip import Strip
from fit_image.apps.unjpeg.pixels.levels import levels_of
from fit_image.apps.unjpeg.pixels.tiles import MARGIN, tiles_of
from fit_image.images.formats.jpeg_planes import BASIS, read_planes
from fit_image.images.ycbcr import FROM_RGB
from fit_image.nn.runtime.threads import ThreadPool


def planes_of(width, height, mode, **options):
    rng = np.random.default_rng(7)
    levels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    levels[:, : width // 3] = 255  # blocks of one colour
    file = io.BytesIO()
    Image.fromarray(levels).convert(mode).save(file, "JPEG", quality=50, **options)
    return read_planes(file)


def blocks(plane):
    rows, columns = plane.shape
    return plane.reshape(rows // 8, 8, columns // 8, 8).transpose(0, 2, 1, 3)


def projected(samples, plane):
    """Move the coefficients of samples into the intervals of a component."""
    basis, table = BASIS.astype(float), plane.table.astype(float)
    low = (blocks(plane.quantised) - 0.5) * table
    found = np.clip(basis @ blocks(samples) @ basis.T, low, low + table)
    return (basis.T @ found @ basis).transpose(0, 2, 1, 3).reshape(samples.shape)


def twin(full, jpeg):
    """Project three planes once, in float64."""
    full = [plane.astype(float) for plane in full]
    for index, plane in enumerate(jpeg.planes):
        rows, columns = plane.quantised.shape
        cells = full[index].reshape(rows, plane.down, columns, plane.across)
        small = cells.mean(axis=(1, 3))
        change = projected(small, plane) - small
        full[index] += change.repeat(plane.down, axis=0).repeat(plane.across, axis=1)
    if jpeg.is_rgb or len(jpeg.planes) == 1:
        return np.clip(full, -128, 127)
    rgb = np.einsum("ij,jyx->iyx", np.linalg.inv(FROM_RGB), full)
    return np.einsum("ij,jyx->iyx", FROM_RGB, np.clip(rgb, -128, 127))


KINDS = [
    ("L", {}),
    ("RGB", {"subsampling": "4:4:4"}),
    ("RGB", {"subsampling": "4:2:2"}),
    ("RGB", {"subsampling": "4:2:0"}),
    ("RGB", {"keep_rgb": True}),
]


@pytest.mark.parametrize(("mode", "options"), KINDS, ids=str)
@pytest.mark.parametrize("width", [24, 40, 600])
def test_projection(width, mode, options):
    jpeg = planes_of(width, 35, mode, **options)
    strip = Strip(jpeg, ThreadPool(2))
    rng = np.random.default_rng(1)
    moved = [plane + rng.normal(0, 20, plane.shape).astype(np.float32) for plane in strip.full]
    if mode == "L":
        moved[1:] = strip.full[1:]
    strip.replace(moved)
    active = strip.active.repeat(8, axis=0).repeat(8, axis=1) > 0
    for _ in range(3):
        moved = twin(moved, jpeg)
        strip.project()
        assert np.abs(np.array(strip.full) - moved)[:, active].max() < 2e-3


@pytest.mark.parametrize("most", [64, 1000])
def test_tiles_cover_what_is_active(most):
    rng = np.random.default_rng(3)
    active = np.zeros((60, 90), np.uint8)
    for _ in range(6):
        top, left = rng.integers(0, 50), rng.integers(0, 80)
        active[top : top + 3, left : left + 8] = 1
    changed, area = np.zeros((480, 720), int), 0
    before = None
    for tile in tiles_of(active, most):
        changed[tile.changed] += 1
        area += changed[tile.seen].size
        for own, seen, side in zip(tile.changed, tile.seen, changed.shape, strict=True):
            assert seen.start == max(own.start - MARGIN, 0)
            assert seen.stop == min(own.stop + MARGIN, side)
        assert tile.changed[1].stop - tile.changed[1].start <= most + 8
        seen = changed[tile.seen].copy()
        seen[tile.inside] = 0
        if before is not None:
            rest = np.zeros_like(changed)
            rest[before] = 1
            seen[rest[tile.seen] > 0] = 0
        assert not seen.any()
        before = tile.changed
    assert changed.max() == 1
    assert changed[active.repeat(8, axis=0).repeat(8, axis=1) > 0].all()
    assert most == 64 or area < 0.9 * changed.size
    assert not tiles_of(0 * active, most)


def test_pixels_that_stay_and_pixels_that_become_pure():
    rng = np.random.default_rng(5)
    height, width = 37, 51
    picture = rng.integers(250, 256, (height, width, 3)).astype(np.uint8)
    picture[:, 20:] = 255 - picture[:, 20:]
    picture[rng.random((height, width)) < 0.3] = 255
    planes = list(rng.uniform(122, 129, (3, 40, 56)).astype(np.float32))
    for plane in planes:
        plane[:, 20:] -= 252
    active = rng.integers(0, 2, (5, 7)).astype(np.uint8)
    is_screen = rng.integers(0, 2, (5, 7)).astype(np.uint8)
    for strength, nearly in ((1.0, 3), (0.5, 3), (1.0, 1)):
        colours = np.stack(planes, axis=2)[:height, :width] + 128
        levels = np.clip(np.rint(picture + strength * (colours - picture)), 0, 255)
        pure = np.full((height, width), -1)
        near = pure.copy()
        for level in (0, 255):
            pure[(levels == level).all(axis=2)] = level
            near[(np.abs(levels - level) <= nearly).all(axis=2)] = level
        expected = levels.copy()
        for row, column in np.ndindex(height, width):
            rows, columns = (
                np.clip(np.arange(at - 3, at + 4), 0, side - 1)
                for at, side in ((row, height), (column, width))
            )
            around = pure[np.ix_(rows, columns)]
            own, block = near[row, column], (row // 8, column // 8)
            if is_screen[block] and own >= 0 and (around == own).mean() > 0.4:
                expected[row, column] = own
            if not active[block] or len(set(picture[row, column]) & {0, 255}) == 1 == len(
                set(picture[row, column])
            ):
                expected[row, column] = picture[row, column]
        pool = ThreadPool(2)
        more = {"is_luma": False, "strength": strength, "nearly": nearly}
        found = levels_of(planes, picture, active, is_screen, pool, **more)
        assert (found == expected).mean() > 0.9999
        assert (found != levels).any()
