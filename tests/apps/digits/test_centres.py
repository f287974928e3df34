"""Centres of a class: the codes of single pictures."""

import numpy as np
import pytest

from fit_image.apps.digits.centres import choose_centres


def draw_alike(latents):
    return np.zeros((len(latents), 2, 2, 1), dtype=np.float32)


def test_centres_are_codes_that_other_classes_are_least_like(rng):
    labels = np.arange(300) % 2
    means = rng.standard_normal((300, 2)) + np.where(labels, 4.0, -4.0)[:, np.newaxis]
    means[:10] *= -1  # look like the other class
    variances = rng.uniform(0.01, 0.04, (300, 2))
    classes = np.array([[-4.0, -4.0], [4.0, 4.0]]), np.ones((2, 2))
    found, deviations = choose_centres((means, variances), labels, classes, 20, [7], draw_alike)
    assert found.shape == deviations.shape == (2, 20, 2)
    for label in (0, 1):
        side = means.sum(axis=1) * (1 if label else -1)
        own = labels == label
        allowed = means[own & (side > np.median(side[own]))].astype(np.float32)
        for centre, deviation in zip(found[label], deviations[label], strict=True):
            assert (allowed == centre).all(axis=1).any()
            index = np.abs(means - centre).sum(axis=1).argmin()
            np.testing.assert_allclose(deviation**2, variances[index], rtol=1e-5)
        assert len(np.unique(found[label], axis=0)) == 20


def test_few_pictures_are_chosen_again_and_a_class_is_never_empty():
    means, labels = np.array([[1.0], [2.0], [3.0], [9.0]]), np.array([0, 0, 0, 1])
    classes = np.array([[1.0], [9.0]]), np.array([[1.0], [0.0]])
    found, _ = choose_centres((means, np.ones((4, 1))), labels, classes, 4, [0], draw_alike)
    assert sorted(found[0, :, 0]) == [1.0, 1.0, 2.0, 2.0]
    assert (found[1] == 9.0).all()


@pytest.mark.parametrize("inverted", [False, True])
def test_centres_are_drawn_with_little_grey(inverted, rng):
    means, labels = rng.uniform(0.5, 1.0, (40, 1)), np.zeros(40, dtype=np.int64)

    def draw(latents):
        shades = np.repeat(latents, 4, axis=1) * np.float32([1.0, 0.0, 0.0, 0.0])
        return 1.0 - shades if inverted else shades

    classes = np.array([[0.75]]), np.array([[1.0]])
    found, _ = choose_centres((means, np.ones((40, 1))), labels, classes, 10, [0], draw)
    # A pixel of shade s is grey by 1 - s of its ink.
    crispest = np.sort(means[:20], axis=0)[::-1][:10]
    np.testing.assert_allclose(found[0], crispest, rtol=1e-6)
