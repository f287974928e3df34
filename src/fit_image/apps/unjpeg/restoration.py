"""Restoration of a JPEG picture from its coefficients, strip by strip.

Filters first undo what is the decoder's fault, a convolutional network predicts what is left, and
its estimates are calibrated. After filters, and in the end, every coefficient is moved back into
the interval that the file tells (projection onto convex sets; Zakhor, "Iterative procedures for
reduction of blocking effects in transform image coding", 1992).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from fit_image.apps.unjpeg.estimators import Estimator, PatchEstimator, ResidualEstimator
from fit_image.apps.unjpeg.floor.screens import coarseness
from fit_image.apps.unjpeg.floor.strip import Strip
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.pixels.levels import Picture, levels_of
from fit_image.apps.unjpeg.pixels.tiles import restore_strips
from fit_image.apps.unjpeg.residual.gate import Gate
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.formats.jpeg_planes import JpegPlanes
from fit_image.nn.runtime.threads import ThreadPool

_LEAST_COARSENESS = 1.2
"""Mean of quantisation steps below which rounding in the decoder hides coefficients."""


@dataclass(frozen=True, eq=False)
class Restoration:
    """How pictures are restored.

    Attributes
    ----------
    network : ResidualNetwork or Restorer
        Predicts what filters leave; or redraws patches, without filters.
    quality : int
        Of JPEG, 1 to 100, assumed where a picture's coefficients are not known.
    strength : float
        Factor of all changes, 0..1.
    views : int
        See `ResidualNetwork.add_changes`.
    strip_rows : int
        Rows that are restored at once, at most.
    tile_columns : int
        Columns of these that the network sees at once, beside its margin, or up to half as many
        more.
    gate : Gate
        Says how much the predictions of a `ResidualNetwork` count.
    calibration : Gate, optional
        Says by how much to shrink the distances of coefficients from the middles of their
        intervals. Without, they stay as they are estimated.
    """

    network: ResidualNetwork | Restorer
    quality: int = 85
    strength: float = 1.0
    views: int = 1
    threads: int | None = None
    strip_rows: int = 512
    tile_columns: int = 512
    gate: Gate = field(default_factory=Gate.shipped)
    calibration: Gate | None = field(default_factory=lambda: Gate.shipped("calibration"))

    @classmethod
    def shipped(cls, quality: int = 85, effort: int = 1) -> Self:
        """Return the restoration of the package.

        Parameters
        ----------
        effort : int
            1 for the small network, 2 to 9 for the large one, with one view less than that.
        """
        network = ResidualNetwork.shipped("large" if effort > 1 else "small")
        return cls(network, quality=quality, views=max(effort - 1, 1))

    def restore(
        self,
        picture: Picture,
        jpeg: JpegPlanes | None,
        on_rows: Callable[[int, int], None] = lambda done, total: None,
    ) -> Picture:
        """Return an estimate of a picture before compression.

        Pixels that are pure white or black, and areas of one colour, stay as they are, and JPEGs of
        at most 8 rows or columns, unless patches are redrawn.

        Parameters
        ----------
        picture : uint8 (height, width, 3)
            As decoded by any program.
        jpeg : JpegPlanes, optional
            Its coefficients. Without, only the network changes the picture.
        on_rows : callable
            Called with the numbers of rows done and of all rows.
        """
        pool = ThreadPool(self.threads)
        estimator = self._estimator(pool)
        if jpeg is None:
            return estimator.restore(picture, self.strength, on_rows)
        if _is_fine(jpeg) or self._is_too_small(picture):
            on_rows(len(picture), len(picture))
            return picture.copy()

        def restore(begin: int, end: int) -> Picture:
            strip = Strip(_part(jpeg, begin, end), pool)
            return self._restored(strip, np.array(picture[begin:end]), estimator)

        return restore_strips(picture, self.strip_rows, restore, on_rows)

    def _is_too_small(self, picture: Picture) -> bool:
        """Tell whether filters and gate know too little: of one row or column of blocks alone."""
        return isinstance(self.network, ResidualNetwork) and min(picture.shape[:2]) <= BLOCK

    def _restored(self, strip: Strip, picture: Picture, estimator: Estimator) -> Picture:
        shares = estimator.move(strip, picture)
        for _ in range(2):
            strip.project()
        return levels_of(
            strip.planes,
            picture,
            strip.active,
            (shares >= 1).astype(np.uint8),
            strip.pool,
            is_luma=len(strip.jpeg.planes) > 1 and not strip.jpeg.is_rgb,
            strength=self.strength,
            nearly=_nearly(strip.jpeg),
        )

    def _estimator(self, pool: ThreadPool) -> Estimator:
        if isinstance(self.network, Restorer):
            return PatchEstimator(self.network, pool)
        gates = self.gate, self.calibration
        sizes = self.strip_rows, self.tile_columns
        return ResidualEstimator(self.network, *gates, pool, self.quality, self.views, *sizes)


def _is_fine(jpeg: JpegPlanes) -> bool:
    """Tell whether pixels say more of the original than coefficients that are read from them."""
    luma, *chroma = jpeg.planes
    planes = luma, *(plane for plane in chroma if plane.quantised.any())
    whole = all(plane.down == plane.across == 1 for plane in planes)
    return whole and max(coarseness(plane.table) for plane in planes) < _LEAST_COARSENESS


def _nearly(jpeg: JpegPlanes) -> int:
    """Return how many levels a pure pixel may be off, as the file tells luma."""
    return 1 if coarseness(jpeg.planes[0].table) < _LEAST_COARSENESS else 3


def _part(jpeg: JpegPlanes, begin: int, end: int) -> JpegPlanes:
    """Return the components of some of the picture's rows, in whole blocks of all of them."""
    unit = BLOCK * max(plane.down for plane in jpeg.planes)
    rows = [slice(begin // each.down, -(-end // unit) * unit // each.down) for each in jpeg.planes]
    planes = zip(jpeg.planes, rows, strict=True)
    parts = tuple(replace(each, quantised=each.quantised[part]) for each, part in planes)
    return replace(jpeg, planes=parts)
