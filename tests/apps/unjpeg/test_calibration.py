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


NOTHING = (np.empty((0, 0), np.float32),) * 2
"""No weights."""


def letters():
    rng = np.random.default_rng(2)
    levels = np.full((96, 112, 3), 180, np.uint8)
    ink = (rng.random((24, 28)) < 0.4).repeat(4, axis=0).repeat(4, axis=1)
    levels[ink] = 80, 90, 150
    return levels


def jpeg(levels, **options):
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", **{"quality": 60} | options)
    return file.getvalue()


def restored(data, calibration):
    restoration = replace(Restoration.shipped(), calibration=calibration)
    return restoration.restore(decompress(data), read_planes(io.BytesIO(data)))


def test_a_calibration_sees_each_component():
    levels = letters()
    levels[..., 2] = levels[::-1, :, 2]  # Cb has edges that luma and Cr have not
    seen: list = []
    restored(jpeg(levels, subsampling="4:2:0"), Watched(*NOTHING, seen=seen))
    assert [each.shape for each in seen] == [
        (12, 14, PLACE_FEATURES),
        (6, 7, PLACE_FEATURES),
        (6, 7, PLACE_FEATURES),
    ]
    luma, *chroma = seen
    assert (luma[..., -1] == 0).all()
    assert all((each[..., -1] == 1).all() for each in chroma)
    shared = BLOCK_FEATURES + 1
    cells = luma[..., :shared].reshape(6, 2, 7, 2, shared).mean(axis=(1, 3))
    for each in chroma:
        assert each[..., :shared] == pytest.approx(cells, abs=1e-4)
    within_blue, within_red = (each[..., BLOCK_FEATURES + 2].mean() for each in chroma)
    assert within_blue > within_red + 0.5


@pytest.mark.parametrize("colours", ["grey", "RGB"])
def test_components_that_are_not_chroma(colours):
    seen: list = []
    levels = letters()
    data = jpeg(levels, keep_rgb=True) if colours == "RGB" else jpeg(levels[..., 0])
    restored(data, Watched(*NOTHING, seen=seen))
    assert len(seen) == (3 if colours == "RGB" else 1)
    assert all((each[..., -1] == 0).all() for each in seen)


def test_estimates_that_count_nothing_leave_the_jpeg():
    data = jpeg(letters(), subsampling="4:4:4")
    found = restored(data, Watched(*NOTHING))
    assert np.abs(found.astype(int) - decompress(data)).max() <= 2
    whole = restored(data, Watched(*NOTHING, factor=1.0))
    assert np.abs(whole.astype(int) - decompress(data)).max() > 10


def test_squares_of_one_level_have_whole_levels_as_before_compression():
    rng = np.random.default_rng(4)
    levels = rng.integers(40, 216, (12, 14, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    data = jpeg(levels, quality=85, subsampling="4:4:4")
    found = restored(data, Watched(*NOTHING))
    assert (found == decompress(data)).mean() > 0.999


def gain(levels, found, data):
    """Gain over the JPEG in dB."""
    errors = (((each.astype(float) - levels) ** 2).mean() for each in (decompress(data), found))
    return 10 * np.log10(next(errors) / next(errors))


def smooth_letters():
    levels = letters().astype(int)
    levels = levels + np.roll(levels, 1, axis=0)
    return ((levels + np.roll(levels, 1, axis=1)) // 4).astype(np.uint8)


@pytest.mark.parametrize("quality", [60, 85])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_the_calibration_that_ships_gains(subsampling, quality):
    levels = smooth_letters()
    data = jpeg(levels, quality=quality, subsampling=subsampling)
    calibrated, estimated = (
        gain(levels, restored(data, each), data) for each in (Gate.shipped("calibration"), None)
    )
    assert calibrated > estimated + 0.15


def test_a_table_with_a_step_of_0():
    levels = letters()
    data = bytearray(jpeg(levels, subsampling="4:4:4"))
    data[data.index(b"\xff\xdb") + 5 + 63] = 0  # the highest frequency of luma
    found = restored(bytes(data), Gate.shipped("calibration"))
    assert gain(levels, found, bytes(data)) > 0
