"""A picture rendered in strips, and the detection of collapsed training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.painting_network import PaintingNetwork
from fit_image.errors import DivergenceError
from fit_image.images.io import to_float, to_uint8
from fit_image.nn.runtime.arrays import FloatArray

# A drop of the PSNR by this much below the best so far means that training has collapsed. Healthy
# training varies by 1 or 2 dB between epochs, and by up to 4 in the first ones.
COLLAPSE_DB = 6.0

# Errors above this PSNR are invisible, and the PSNR of a nearly perfect copy varies widely.
COLLAPSE_FROM_DB = 35.0


class VoidDrawingError(Exception):
    """Ends a drawing that nobody needs any more."""


class Drawing:
    """A drawing of a picture, and its error against the ``target`` (height, width, channels).

    Attributes
    ----------
    picture : uint8 (height, width, channels)
    rows : int
        How many of it are rendered.
    squared_error : float
        Sum over their values, clipped to 0..1.
    is_void : bool
        To be set when nobody needs the drawing any more: it ends soon, incomplete.
    """

    def __init__(self, target: npt.NDArray[Any]) -> None:
        self.picture: npt.NDArray[np.uint8] = np.empty(target.shape, dtype=np.uint8)
        self.rows = 0
        self.squared_error = 0.0
        self.is_void = False
        self._target = target.reshape(-1, target.shape[-1])

    def strips(self, network: PaintingNetwork, threads: int | None) -> Iterator[None]:
        """Render the picture, yielding after each strip."""
        squares = np.empty(0)
        for _, strip in network.render_strips(
            *network.size, threads=threads, on_part=self._compare
        ):
            if squares.size < strip.size:
                squares = np.empty(strip.size)
            # Of whole strips: the order of a sum decides how it is rounded.
            part = squares[: strip.size].reshape(strip.shape)
            self.squared_error += float(np.square(strip, out=part, dtype=np.float64).sum())
            self.rows += len(strip)
            yield

    def _compare(self, first: int, colours: FloatArray) -> None:
        """Write colours (float32, not clipped) as bytes; leave their differences in place."""
        if self.is_void:
            raise VoidDrawingError
        part = slice(first, first + len(colours))
        self.picture.reshape(self._target.shape)[part] = to_uint8(colours)
        np.clip(colours, 0.0, 1.0, out=colours)
        colours -= to_float(self._target[part])

    @property
    def psnr(self) -> float:
        """PSNR of the rendered rows against the target, in dB."""
        _, width, channels = self.picture.shape
        values = self.rows * width * channels
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
