"""Positions of patches in pictures, and their normalised values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.config import STEP
from fit_image.apps.unjpeg.patches.kernels import cut_kernel, flat_kernel
from fit_image.images.ycbcr import FROM_RGB, OFFSETS
from fit_image.nn.runtime.arrays import FloatArray

Starts = npt.NDArray[np.int64]


def padded(picture: npt.NDArray[np.uint8], block: int) -> npt.NDArray[np.uint8]:
    """Pad a picture with its last row and column to whole blocks of JPEG, ``block`` at least."""
    height, width, _ = picture.shape
    more = [max(-(-side // STEP) * STEP, block) - side for side in (height, width)]
    return np.pad(picture, ((0, more[0]), (0, more[1]), (0, 0)), mode="edge")


def patch_starts(height: int, width: int, block: int) -> Starts:
    """Return the starts of the patches of a padded picture, as indices of its flat values."""
    rows = np.arange(0, height - block + 1, STEP)
    columns = np.arange(0, width - block + 1, STEP)
    return (3 * (rows[:, np.newaxis] * width + columns)).ravel()


def are_flat(
    levels: npt.NDArray[np.uint8], starts: Starts, strides: Starts, block: int
) -> npt.NDArray[np.bool_]:
    """Return whether each patch has a single colour; arguments as in `PatchExtractor.cut`."""
    flat = np.empty(len(starts), dtype=np.bool_)
    flat_kernel(levels, starts, strides, block, flat)
    return flat


@dataclass(frozen=True)
class PatchExtractor:
    """Cuts patches and normalises them: Y, Cb and Cr with about mean 0 and deviation 1.

    Attributes
    ----------
    mean, deviation : float
        Of Y, Cb and Cr in 0..1, all together.
    """

    block: int
    mean: float
    deviation: float

    @property
    def size(self) -> int:
        """Values of a patch."""
        return 3 * self.block * self.block

    @property
    def lowest(self) -> float:
        """The normalised value of 0."""
        return -self.mean / self.deviation

    @property
    def highest(self) -> float:
        """The normalised value of 1."""
        return (1.0 - self.mean) / self.deviation

    def cut(
        self,
        levels: npt.NDArray[np.uint8],
        starts: Starts,
        strides: Starts,
        patches: FloatArray,
    ) -> None:
        """Extract patches.

        Parameters
        ----------
        levels : uint8, flat
            Pixels of red, green and blue.
        starts, strides : int64 (count,)
            Start and row stride of each patch.
        patches : float32 (count, size)
        """
        matrix = (FROM_RGB / (255 * self.deviation)).astype(np.float32)
        offsets = ((OFFSETS - self.mean) / self.deviation).astype(np.float32)
        cut_kernel(levels, starts, strides, self.block, matrix, offsets, patches)
