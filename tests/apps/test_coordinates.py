"""Pictures drawn at another size than the learned one."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.apps.coordinates import centred_coordinates, pixel_coordinates, unit_coordinates
from fit_image.apps.digits.networks import generator_coordinates


def test_pixel_i_of_k_times_the_size_is_a_place_in_the_learned_picture():
    for factor in (1, 2, 3, 4, 7.5):
        count = round(24 * factor)
        expected = [(i + 0.5) / (count / 24) - 0.5 for i in range(count)]
        np.testing.assert_allclose(pixel_coordinates(count, 0, 24), expected, atol=1e-12)
    assert pixel_coordinates(24, 0, 24).tolist() == [*range(24)]


@pytest.mark.parametrize("side", [1, 2, 3, 10, 53, 768, 65_535])
def test_learned_pixels_are_index_by_side_less_one(side):
    expected = (np.arange(side) / max(side - 1, 1)).astype(np.float32)
    np.testing.assert_array_equal(unit_coordinates(side, side), expected)
    for factor in (3, 5):
        larger = unit_coordinates(factor * side, side)
        np.testing.assert_array_equal(larger[factor // 2 :: factor], expected)


def test_borders_of_the_whole_are_half_pixels():
    xs = unit_coordinates(40, 10)
    # Pixels of a quarter's width: the first and the last are 3/8 of a learned pixel outside.
    np.testing.assert_allclose(xs[[0, -1]], [-0.375 / 9, 1 + 0.375 / 9], rtol=1e-6)


def test_parts_that_touch_make_the_whole():
    parts = [unit_coordinates(30, 24, *edges) for edges in ((0, 0.25), (0.25, 0.5), (0.5, 1.0))]
    parts[2:] = [unit_coordinates(60, 24, 0.5, 1.0)]
    whole = np.concatenate(parts)
    np.testing.assert_array_equal(whole, unit_coordinates(120, 24))
    assert (np.diff(whole) > 0).all()


def test_a_mirrored_part_is_the_part_backwards():
    np.testing.assert_allclose(
        unit_coordinates(20, 10, 1.0, 0.0), unit_coordinates(20, 10)[::-1], atol=1e-7
    )


def test_digits_reach_the_scale_in_border_pixels_of_training():
    seen = generator_coordinates((5, 3), 3, 8.0)
    assert seen.shape == (3, 5, 3)
    np.testing.assert_array_equal(seen[1, 2], [0, 0, 0])
    np.testing.assert_array_equal(seen[0, 2], [0, -8, 8])
    np.testing.assert_allclose(seen[2, 4], [16, 8, np.hypot(16, 8)])
    np.testing.assert_array_equal(generator_coordinates((5, 3), 3, 8.0, range(1, 3)), seen[1:])
    larger = generator_coordinates((15, 9), 3, 8.0)
    np.testing.assert_array_equal(larger[1::3, 1::3], seen)
    np.testing.assert_allclose(larger[0, 7], [0, -8 - 8 / 3, 8 + 8 / 3], rtol=1e-6)


def test_without_a_learned_picture_the_scale_is_reached_at_the_edges():
    small, large = (centred_coordinates(size, 2.0, 3.0) for size in ((8, 4), (40, 20)))
    np.testing.assert_allclose(small[0, 0, :2], [-6 * 7 / 8, -3 * 3 / 4])
    np.testing.assert_allclose(large[2::5, 2::5], small, atol=1e-6)
