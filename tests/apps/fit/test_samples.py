"""The samples of a picture: every pixel once, at its place, in a fair order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fit_image.apps.pixels.samples import DRAWS_AT_ONCE, Samples
from fit_image.images.colours import COLOUR_TYPES, max_level, to_float


def picture(rng, height, width, dtype=np.uint8):
    levels = rng.integers(0, max_level(dtype), (height, width, 3), endpoint=True)
    return levels.astype(dtype)


@pytest.mark.parametrize("dtype", COLOUR_TYPES)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (7, 1), (5, 3)])
def test_a_sample_is_a_place_and_its_colour(rng, dtype, height, width):
    image = picture(rng, height, width, dtype)
    source = Samples(image)
    source.shuffle(rng)
    places, colours, weights = source.gather(0, height * width)
    rows, columns = np.divmod(source.order.astype(int), width)
    assert places.dtype == colours.dtype == np.float32
    np.testing.assert_allclose(places[:, 0], columns / max(width - 1, 1), rtol=1e-7)
    np.testing.assert_allclose(places[:, 1], rows / max(height - 1, 1), rtol=1e-7)
    np.testing.assert_array_equal(colours, to_float(image)[rows, columns])
    np.testing.assert_array_equal(weights, 1)


@pytest.mark.parametrize("by_error", [False, True])
def test_an_interrupted_shuffle_leaves_no_order(rng, by_error):
    class Interrupted(np.random.Generator):
        def random(self, *args, **kwargs):
            raise KeyboardInterrupt

    source = Samples(picture(rng, 5, 3))
    errors = np.ones(15, dtype=np.uint8) if by_error else None
    with pytest.raises(KeyboardInterrupt):
        source.shuffle(Interrupted(np.random.PCG64(0)), errors)
    assert source.order.size == 0


def test_colours_are_the_exact_quotients():
    levels = np.arange(65_536, dtype=np.uint16).repeat(3).reshape(256, 256, 3)
    for image, white in ((levels, 65_535), (levels[0].astype(np.uint8)[np.newaxis], 255)):
        source = Samples(image)
        source.shuffle(np.random.default_rng(0))
        _, colours, _ = source.gather(0, image.size)
        expected = (image.reshape(-1, 3)[source.order] / white).astype(np.float32)
        np.testing.assert_array_equal(colours, expected)


def test_pieces_are_the_whole(rng):
    source = Samples(picture(rng, 9, 11))
    source.shuffle(rng)
    whole = source.gather(0, 1000)
    pieces = [source.gather(start, 10) for start in range(0, 99, 10)]
    assert [len(places) for places, _, _ in pieces] == [10] * 9 + [9]
    for one, parts in zip(whole, zip(*pieces, strict=True), strict=True):
        np.testing.assert_array_equal(one, np.concatenate(parts))


def test_threads_gather_the_same_samples(rng):
    source = Samples(picture(rng, 100, 150))
    source.shuffle(rng)
    for one, shared in zip(source.gather(7, 14_000), source.gather(7, 14_000, 3), strict=True):
        np.testing.assert_array_equal(one, shared)


@pytest.mark.parametrize("pixels", [1, 2, 50_000])
def test_an_order_holds_every_pixel_once(pixels):
    source = Samples(np.zeros((1, pixels, 3), np.uint8))
    source.shuffle(np.random.default_rng(0))
    assert source.order.dtype == np.uint32
    np.testing.assert_array_equal(np.sort(source.order), np.arange(pixels))


def test_every_order_is_as_likely():
    source, rng, turns = Samples(np.zeros((2, 2, 3), np.uint8)), np.random.default_rng(0), 24_000
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for _ in range(turns):
        source.shuffle(rng)
        counts[tuple(source.order.tolist())] += 1
    expected = turns / len(counts)
    chi_squared = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_squared < 49.7  # of 23 degrees of freedom: one fair shuffle in a thousand exceeds it


def test_a_pixel_comes_as_often_early_as_late():
    side = 2 * DRAWS_AT_ONCE  # more than one lot of random numbers
    source = Samples(np.zeros((1, side, 3), np.uint8))
    mean = np.zeros(side)
    for seed in range(200):
        source.shuffle(np.random.default_rng(seed))
        mean[source.order] += np.arange(side) / side / 200
    deviation = 1 / np.sqrt(12 * 200)
    assert np.abs(mean - 0.5).max() < 5.5 * deviation
    for part in np.split(mean, 8):
        assert part.mean() == pytest.approx(0.5, abs=5 * deviation / np.sqrt(len(part)))


def test_the_seed_determines_the_order():
    orders = []
    for seed in (1, 1, 2):
        source = Samples(np.zeros((30, 30, 3), np.uint8))
        source.shuffle(np.random.default_rng(seed))
        orders.append(source.order.tolist())
    assert orders[0] == orders[1] != orders[2]
