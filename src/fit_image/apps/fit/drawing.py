"""A picture rendered in strips, and the detection of collapsed training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.pixels.hold_out import HeldOut
from fit_image.errors import DivergenceError
from fit_image.images.colours import to_float, to_uint8
from fit_image.nn.runtime.arrays import FloatArray

# A drop of the PSNR by this much below the best so far means that training has collapsed. Healthy
# training varies by 1 or 2 dB between epochs, and by up to 4 in the first ones.
COLLAPSE_DB = 6.0

# Errors above this PSNR are invisible, and the PSNR of a nearly perfect copy varies widely.
COLLAPSE_FROM_DB = 35.0


class VoidDrawingError(Exception):
    """Ends a drawing that nobody needs any more."""


class Fidelity(NamedTuple):
    """PSNR of a drawing in dB; that of the pixels never shown is None where all are."""

    psnr: float
    unseen_psnr: float | None = None


class Drawing:
    """A drawing of a picture, and its error against the ``target`` (height, width, channels).

    Attributes
    ----------
    picture : uint8 (height, width, channels)
    rows : int
        How many of it are rendered.
    squared_error : float
        Sum over their values, clipped to 0..1, without pixels that are ``held_out``.
    unseen_squared_error : float
        The same sum over pixels that are.
    is_void : bool
        To be set when nobody needs the drawing any more: it ends soon, incomplete.
    """

    def __init__(self, target: npt.NDArray[Any], held_out: HeldOut | None = None) -> None:
        self.picture: npt.NDArray[np.uint8] = np.empty(target.shape, dtype=np.uint8)
        self.rows = 0
        self.squared_error = self.unseen_squared_error = 0.0
        self.is_void = False
        self._target = target.reshape(-1, target.shape[-1])
        self._mask = None if held_out is None else held_out.mask

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
            np.square(strip, out=part, dtype=np.float64)
            if self._mask is not None:
                mask = self._mask[self.rows : self.rows + len(strip)]
                self.unseen_squared_error += float(part[mask].sum())
                part = part[~mask]
            self.squared_error += float(part.sum())
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
        """PSNR of the rendered rows against the target, in dB, of the pixels that are shown."""
        return self._decibels(self.squared_error, self._pixels - self._unseen_pixels)

    @property
    def unseen_psnr(self) -> float | None:
        """PSNR of the pixels that are never shown; None if all are."""
        if self._mask is None:
            return None
        return self._decibels(self.unseen_squared_error, self._unseen_pixels)

    @property
    def fidelity(self) -> Fidelity:
        """Both PSNRs."""
        return Fidelity(self.psnr, self.unseen_psnr)

    @property
    def _pixels(self) -> int:
        return self.rows * int(self.picture.shape[1])

    @property
    def _unseen_pixels(self) -> int:
        return 0 if self._mask is None else int(self._mask[: self.rows].sum())

    def _decibels(self, squared_error: float, pixels: int) -> float:
        values = pixels * self.picture.shape[2]
        return -10.0 * math.log10(squared_error / values) if squared_error else math.inf

    def check_sound(self, best_psnr: float, epoch: int) -> None:
        """Raise `DivergenceError` if the complete picture of this epoch shows a collapse.

        That is a PSNR far below ``best_psnr``, the best so far, or a colour that is not finite.
        """
        if not math.isfinite(self.squared_error + self.unseen_squared_error):
            raise DivergenceError(f"the network's colours are not finite in epoch {epoch}")
        psnr, best = self.psnr, min(best_psnr, COLLAPSE_FROM_DB)
        if psnr < best - COLLAPSE_DB:
            raise DivergenceError(
                f"the picture collapsed in epoch {epoch} ({psnr:.1f} dB after {best:.1f} dB)"
            )
