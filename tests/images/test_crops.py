from __future__ import annotations

import numpy as np
import pytest

from fit_image.images.crops import centre_crop, random_crops


@pytest.fixture(params=[1, 3])
def pictures(request, rng):
    return rng.integers(0, 256, (7, 6, 9, request.param), dtype=np.uint8)


def naive(pictures, offsets, side):
    cut = [
        picture[top : top + side, left : left + side]
        for picture, (top, left) in zip(pictures, offsets, strict=True)
    ]
    return np.stack(cut) / np.float32(255)


def check(cut, expected):
    assert cut.dtype == np.float32
    assert cut.flags.c_contiguous
    assert np.array_equal(cut, expected)


def check_random(pictures, side):
    """Compare with slices at the offsets that the same generator draws."""
    (count, height, width), rng = pictures.shape[:3], np.random.default_rng(5)
    offsets = rng.integers(0, (height - side + 1, width - side + 1), (count, 2))
    cut = random_crops(pictures, side, np.random.default_rng(5))
    check(cut, naive(pictures, offsets, side))


@pytest.mark.parametrize("side", [1, 4, 6])
def test_each_has_its_own_place(pictures, side):
    check_random(pictures, side)


def test_the_argument_is_left_alone(pictures, rng):
    before = pictures.copy()
    random_crops(pictures, 4, rng)[:] = 0
    centre_crop(pictures, 6)[:] = 0
    assert np.array_equal(pictures, before)


def test_parts_of_larger_arrays(pictures):
    part = pictures[::2, :, 1:-1]
    check_random(part, 4)
    check(centre_crop(part, 4), naive(part, [(1, 1)] * 4, 4))


def test_planes_one_after_the_other(rng):
    """As files of CIFAR-10 have them."""
    pictures = rng.integers(0, 256, (4, 3, 6, 9), dtype=np.uint8).transpose(0, 2, 3, 1)
    check_random(pictures, 4)
    check(centre_crop(pictures, 4), naive(pictures, [(1, 2)] * 4, 4))


def test_centre(pictures):
    check(centre_crop(pictures, 4), naive(pictures, [(1, 2)] * 7, 4))
    check(centre_crop(pictures[:, :, :6], 6), pictures[:, :, :6] / np.float32(255))


def test_random_places_are_equally_likely(rng):
    # Each pixel tells its place, so that the first of a square tells the square's.
    place = np.arange(5 * 4, dtype=np.uint8).reshape(1, 5, 4, 1)
    count = 12_000
    cut = random_crops(np.repeat(place, count, axis=0), 3, rng)
    assert cut.shape == (count, 3, 3, 1)
    first = np.rint(cut[:, 0, 0, 0] * 255).astype(int)
    places, times = np.unique(first, return_counts=True)
    assert places.tolist() == [0, 1, 4, 5, 8, 9]
    assert (abs(times - count / 6) < 5 * np.sqrt(count * 5 / 36)).all()
    check(cut, naive(np.repeat(place, count, axis=0), np.stack(divmod(first, 4), axis=1), 3))


def test_a_seed_fixes_them(pictures):
    once, again, other = (random_crops(pictures, 2, np.random.default_rng(n)) for n in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_none(rng):
    nothing = np.empty((0, 28, 28, 1), np.uint8)
    assert random_crops(nothing, 26, rng).shape == centre_crop(nothing, 26).shape == (0, 26, 26, 1)


@pytest.mark.parametrize("side", [0, -1, 7])
def test_impossible_squares(pictures, rng, side):
    for attempt in (
        lambda: random_crops(pictures, side, rng),
        lambda: centre_crop(pictures, side),
    ):
        with pytest.raises(ValueError, match=f"square of {side} does not fit .* 9 x 6"):
            attempt()
