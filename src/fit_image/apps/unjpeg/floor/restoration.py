"""Restoration of a JPEG picture from its coefficients, strip by strip.

Chroma is expanded by regression on luma, screens are smoothed between their edges, a network adds
its changes to the rest, and after each of these steps every coefficient is moved back into the
interval that the file tells (projection onto convex sets; Zakhor, "Iterative procedures for
reduction of blocking effects in transform image coding", 1992).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.floor.screens import box_mean, coarseness, screen_shares
from fit_image.apps.unjpeg.floor.strip import Strip
from fit_image.apps.unjpeg.model import Restorer, restored_by
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.formats.jpeg_planes import JpegPlanes
from fit_image.images.ycbcr import FROM_RGB, OFFSETS, to_ycbcr
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

Picture = npt.NDArray[np.uint8]

_STRIP_PIXELS = 1 << 19
_MARGIN = 32
"""Rows beyond a strip, in which its pixels have their neighbours; whole blocks of any sampling."""

_SMOOTHINGS = 5
_CALMING = 0.8
"""Of the deviation of each smoothing after the first."""

_CHROMA_WEIGHT, _NEARNESS = 0.05, 0.03
_COARSE = 4.0
"""Coarseness above which chroma is expanded again from smoothed luma."""

_NETWORK_CHROMA = 0.5
"""Share of a network's chroma; the rest is that of the regression on luma."""

_NEARLY_PURE, _MOSTLY = 3, 0.4
"""Levels from pure white or black, and the share of pure pixels around, that make a pixel pure."""

_FIRST_WEAK, _LAST_STRONG = 65, 80
"""Qualities between which the network of strong compression gives way to that of weak."""

_TO_RGB = np.linalg.inv(FROM_RGB).astype(np.float32)


class WeightedNetwork(NamedTuple):
    """A network, and the factor of its changes."""

    restorer: Restorer
    weight: float


@dataclass(frozen=True, eq=False)
class Restoration:
    """How a picture is restored.

    Attributes
    ----------
    networks : sequence of WeightedNetwork
        Whose changes are added up.
    alone : bool
        Whether only the networks change the picture, followed by projection.
    strength : float
        Factor of all changes, 0..1.
    """

    networks: Sequence[WeightedNetwork]
    alone: bool = False
    strength: float = 1.0
    threads: int | None = None

    @classmethod
    def shipped(cls, quality: int, *, grey: bool = False) -> Self:
        """Return the restoration of the package for a quality of JPEG, 1 to 100.

        Between qualities 65 and 80, one of its networks takes over from the other.
        """
        strong = min(max((_LAST_STRONG - quality) / (_LAST_STRONG - _FIRST_WEAK), 0.0), 1.0)
        networks = []
        if strong:
            networks.append(WeightedNetwork(Restorer.shipped(1), strong))
        if strong < 1:
            weak = Restorer.shipped(max(quality, _FIRST_WEAK), grey=grey)
            networks.append(WeightedNetwork(weak, 1 - strong))
        return cls(networks)

    @classmethod
    def trained(cls, restorer: Restorer) -> Self:
        """Return the restoration by a network alone."""
        return cls([WeightedNetwork(restorer, 1.0)], alone=True)

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
            Its coefficients. Without, only the networks change the picture.
        on_rows : callable
            Called with the numbers of rows done and of all rows.
        """
        if jpeg is None:
            networks = [(each.restorer, self.strength * each.weight) for each in self.networks]
            return restored_by(networks, picture, threads=self.threads, on_rows=on_rows)
        height, width, _ = picture.shape
        pool = ThreadPool(self.threads)
        restored = np.empty_like(picture)
        step = max(_STRIP_PIXELS // width // _MARGIN, 4) * _MARGIN
        for top in range(0, height, step):
            begin, end = max(top - _MARGIN, 0), min(top + step + _MARGIN, height)
            rows = self._strip(picture[begin:end], _part(jpeg, begin, end), pool)
            bottom = min(top + step, height)
            restored[top:bottom] = rows[top - begin : bottom - begin]
            on_rows(bottom, height)
        return restored

    def _strip(self, picture: Picture, jpeg: JpegPlanes, pool: ThreadPool) -> Picture:
        strip = Strip(jpeg, pool)
        luma = jpeg.planes[0]
        active = strip.active.astype(np.float32)
        shares = np.zeros_like(active)
        if self.alone:
            planes = _padded_planes(_centred(picture), strip.full[0].shape)
            strip.full[:] = planes if not jpeg.is_rgb else strip.full
        else:
            shares = active * screen_shares(strip.full[0], luma)
            strip.expand_chroma(shares)
            strip.project()
            _smooth(strip, shares, coarseness(luma.table))
        self._add_networks(strip, picture, shares)
        for _ in range(2):
            strip.project()
        height, width, _ = picture.shape
        restored = _as_rgb([plane[:height, :width] for plane in strip.full], jpeg)
        if self.strength < 1:
            restored = picture + np.float32(self.strength) * (restored - picture)
        levels = np.clip(np.rint(restored), 0, 255).astype(np.uint8)
        for pure in (0, 255):
            _purify(levels, pure, _of_pixels(shares, height, width) >= 1)
        kept = (picture == 0).all(axis=2) | (picture == 255).all(axis=2)
        kept |= ~_of_pixels(strip.active, height, width).astype(np.bool_)
        return np.where(kept[..., np.newaxis], picture, levels)

    def _add_networks(self, strip: Strip, picture: Picture, shares: FloatArray) -> None:
        """Add the networks' changes where the picture is not a screen."""
        left_out = (shares >= 1) | (strip.active == 0)
        if left_out.all() or not self.networks:
            return
        total = np.zeros(picture.shape, np.float32)
        for network, weight in ((each.restorer, each.weight) for each in self.networks):
            parts = network.changes(picture, threads=self.threads, left_out=left_out)
            total += np.float32(255 * weight) * np.concatenate(list(parts))
        total *= 1 - _of_pixels(shares, *picture.shape[:2])[..., np.newaxis]
        changes = _padded_planes(total, strip.full[0].shape)
        if strip.jpeg.is_rgb:
            for plane, change in zip(strip.full, _mixed(changes), strict=True):
                plane += change
            return
        strip.full[0] += changes[0]
        if len(strip.jpeg.planes) == 1:
            return
        if self.alone:
            strip.full[1] += changes[1]
            strip.full[2] += changes[2]
            return
        if strip.jpeg.planes[1].down * strip.jpeg.planes[1].across != 4:
            return  # the networks have learned nothing of chroma at other resolutions
        own = np.float32(_NETWORK_CHROMA) * (1 - _of_pixels(shares, *strip.full[0].shape))
        decoded = _padded_planes(_centred(picture), strip.full[0].shape)
        for plane, before, change in zip(strip.full[1:], decoded[1:], changes[1:], strict=True):
            plane += own * (before + change - plane)


def _smooth(strip: Strip, shares: FloatArray, coarse: float) -> None:
    if not shares.any():
        return
    deviation = 3.0 * coarse**0.6  # measured: the best of 1 to 50
    for index in range(_SMOOTHINGS):
        strip.smooth(shares, deviation, _CHROMA_WEIGHT, _NEARNESS)
        strip.project()
        deviation *= _CALMING
        if index == 0 and coarse > _COARSE:
            strip.expand_chroma(shares)
            strip.project()


def _purify(levels: Picture, pure: int, screen: npt.NDArray[np.bool_]) -> None:
    """Make pixels of a screen pure that nearly are, where most around them are."""
    is_pure = (levels == pure).all(axis=2)
    near = (np.abs(levels.astype(np.int16) - pure) <= _NEARLY_PURE).all(axis=2) & screen
    if not is_pure.any() or not near.any():
        return
    levels[near & (box_mean(is_pure, 3) > _MOSTLY)] = pure


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


def _centred(picture: Picture) -> FloatArray:
    """Return luma and chroma in levels as the planes have them: grey of 128 is 0 in all three."""
    middle = 128, 255 * OFFSETS[1], 255 * OFFSETS[2]
    centred: FloatArray = to_ycbcr(picture) * 255 - np.array(middle, np.float32)
    return centred


def _padded_planes(values: FloatArray, shape: tuple[int, ...]) -> list[FloatArray]:
    """Divide (height, width, 3) into planes of whole blocks; the edge is repeated."""
    more = [(0, whole - side) for whole, side in zip(shape, values.shape, strict=False)]
    return [np.ascontiguousarray(np.pad(values[..., n], more, mode="edge")) for n in range(3)]


def _mixed(changes: Sequence[FloatArray]) -> list[FloatArray]:
    """Return changes of luma and chroma as those of red, green and blue."""
    return [sum((row[n] * changes[n] for n in range(1, 3)), row[0] * changes[0]) for row in _TO_RGB]


def _as_rgb(planes: Sequence[FloatArray], jpeg: JpegPlanes) -> FloatArray:
    """Return planes as red, green and blue, 0..255."""
    if len(jpeg.planes) == 1:
        planes = [planes[0]] * 3
    elif not jpeg.is_rgb:
        planes = _mixed(planes)
    rgb: FloatArray = np.stack(planes, axis=-1) + np.float32(128)
    return rgb
