"""JPEG in memory: what a picture becomes when it is saved as one."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.components import SUBSAMPLINGS


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
