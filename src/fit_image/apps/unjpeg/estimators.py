"""How each kind of network restores rows of a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.floor.filtering import filter_strip
from fit_image.apps.unjpeg.floor.strip import Strip, of_blocks
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.pixels import colours
from fit_image.apps.unjpeg.pixels.levels import Blocks, Picture, levels_of, varied_blocks
from fit_image.apps.unjpeg.pixels.tiles import restore_strips, tiles_of
from fit_image.apps.unjpeg.residual.block_features import block_features
from fit_image.apps.unjpeg.residual.features import Damage
from fit_image.apps.unjpeg.residual.gate import Gate
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.apps.unjpeg.residual.place_features import place_features
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.ycbcr import to_ycbcr
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool


class Estimator(Protocol):
    """A network, and what goes with it."""

    def move(self, strip: Strip, picture: Picture) -> FloatArray:
        """Move a strip's planes to an estimate; return how much blocks belong to a screen, 0..1."""

    def restore(
        self, picture: Picture, strength: float, on_rows: Callable[[int, int], None]
    ) -> Picture:
        """Restore pixels whose coefficients are not known."""


@dataclass(frozen=True, eq=False)
class PatchEstimator(Estimator):
    """Patches are redrawn, without filters."""

    network: Restorer
    pool: ThreadPool

    def move(self, strip: Strip, picture: Picture) -> FloatArray:
        changes = self.network.changes(picture, threads=self.pool.threads)
        restored = to_ycbcr(picture) + np.concatenate(list(changes))
        planes = colours.centred_planes(restored, strip.full[0].shape)
        strip.replace(colours.to_rgb(planes) if strip.jpeg.is_rgb else planes)
        return np.zeros(strip.active.shape, np.float32)

    def restore(
        self, picture: Picture, strength: float, on_rows: Callable[[int, int], None]
    ) -> Picture:
        network = replace(self.network, strength=strength)
        return network.restore(picture, threads=self.pool.threads, on_rows=on_rows)


@dataclass(frozen=True, eq=False)
class ResidualEstimator(Estimator):
    """Filters go first, what they leave is predicted, and gates say how much that counts."""

    network: ResidualNetwork
    gate: Gate
    calibration: Gate | None
    pool: ThreadPool
    quality: int
    views: int
    strip_rows: int
    tile_columns: int

    def move(self, strip: Strip, picture: Picture) -> FloatArray:
        full = strip.full
        decoded = colours.luma_of(full) if strip.jpeg.is_rgb else full[0].copy()
        shares = filter_strip(strip)
        planes = colours.from_rgb(strip.full) if strip.jpeg.is_rgb else strip.full
        changes = self._changes(planes, decoded, Damage.of(strip.jpeg), strip.active)
        features = block_features(strip.jpeg, shares, changes)
        counted = self.gate.values(features)
        for plane, change in zip(planes, changes, strict=True):
            plane += change * counted.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
        strip.replace(colours.to_rgb(planes) if strip.jpeg.is_rgb else planes)
        if self.calibration is not None:
            _calibrate(strip, features, counted, self.calibration)
        return shares

    def restore(
        self, picture: Picture, strength: float, on_rows: Callable[[int, int], None]
    ) -> Picture:

        def restore(begin: int, end: int) -> Picture:
            return self._restored(np.array(picture[begin:end]), strength)

        return restore_strips(picture, self.strip_rows, restore, on_rows)

    def _restored(self, picture: Picture, strength: float) -> Picture:
        active = varied_blocks(picture)
        rows, columns = (BLOCK * side for side in active.shape)
        planes = colours.centred_planes(to_ycbcr(picture), (rows, columns))
        changes = self._changes(planes, planes[0], Damage.of_quality(self.quality), active)
        for plane, change in zip(planes, changes, strict=True):
            plane += change
        is_screen = np.zeros_like(active)
        return levels_of(
            planes, picture, active, is_screen, self.pool, is_luma=True, strength=strength
        )

    def _changes(
        self, planes: Sequence[FloatArray], decoded: FloatArray, damage: Damage, active: Blocks
    ) -> list[npt.NDArray[np.float16]]:
        """Return the network's changes of planes: 0 where there is nothing to do."""
        # Changes are of few levels: half precision is exact enough, and takes half the memory.
        changes = [np.zeros(plane.shape, np.float16) for plane in planes]
        for tile in tiles_of(active, self.tile_columns):
            own = [np.array(plane[tile.seen], order="C") for plane in (*planes, decoded)]
            self.network.add_changes(own[:3], own[3], damage, self.pool, self.views)
            for change, plane, part in zip(changes, planes, own, strict=False):
                change[tile.changed] = part[tile.inside] - plane[tile.changed]
        return changes


def _calibrate(strip: Strip, features: FloatArray, counted: FloatArray, calibration: Gate) -> None:
    """Move coefficients to calibrated places."""
    factors: list[FloatArray] = []
    for plane, squares in zip(strip.jpeg.planes, strip.measure_places(), strict=True):
        ratio = plane.down, plane.across
        own, share = (of_blocks(each, ratio, np.mean) for each in (features, counted))
        is_chroma = bool(factors) and not strip.jpeg.is_rgb
        described = place_features(own, share, squares, is_chroma=is_chroma)
        factors.append(calibration.values(described))
    strip.calibrate(factors)
