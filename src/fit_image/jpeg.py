"""JPEG in memory: what a picture becomes when it is saved as one."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.components import SUBSAMPLINGS

# Of luma, in annex K.1 of ITU-T T.81, which is quality 50: what its 64 numbers add up to.
_STANDARD_SUM = 3688


def quality_of(picture: Image.Image) -> int | None:
    """Return about what quality a JPEG picture has, 1 to 100; None if it is no JPEG.

    It is that at which the library of the Independent JPEG Group would divide luma by as much, all
    in all.
    """
    tables = getattr(picture, "quantization", None)
    if not tables:
        return None
    percent = 100 * sum(next(iter(tables.values()))) / _STANDARD_SUM
    quality = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return min(max(round(quality), 1), 100)


@dataclass(frozen=True)
class Compression:
    """How a picture is compressed.

    Attributes
    ----------
    quality : int
        1 to 100, the scale of the Independent JPEG Group.
    subsampling : str
        A key of `SUBSAMPLINGS`.
    progressive : bool
    """

    quality: int = 85
    subsampling: str = "4:2:0"
    progressive: bool = True

    def damaged(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return a picture (uint8, height x width x 3) after compression."""
        file = io.BytesIO()
        Image.fromarray(picture).save(
            file,
            "JPEG",
            quality=self.quality,
            subsampling=SUBSAMPLINGS[self.subsampling],
            progressive=self.progressive,
        )
        with Image.open(file) as read:
            return np.asarray(read.convert("RGB"))
