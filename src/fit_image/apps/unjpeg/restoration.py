"""Restoration of a JPEG picture from its coefficients, strip by strip.

Filters first undo what is the decoder's fault, a convolutional network predicts what is left, and
after each of these steps every coefficient is moved back into the interval that the file tells
(projection onto convex sets; Zakhor, "Iterative procedures for reduction of blocking effects in
transform image coding", 1992).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.floor.filtering import filter_strip
from fit_image.apps.unjpeg.floor.screens import box_mean, coarseness
from fit_image.apps.unjpeg.floor.strip import Strip
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.residual.features import Damage
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.formats.jpeg_planes import JpegPlanes
from fit_image.images.ycbcr import FROM_RGB, OFFSETS, to_ycbcr
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

Picture = npt.NDArray[np.uint8]

_STRIP_PIXELS = 1 << 21
"""Of a picture that are restored at once, at most; but at least four times `_MARGIN`."""

_MARGIN = 32
"""Pixels beyond, in which others have their neighbours; whole blocks of any sampling."""

_FINE = 1.2
"""Mean of quantisation steps below which rounding in the decoder hides coefficients."""

_NEARLY_PURE, _MOSTLY = 3, 0.4
"""Levels from pure white or black, and the share of pure pixels around, that make a pixel pure."""

_FROM_RGB, _TO_RGB = (each.astype(np.float32) for each in (FROM_RGB, np.linalg.inv(FROM_RGB)))


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
    effort : int
        See `ResidualNetwork.add_changes`.
    strip_rows : int
        Rows that are restored at once, at most.
    tile_columns : int
        Columns of these that the network sees at once, at most, beside its margin.
    """

    network: ResidualNetwork | Restorer
    quality: int = 85
    strength: float = 1.0
    effort: int = 1
    threads: int | None = None
    strip_rows: int = 512
    tile_columns: int = 768

    @classmethod
    def shipped(cls, quality: int = 85) -> Self:
        """Return the restoration of the package."""
        return cls(ResidualNetwork.shipped(), quality)

    def restore(
        self,
        picture: Picture,
        jpeg: JpegPlanes | None,
        on_rows: Callable[[int, int], None] = lambda done, total: None,
    ) -> Picture:
        """Return an estimate of a picture before compression.

        Pixels that are pure white or black, and areas of one colour, stay as they are.

        Parameters
        ----------
        picture : uint8 (height, width, 3)
            As decoded by any program.
        jpeg : JpegPlanes, optional
            Its coefficients. Without, only the network changes the picture.
        on_rows : callable
            Called with the numbers of rows done and of all rows.
        """
        if jpeg is None and isinstance(self.network, Restorer):
            network = replace(self.network, strength=self.strength)
            return network.restore(picture, threads=self.threads, on_rows=on_rows)
        height, width, _ = picture.shape
        if jpeg is not None and _is_fine(jpeg):
            on_rows(height, height)
            return picture.copy()
        pool = ThreadPool(self.threads)
        restored = np.empty_like(picture)
        step = max(min(_STRIP_PIXELS // width, self.strip_rows) // _MARGIN, 4) * _MARGIN
        for top in range(0, height, step):
            begin, end = max(top - _MARGIN, 0), min(top + step + _MARGIN, height)
            part = picture[begin:end]
            if jpeg is None:
                rows = self._pixels(part, pool)
            else:
                rows = self._strip(part, _part(jpeg, begin, end), pool)
            bottom = min(top + step, height)
            restored[top:bottom] = rows[top - begin : bottom - begin]
            on_rows(bottom, height)
        return restored

    def _strip(self, picture: Picture, jpeg: JpegPlanes, pool: ThreadPool) -> Picture:
        height, width, _ = picture.shape
        strip = Strip(jpeg, pool)
        shares = np.zeros(strip.active.shape, np.float32)
        if isinstance(self.network, Restorer):
            changes = self.network.changes(picture, threads=pool.threads)
            restored = to_ycbcr(picture) + np.concatenate(list(changes))
            planes = _padded_planes(_centred(restored), strip.full[0].shape)
            strip.full[:] = _mixed(planes) if jpeg.is_rgb else planes
        else:
            decoded = _as_luma(strip)
            shares = filter_strip(strip)
            planes = _weighted(_FROM_RGB, strip.full) if jpeg.is_rgb else strip.full
            self._add_changes(planes, decoded, Damage.of(jpeg), strip.active, pool)
            strip.full[:] = _mixed(planes) if jpeg.is_rgb else planes
        for _ in range(2):
            strip.project()
        colours = _as_rgb([plane[:height, :width] for plane in strip.full], jpeg)
        if self.strength < 1:
            colours = picture + np.float32(self.strength) * (colours - picture)
        levels = _to_levels(colours)
        for pure in (0, 255):
            _purify(levels, pure, _of_pixels(shares, height, width) >= 1)
        return np.where(_is_kept(picture, strip.active)[..., np.newaxis], picture, levels)

    def _pixels(self, picture: Picture, pool: ThreadPool) -> Picture:
        """Restore rows of a picture whose coefficients are not known."""
        assert isinstance(self.network, ResidualNetwork)
        height, width, _ = picture.shape
        active = _varied_blocks(picture)
        shape = tuple(BLOCK * side for side in active.shape)
        planes = _padded_planes(_centred(to_ycbcr(picture)), shape)
        damage = Damage.of_quality(self.quality)
        self._add_changes(planes, planes[0].copy(), damage, active, pool)
        colours = _as_rgb([plane[:height, :width] for plane in planes])
        levels = _to_levels(picture + np.float32(self.strength) * (colours - picture))
        return np.where(_is_kept(picture, active)[..., np.newaxis], picture, levels)

    def _add_changes(
        self,
        planes: Sequence[FloatArray],
        decoded: FloatArray,
        damage: Damage,
        active: npt.NDArray[np.uint8],
        pool: ThreadPool,
    ) -> None:
        """Add the network's changes to the columns in which there is something to do."""
        assert isinstance(self.network, ResidualNetwork)
        before = [plane.copy() for plane in planes]
        for seen, changed in _tiles(active, self.tile_columns):
            own = [np.array(plane[:, seen], order="C") for plane in (*before, decoded)]
            self.network.add_changes(own[:3], own[3], damage, pool, self.effort)
            inside = slice(changed.start - seen.start, changed.stop - seen.start)
            for plane, after in zip(planes, own, strict=False):
                plane[:, changed] = after[:, inside]


def _is_fine(jpeg: JpegPlanes) -> bool:
    """Tell whether pixels say more of the original than coefficients that are read from them."""
    whole = all(plane.down == plane.across == 1 for plane in jpeg.planes)
    return whole and max(coarseness(plane.table) for plane in jpeg.planes) < _FINE


def _purify(levels: Picture, pure: int, screen: npt.NDArray[np.bool_]) -> None:
    """Make pixels of a screen pure that nearly are, where most around them are."""
    if not screen.any():
        return
    is_pure, near = _is_pure(levels, pure), _is_pure(levels, pure, _NEARLY_PURE) & screen
    if not is_pure.any() or not near.any():
        return
    levels[near & (box_mean(is_pure, 3) > _MOSTLY)] = pure


def _is_pure(picture: Picture, pure: int, distance: int = 0) -> npt.NDArray[np.bool_]:
    """Return which pixels are at most so many levels from 0 or 255 in all colours."""
    # Colour by colour, which is many times as fast as all(axis=2).
    low, high = max(pure - distance, 0), min(pure + distance, 255)
    one, two, three = ((picture[..., n] >= low) & (picture[..., n] <= high) for n in range(3))
    return one & two & three


def _is_kept(picture: Picture, active: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return which pixels stay as they are: pure ones, and those of blocks that are not active."""
    height, width, _ = picture.shape
    inactive: npt.NDArray[np.bool_] = _of_pixels(active, height, width) == 0
    return inactive | _is_pure(picture, 0) | _is_pure(picture, 255)


def _varied_blocks(picture: Picture) -> npt.NDArray[np.uint8]:
    """Return 0 for blocks of one colour among such of the same, 1 for others."""
    more = [(0, -side % BLOCK) for side in picture.shape[:2]]
    whole = np.pad(picture, [*more, (0, 0)], mode="edge")
    rows, columns = (side // BLOCK for side in whole.shape[:2])
    cells = whole.reshape(rows, BLOCK, columns, BLOCK, 3)
    around = [(1, 1), (1, 1), (0, 0)]
    low, high = (
        np.lib.stride_tricks.sliding_window_view(np.pad(each, around, mode="edge"), (3, 3), (0, 1))
        for each in (cells.min(axis=(1, 3)), cells.max(axis=(1, 3)))
    )
    varied: npt.NDArray[np.bool_] = (low.min(axis=(3, 4)) != high.max(axis=(3, 4))).any(axis=2)
    return varied.astype(np.uint8)


class _Tile(NamedTuple):
    """Columns of pixels that the network sees at once, and those of them that it changes."""

    seen: slice
    changed: slice


def _tiles(active: npt.NDArray[np.uint8], most: int) -> list[_Tile]:
    """Return tiles of at most so many columns that cover the blocks that are active."""
    columns = np.flatnonzero(active.any(axis=0))
    near = _MARGIN // BLOCK
    tiles = []
    for run in np.split(columns, np.flatnonzero(np.diff(columns) > 2 * near) + 1):
        if not len(run):
            continue
        count = -(-len(run) * BLOCK // most)
        edges = np.linspace(run[0], run[-1] + 1, count + 1).astype(int)
        for first, last in itertools.pairwise(edges.tolist()):
            seen = slice(BLOCK * max(first - near, 0), BLOCK * (last + near))
            tiles.append(_Tile(seen, slice(BLOCK * first, BLOCK * last)))
    return tiles


def _part(jpeg: JpegPlanes, begin: int, end: int) -> JpegPlanes:
    """Return the components of some of the picture's rows, in whole blocks of all of them."""
    unit = BLOCK * max(plane.down for plane in jpeg.planes)
    rows = [slice(begin // each.down, -(-end // unit) * unit // each.down) for each in jpeg.planes]
    planes = zip(jpeg.planes, rows, strict=True)
    parts = tuple(replace(each, quantised=each.quantised[part]) for each, part in planes)
    return replace(jpeg, planes=parts)


def _of_pixels(blocks: npt.NDArray[np.generic], height: int, width: int) -> FloatArray:
    """Return the value of each pixel's block."""
    wide = np.repeat(np.repeat(blocks, BLOCK, axis=0), BLOCK, axis=1)
    values: FloatArray = wide[:height, :width].astype(np.float32)
    return values


def _as_luma(strip: Strip) -> FloatArray:
    """Return a copy of a strip's luma."""
    return _weighted(_FROM_RGB[:1], strip.full)[0] if strip.jpeg.is_rgb else strip.full[0].copy()


def _centred(ycbcr: FloatArray) -> FloatArray:
    """Return luma and chroma, 0..1, in levels as the planes have them: grey of 128 is 0."""
    middle = 128, 255 * OFFSETS[1], 255 * OFFSETS[2]
    centred: FloatArray = ycbcr * np.float32(255) - np.array(middle, np.float32)
    return centred


def _padded_planes(values: FloatArray, shape: tuple[int, ...]) -> list[FloatArray]:
    """Divide (height, width, 3) into planes of another size; the edge is repeated."""
    more = [(0, whole - side) for whole, side in zip(shape, values.shape, strict=False)]
    return [np.ascontiguousarray(np.pad(values[..., n], more, mode="edge")) for n in range(3)]


def _weighted(matrix: FloatArray, planes: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the weighted sums of three planes, for each row of a matrix."""
    return [sum((row[n] * planes[n] for n in range(1, 3)), row[0] * planes[0]) for row in matrix]


def _mixed(planes: Sequence[FloatArray]) -> list[FloatArray]:
    """Return luma and chroma, or changes of these, as red, green and blue."""
    return _weighted(_TO_RGB, planes)


def _as_rgb(planes: Sequence[FloatArray], jpeg: JpegPlanes | None = None) -> FloatArray:
    """Return planes as red, green and blue, 0..255."""
    if jpeg and len(jpeg.planes) == 1:
        planes = [planes[0]] * 3
    elif not (jpeg and jpeg.is_rgb):
        planes = _mixed(planes)
    rgb: FloatArray = np.stack(planes, axis=-1) + np.float32(128)
    return rgb


def _to_levels(colours: FloatArray) -> Picture:
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8)
