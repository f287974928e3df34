"""A picture rendered in strips, and the detection of collapsed training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.errors import DivergenceError
from fit_image.images.io import to_float, to_uint8
from fit_image.nn.runtime.arrays import FloatArray

# A drop of the PSNR by this much below the best so far means that training has collapsed. Healthy
# training varies by 1 or 2 dB between epochs, and by up to 4 in the first ones.
COLLAPSE_DB = 6.0

# Errors above this PSNR are invisible, and the PSNR of a nearly perfect copy varies widely.
COLLAPSE_FROM_DB = 35.0


@dataclass
class Drawing:
    """A ``picture`` (height, width, channels) of which ``rows`` are rendered.

    Their values, clipped to 0..1, have the sum of ``squared_error`` against the target.
    """

    picture: npt.NDArray[np.uint8]
    rows: int = 0
    squared_error: float = 0.0

    def add(self, top: int, strip: FloatArray, target: npt.NDArray[Any]) -> None:
        """Add the next strip (float32, colours not clipped)."""
        self.picture[top : top + len(strip)] = to_uint8(strip)
        difference = np.clip(strip, 0.0, 1.0) - to_float(target[top : top + len(strip)])
        self.squared_error += float(np.square(difference, dtype=np.float64).sum())
        self.rows = top + len(strip)

    @property
    def psnr(self) -> float:
        """PSNR of the rendered rows against the target, in dB."""
        values = self.rows * self.picture.shape[1] * self.picture.shape[2]
        return -10.0 * math.log10(self.squared_error / values) if self.squared_error else math.inf

    def check_sound(self, best_psnr: float, epoch: int) -> None:
        """Raise `DivergenceError` if the complete picture of this epoch shows a collapse.

        That is a PSNR far below ``best_psnr``, the best so far, or a colour that is not finite.
        """
        if not math.isfinite(self.squared_error):
            raise DivergenceError(f"the network's colours are not finite in epoch {epoch}")
        psnr, best = self.psnr, min(best_psnr, COLLAPSE_FROM_DB)
        if psnr < best - COLLAPSE_DB:
            raise DivergenceError(
                f"the picture collapsed in epoch {epoch} ({psnr:.1f} dB after {best:.1f} dB)"
            )
