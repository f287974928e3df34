"""JPEG in memory: what a picture becomes when it is saved as one."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from fit_image.components import SUBSAMPLINGS
from fit_image.decoding import our_limit

# The divisors of luma in annex K.1 of ITU-T T.81, which are those of quality 50, in order of size.
_DIVISORS = np.array(
    [
        (10, 11, 12, 12, 13, 14, 14, 14, 16, 16, 16, 17, 18, 19, 22, 22),
        (24, 24, 24, 26, 29, 35, 37, 40, 40, 49, 51, 51, 55, 55, 56, 56),
        (57, 58, 60, 61, 62, 64, 64, 68, 69, 72, 77, 78, 80, 81, 87, 87),
        (92, 92, 95, 98, 99, 100, 101, 103, 103, 103, 104, 109, 112, 113, 120, 121),
    ]
).ravel()


def quality_of(picture: Image.Image) -> int | None:
    """Return about what quality a JPEG picture has, 1 to 100; None if it is no JPEG.

    It is that at which the library of the Independent JPEG Group would divide luma by as much, all
    in all.
    """
    tables = getattr(picture, "quantization", None)
    if not tables:
        return None
    total = sum(next(iter(tables.values())))
    return min(range(1, 101), key=lambda quality: abs(_divisor_sum(quality) - total))


def subsampling_of(picture: Image.Image) -> str | None:
    """Return how coarse the colours of a JPEG picture are; None if it is no JPEG, or has none."""
    if picture.format != "JPEG" or picture.mode == "L":
        return None
    found = get_sampling(picture)
    return next((name for name, number in SUBSAMPLINGS.items() if number == found), "unusual")


def _divisor_sum(quality: int) -> int:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return int(np.clip((_DIVISORS * percent + 50) // 100, 1, 255).sum())


@dataclass(frozen=True)
class Compression:
    """How a picture is compressed, by the library of the Independent JPEG Group.

    Progressive JPEGs hold the same numbers in another order, and so are the same pictures.

    Attributes
    ----------
    quality : int
        1 to 100, the scale of the Independent JPEG Group.
    subsampling : str
        A key of `SUBSAMPLINGS`.
    """

    quality: int = 85
    subsampling: str = "4:2:0"

    def damaged(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return a picture (uint8, height x width x 3) after compression."""
        file = io.BytesIO()
        Image.fromarray(picture).save(
            file,
            "JPEG",
            quality=self.quality,
            subsampling=SUBSAMPLINGS[self.subsampling],
        )
        with our_limit(), Image.open(file) as read:
            return np.asarray(read.convert("RGB"))
