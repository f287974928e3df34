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


def places_of(samples, plane):
    """Return how far coefficients are from the file's, in steps, by blocks."""
    basis = BASIS.astype(float)
    return basis @ blocks(samples) @ basis.T / plane.table - blocks(plane.quantised)


def samples_of(places, plane):
    basis = BASIS.astype(float)
    found = (places + blocks(plane.quantised)) * plane.table
    return (basis.T @ found @ basis).transpose(0, 2, 1, 3).reshape(plane.quantised.shape)


def shrunk(values, plane):
    """Return the means of what lies where a component has one sample."""
    rows, columns = (side // n for side, n in zip(values.shape, ratio(plane), strict=True))
    return values.reshape(rows, plane.down, columns, plane.across).mean(axis=(1, 3))


def ratio(plane):
    return plane.down, plane.across


def moved_by(full, jpeg, place):
    """Return planes in float64, each component's places replaced by a function of them."""
    full = [plane.astype(float) for plane in full]
    for index, plane in enumerate(jpeg.planes):
        small = shrunk(full[index], plane)
        change = samples_of(place(index, places_of(small, plane)), plane) - small
        full[index] += change.repeat(plane.down, axis=0).repeat(plane.across, axis=1)
    return full


def twin(full, jpeg, reach):
    """Project three planes once, in float64."""
    full = moved_by(full, jpeg, lambda _, places: np.clip(places, -reach, reach))
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


def noisy_strip(mode, options, width, deviation):
    """Return a strip that has been moved by noise, and its planes."""
    strip = Strip(planes_of(width, 35, mode, **options), ThreadPool(2))
    rng = np.random.default_rng(1)
    moved = [
        plane + rng.normal(0, deviation, plane.shape).astype(np.float32) for plane in strip.full
    ]
    if mode == "L":
        moved[1:] = strip.full[1:]
    strip.replace(moved)
    return strip, moved


@pytest.mark.parametrize(("mode", "options"), KINDS, ids=str)
@pytest.mark.parametrize(("width", "reach"), [(24, 0.5), (40, 0.3), (600, 0.5)])
def test_projection(width, reach, mode, options):
    strip, moved = noisy_strip(mode, options, width, 20)
    active = strip.active.repeat(8, axis=0).repeat(8, axis=1) > 0
    for _ in range(3):
        moved = twin(moved, strip.jpeg, reach)
        strip.project(reach)
        assert np.abs(np.array(strip.full) - moved)[:, active].max() < 2e-3


@pytest.mark.parametrize(("mode", "options"), KINDS, ids=str)
@pytest.mark.parametrize("width", [24, 40, 600])
def test_places(width, mode, options):
    strip, moved = noisy_strip(mode, options, width, 20)
    measured = strip.measure_places()
    assert len(measured) == len(strip.jpeg.planes)
    for found, plane, full in zip(measured, strip.jpeg.planes, moved, strict=False):
        places = places_of(shrunk(full.astype(float), plane), plane)
        within = np.clip(places, -0.5, 0.5)
        squares = np.stack([(places - within) ** 2, within**2], axis=-1).mean(axis=(2, 3))
        active = shrunk(strip.active.astype(float), plane) > 0
        assert active.any()
        assert width < 600 or not active.all()
        assert found[active] == pytest.approx(squares[active], abs=1e-4)
        assert not found[~active].any()
        assert (squares[active].mean(axis=0) > 1e-3).all()


@pytest.mark.parametrize(("mode", "options"), KINDS, ids=str)
@pytest.mark.parametrize("width", [24, 40, 600])
def test_calibration(width, mode, options):
    strip, moved = noisy_strip(mode, options, width, 8)
    rng = np.random.default_rng(2)
    planes = strip.jpeg.planes
    factors = [rng.random((*np.array(p.quantised.shape) // 8, 3), np.float32) for p in planes]

    def calibrated(index, places):
        zero, inward, outward = np.moveaxis(factors[index][:, :, None, None], -1, 0)
        numbers = blocks(planes[index].quantised)
        nearer = np.where(places * numbers > 0, outward, inward)
        return np.where(numbers == 0, zero, nearer) * np.clip(1.2 * places, -0.5, 0.5)

    active = strip.active.repeat(8, axis=0).repeat(8, axis=1) > 0
    expected = np.array(moved_by(moved, strip.jpeg, calibrated))
    strip.calibrate(factors)
    assert np.abs(np.array(strip.full) - expected)[:, active].max() < 2e-3
    assert np.abs(np.array(moved) - expected)[:, active].max() > 5
    down, across = (max(side) for side in zip(*map(ratio, planes), strict=True))
    rows, columns = strip.active.shape
    units = strip.active.reshape(rows // down, down, columns // across, across).max((1, 3))
    idle = units.repeat(8 * down, axis=0).repeat(8 * across, axis=1) == 0
    assert idle.any() == (width == 600)
    assert np.abs(np.array(strip.full) - moved)[:, idle].max(initial=0) < 1e-3


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
