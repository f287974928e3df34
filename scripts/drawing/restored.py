"""Part of a picture, its JPEG, and the JPEG restored."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from drawing.gallery import Cell, draw_sheet
from fit_image import psnr, to_uint8
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.images.formats.jpeg import Compression, decompress
from fit_image.images.formats.jpeg_planes import read_planes
from fit_image.images.io import LoadedImage

PART, FACTOR = (210, 60), 4


def draw_restored(
    picture: LoadedImage, quality: int, model: Path | None, box: Iterable[int] | None
) -> Image.Image:
    """Draw a part (left, top, width, height) enlarged: clean, as JPEG and restored.

    Without a box, the part where the network gains most; without a model, the shipped one.
    """
    clean = to_uint8(picture.levels)
    restoration = Restoration(Restorer.load(model)) if model else Restoration.shipped(quality)
    data = Compression(quality).encode(clean)
    damaged = decompress(data)
    after = restoration.restore(damaged, read_planes(io.BytesIO(data)))
    pictures = {
        "the screenshot": clean,
        f"JPEG, quality {quality}: {psnr(damaged, clean):.2f} dB": damaged,
        f"restored: {psnr(after, clean):.2f} dB": after,
    }
    left, top, width, height = box or _most_improved(damaged, after, clean)
    groups: dict[str, list[Cell]] = {}
    for name, pixels in pictures.items():
        cut = pixels[top : top + height, left : left + width]
        groups[name] = [(Image.fromarray(cut.repeat(FACTOR, 0).repeat(FACTOR, 1)), "")]
    return draw_sheet(groups, 1)


def _most_improved(
    damaged: npt.NDArray[np.uint8], restored: npt.NDArray[np.uint8], clean: npt.NDArray[np.uint8]
) -> tuple[int, int, int, int]:
    """Return the part in which the squared error falls most."""
    before, after = (np.square(each.astype(np.int64) - clean) for each in (damaged, restored))
    totals = np.pad((before - after).sum(axis=2).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    height, width = clean.shape[:2]
    rows, columns = min(PART[1], height), min(PART[0], width)
    sums = totals[rows:, columns:] - totals[:-rows, columns:]
    sums -= totals[rows:, :-columns] - totals[:-rows, :-columns]
    top, left = np.unravel_index(sums.argmax(), sums.shape)
    return int(left), int(top), columns, rows
