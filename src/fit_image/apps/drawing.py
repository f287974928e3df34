"""A picture being drawn, and whether it still is a likeness."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.errors import DivergenceError
from fit_image.image import to_float, to_uint8
from fit_image.nn.runtime.arrays import FloatArray

# A picture this much worse than the best one so far is a network that broke down. Healthy training
# wavers by 1 or 2 dB from epoch to epoch, and by 4 while the first epochs find their way.
COLLAPSE_DB = 6.0

# Nobody sees errors smaller than this, and the PSNR of a nearly perfect copy wavers widely.
COLLAPSE_FROM_DB = 35.0


@dataclass
class Drawing:
    """A picture being drawn.

    Attributes
    ----------
    picture : uint8 (height, width, channels)
    rows : int
        How many are drawn.
    squared_error : float
        Sum over the drawn values, clipped to 0..1, against the target.
    """

    picture: npt.NDArray[np.uint8]
    rows: int = 0
    squared_error: float = 0.0

    def add(self, top: int, band: FloatArray, target: npt.NDArray[Any]) -> None:
        """Put the next piece (float32, colours not clipped) in its place."""
        self.picture[top : top + len(band)] = to_uint8(band)
        difference = np.clip(band, 0.0, 1.0) - to_float(target[top : top + len(band)])
        self.squared_error += float(np.square(difference, dtype=np.float64).sum())
        self.rows = top + len(band)

    @property
    def psnr(self) -> float:
        """Of the drawn rows against the target, in dB."""
        values = self.rows * self.picture.shape[1] * self.picture.shape[2]
        return -10.0 * math.log10(self.squared_error / values) if self.squared_error else math.inf

    def check_sound(self, best_psnr: float, epoch: int) -> None:
        """Raise `DivergenceError` if the complete picture, of this epoch, is no likeness any more.

        It is one as long as it is not far worse than an earlier one of ``best_psnr``.
        """
        if not math.isfinite(self.squared_error):
            raise DivergenceError(f"the network's colours are not finite in epoch {epoch}")
        psnr, best = self.psnr, min(best_psnr, COLLAPSE_FROM_DB)
        if psnr < best - COLLAPSE_DB:
            raise DivergenceError(
                f"the picture collapsed in epoch {epoch} ({psnr:.1f} dB after {best:.1f} dB)"
            )
