"""Damage of clean pictures, of all kinds that JPEG does, and what the filters make of it."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.apps.unjpeg.floor.filtering import filter_strip
from fit_image.apps.unjpeg.floor.strip import Strip
from fit_image.apps.unjpeg.residual.features import Damage
from fit_image.images.formats.jpeg import decompress
from fit_image.images.formats.jpeg_planes import JpegPlanes, read_planes
from fit_image.images.ycbcr import FROM_RGB
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

Picture = npt.NDArray[np.uint8]

SIDE = 256
"""Of a crop, in pixels."""

SLACK = 16
"""Rows and columns beyond it, so that the blocks of an earlier JPEG lie elsewhere."""

_QUALITIES, _COARSE_QUALITIES = (5, 98), (5, 14)
_SAMPLINGS = ("4:2:0",) * 13 + ("4:4:4",) * 4 + ("4:2:2",) + ("grey",) * 2
_COARSE_SAMPLINGS = ("4:2:0",) * 5 + ("4:4:4",) * 4 + ("4:2:2",) + ("grey",) * 6
_POWERS = 0.0, 1.2
"""Of frequencies, with which the steps of own tables grow."""

_USUAL_RATIOS, _ODD_RATIOS = (1.0, 2.0), (-4.0, 4.0)
"""Of chroma's steps to luma's; and of odd tables, the logarithms to base 2."""

_OWN_TABLES, _SAVED_TWICE, _PIXELS_ONLY = 0.12, 0.12, 0.08


class Crop(NamedTuple):
    """A part of a picture: float16 and uint8, levels around 0.

    ``filtered`` and ``clean`` are luma and chroma (3, rows, columns), ``decoded`` luma alone.
    """

    filtered: npt.NDArray[np.float16]
    decoded: npt.NDArray[np.float16]
    clean: npt.NDArray[np.float16]
    damage: Damage


def damage_crop(clean: Picture, rng: np.random.Generator) -> Crop | None:
    """Compress and filter a crop of `SIDE` + `SLACK` pixels; None if it cannot be read again."""
    data, clean, is_grey = compress(clean, rng)
    jpeg = read_planes(io.BytesIO(data))
    if jpeg is None:
        return None
    target = as_planes(clean)
    if is_grey:
        target[1:] = 0
    if rng.random() < _PIXELS_ONLY:
        return _of_pixels(data, jpeg, target, rng)
    strip = Strip(jpeg, ThreadPool(1))
    decoded = strip.full[0].astype(np.float16)
    filter_strip(strip)
    filtered = np.stack(strip.full).astype(np.float16)
    return Crop(filtered, decoded, target.astype(np.float16), Damage.of(jpeg))


def compress(
    clean: Picture, rng: np.random.Generator, odd: float = 0.0, *, is_coarse: bool = False
) -> tuple[bytes, Picture, bool]:
    """Compress a crop in one of many ways.

    Parameters
    ----------
    odd : float
        Share of crops with chroma that is far finer or coarser than luma.
    is_coarse : bool
        Whether the quality is one of the lowest, and the crop more often grey.

    Returns
    -------
    bytes
        A JPEG, of `SLACK` fewer rows and columns.
    uint8 (rows, columns, 3)
        Clean, as many.
    bool
        Whether the JPEG is grey.
    """
    lowest, highest = _COARSE_QUALITIES if is_coarse else _QUALITIES
    quality = int(rng.integers(lowest, highest + 1))
    samplings = _COARSE_SAMPLINGS if is_coarse else _SAMPLINGS
    sampling = samplings[rng.integers(len(samplings))]
    seen, shift = clean, (0, 0)
    if rng.random() < _SAVED_TWICE:
        earlier = int(rng.integers(max(quality - 25, 30), 98))
        seen = decompress(_encode(clean, rng.choice(["4:2:0", "4:4:4"]), quality=earlier))
        shift = tuple(rng.integers(0, SLACK, 2))
    window = tuple(
        slice(begin, begin + size - SLACK) for begin, size in zip(shift, clean.shape, strict=False)
    )
    seen, clean = (np.ascontiguousarray(each[window]) for each in (seen, clean))
    options: dict[str, Any] = {"quality": quality}
    if rng.random() < _OWN_TABLES:
        options = {
            "qtables": _own_tables(quality, rng.uniform(*_POWERS), rng.uniform(*_USUAL_RATIOS))
        }
    if odd and rng.random() < odd:
        ratio = 2 ** rng.uniform(*_ODD_RATIOS)
        options = {"qtables": _own_tables(quality, rng.uniform(*_POWERS), ratio)}
    return _encode(seen, sampling, **options), clean, sampling == "grey"


def _of_pixels(
    data: bytes, jpeg: JpegPlanes, target: FloatArray, rng: np.random.Generator
) -> Crop | None:
    """Return a crop as a program sees it that knows the pixels only, and not where blocks lie."""
    planes = as_planes(decompress(data))
    turn = int(rng.integers(4)), bool(rng.integers(2))
    parts = []
    for each in (planes, target):
        turned = np.rot90(each, turn[0], axes=(1, 2))
        parts.append((turned[:, :, ::-1] if turn[1] else turned).astype(np.float16))
    damage = Damage.of(jpeg)._replace(has_blocks=False)
    return Crop(parts[0], parts[0][0], parts[1], damage)


def as_planes(picture: Picture) -> FloatArray:
    """Return luma and chroma (3, rows, columns) in levels around 0."""
    planes: FloatArray = np.einsum("ij,yxj->iyx", FROM_RGB.astype(np.float32), picture)
    planes[0] -= 128
    return planes


def _encode(picture: Picture, sampling: str, **options: Any) -> bytes:
    file, image = io.BytesIO(), Image.fromarray(picture)
    if sampling == "grey":
        tables = {"qtables": options["qtables"][:1]} if "qtables" in options else options
        image.convert("L").save(file, "JPEG", **tables)
    else:
        image.save(file, "JPEG", subsampling=sampling, **options)
    return file.getvalue()


def _own_tables(quality: int, power: float, ratio: float) -> list[list[int]]:
    """Return tables as other programs have them: flat, or growing with the frequency."""
    frequency = 1 + np.add.outer(np.arange(8), np.arange(8))
    step = ((100 - quality) / 3 + 1) / 2
    tables = (np.rint(factor * step * frequency**power) for factor in (1, ratio))
    return [np.clip(each, 1, 255).astype(int).ravel().tolist() for each in tables]
