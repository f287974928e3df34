"""JPEG compression in memory, and the quality of JPEG files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from fit_image.config.registry import SUBSAMPLINGS
from fit_image.images import signatures
from fit_image.images.formats.limits import pixel_limit

# Luma quantisation table of ITU-T T.81, annex K.1 (quality 50), sorted.
_LUMA_TABLE = np.array(
    [
        (10, 11, 12, 12, 13, 14, 14, 14, 16, 16, 16, 17, 18, 19, 22, 22),
        (24, 24, 24, 26, 29, 35, 37, 40, 40, 49, 51, 51, 55, 55, 56, 56),
        (57, 58, 60, 61, 62, 64, 64, 68, 69, 72, 77, 78, 80, 81, 87, 87),
        (92, 92, 95, 98, 99, 100, 101, 103, 103, 103, 104, 109, 112, 113, 120, 121),
    ]
).ravel()


def is_jpeg(file: BinaryIO) -> bool:
    """Tell whether an open file begins as a JPEG does."""
    return file.read(len(signatures.JPEG)) == signatures.JPEG


def quality_of(picture: Image.Image) -> int | None:
    """Estimate the quality of a JPEG picture, 1 to 100; None if it is not a JPEG.

    The quality at which the sum of the Independent JPEG Group's luma table is nearest to that of
    the picture's.
    """
    if not isinstance(picture, JpegImageFile):
        return None
    luma = picture.layer[0][3]  # the table of the first component
    total = sum(picture.quantization[luma])
    return min(range(1, 101), key=lambda quality: abs(_table_sum(quality) - total))


def subsampling_of(picture: Image.Image) -> str | None:
    """Return the chroma subsampling of a JPEG picture; None if it is not a JPEG, or is grey.

    Cameras' files of several pictures (MPO) are JPEGs, too.
    """
    if not isinstance(picture, JpegImageFile) or picture.mode == "L":
        return None
    found = get_sampling(picture)
    return next((name for name, number in SUBSAMPLINGS.items() if number == found), "unusual")


def _table_sum(quality: int) -> int:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return int(np.clip((_LUMA_TABLE * percent + 50) // 100, 1, 255).sum())


@dataclass(frozen=True)
class Compression:
    """Settings of JPEG compression by libjpeg.

    ``quality`` is 1 to 100, on the scale of the Independent JPEG Group; ``subsampling`` a key of
    `SUBSAMPLINGS`. Baseline and progressive files decode to the same pixels, so there is no such
    setting.
    """

    quality: int = 85
    subsampling: str = "4:2:0"

    def apply(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Compress and decompress a picture (uint8, height x width x 3)."""
        return decompress(self.encode(picture))

    def encode(self, picture: npt.NDArray[np.uint8]) -> bytes:
        """Return a picture (uint8, height x width x 3) as a JPEG file."""
        file = io.BytesIO()
        subsampling = SUBSAMPLINGS[self.subsampling]
        Image.fromarray(picture).save(file, "JPEG", quality=self.quality, subsampling=subsampling)
        return file.getvalue()


def decompress(data: bytes) -> npt.NDArray[np.uint8]:
    """Return the pixels of a JPEG file, uint8 (height, width, 3)."""
    with pixel_limit(), Image.open(io.BytesIO(data)) as decoded:
        return np.asarray(decoded.convert("RGB"))


def tables_of_quality(quality: int) -> tuple[npt.NDArray[np.float32], ...]:
    """Return libjpeg's quantisation tables (8, 8) for luma and chroma, at a quality of 1 to 100."""
    smallest = Compression(quality).encode(np.zeros((1, 1, 3), np.uint8))
    with Image.open(io.BytesIO(smallest)) as picture:
        assert isinstance(picture, JpegImageFile)
        tables = picture.quantization
    return tuple(np.array(tables[index], np.float32).reshape(8, 8) for index in (0, 1))
