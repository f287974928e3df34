"""How far estimated coefficients are followed within their intervals."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.unjpeg.residual.block_features import BLOCK_FEATURES
from fit_image.apps.unjpeg.residual.gate import Gate
from fit_image.apps.unjpeg.residual.place_features import PLACE_FEATURES, place_features
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.images.formats.jpeg import decompress
from fit_image.images.formats.jpeg_planes import read_planes


@pytest.mark.parametrize("is_chroma", [False, True])
def test_features(is_chroma):
    rng = np.random.default_rng(1)
    features = rng.normal(0, 1, (4, 5, BLOCK_FEATURES)).astype(np.float32)
    counted = rng.random((4, 5), np.float32)
    places = rng.exponential(0.05, (4, 5, 2)).astype(np.float32)
    places[1, 2] = 0
    found = place_features(features, counted, places, is_chroma=is_chroma)
    assert found.shape == (4, 5, PLACE_FEATURES)
    for y, x in np.ndindex(4, 5):
        rows, columns = (np.clip([n - 1, n, n + 1], 0, most) for n, most in ((y, 3), (x, 4)))
        around = places[np.ix_(rows, columns)].astype(float).mean(axis=(0, 1))
        expected = [
            *features[y, x],
            counted[y, x],
            *np.log2(places[y, x] + 1e-4),
            *np.log2(around + 1e-4),
            float(is_chroma),
        ]
        assert found[y, x] == pytest.approx(expected, abs=1e-4)


@dataclass(frozen=True, eq=False)
class Watched(Gate):
    """Gives every block the same factors, and keeps what it sees."""

    factor: float = 0.0
    seen: list = field(default_factory=list)

    def values(self, features):
        self.seen.append(features)
        return np.full((*features.shape[:2], 3), self.factor, np.float32)


def letters():
    rng = np.random.default_rng(2)
    levels = np.full((96, 112, 3), 180, np.uint8)
    ink = (rng.random((24, 28)) < 0.4).repeat(4, axis=0).repeat(4, axis=1)
    levels[ink] = 80, 90, 150
    return levels


def jpeg(levels, **options):
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=60, **options)
    return file.getvalue()


def restored(data, calibration):
    restoration = replace(Restoration.shipped(), calibration=calibration)
    return restoration.restore(decompress(data), read_planes(io.BytesIO(data)))


def test_a_calibration_sees_each_component():
    seen: list = []
    restored(jpeg(letters(), subsampling="4:2:0"), Watched(*[np.empty((0, 0))] * 2, seen=seen))
    assert [each.shape for each in seen] == [
        (12, 14, PLACE_FEATURES),
        (6, 7, PLACE_FEATURES),
        (6, 7, PLACE_FEATURES),
    ]
    luma, *chroma = seen
    assert (luma[..., -1] == 0).all()
    assert all((each[..., -1] == 1).all() for each in chroma)
    cells = luma[..., :BLOCK_FEATURES].reshape(6, 2, 7, 2, BLOCK_FEATURES).mean(axis=(1, 3))
    for each in chroma:
        assert each[..., :BLOCK_FEATURES] == pytest.approx(cells, abs=1e-4)


def test_estimates_that_count_nothing_leave_the_jpeg():
    data = jpeg(letters(), subsampling="4:4:4")
    found = restored(data, Watched(*[np.empty((0, 0))] * 2))
    assert np.abs(found.astype(int) - decompress(data)).max() <= 2
    whole = restored(data, Watched(*[np.empty((0, 0))] * 2, factor=1.0))
    assert np.abs(whole.astype(int) - decompress(data)).max() > 10


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_the_calibration_that_ships_gains(subsampling):
    levels = letters()
    data = jpeg(levels, subsampling=subsampling)
    shipped, whole = (
        ((restored(data, gate).astype(float) - levels) ** 2).mean()
        for gate in (Gate.shipped("calibration"), Watched(*[np.empty((0, 0))] * 2, factor=1.0))
    )
    assert shipped < whole
