"""Some rows of a JPEG picture while they are restored: planes, and what the file says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.floor.bilateral import BILATERAL_SCRATCH, bilateral_kernel
from fit_image.apps.unjpeg.floor.chroma import (
    apply_kernel,
    fit_kernel,
    grain_kernel,
    mean_kernel,
)
from fit_image.apps.unjpeg.floor.kernels import (
    SCRATCH,
    add_change_kernel,
    cube_kernel,
    project_kernel,
    shrink_kernel,
)
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.formats.jpeg_planes import BASIS, JpegPlanes, Plane, decoded
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

_NOISE = np.float32(4)
"""Added to the variance of luma, so that no slope follows its noise."""


@dataclass(eq=False)
class Strip:
    """Whole blocks of a picture.

    Attributes
    ----------
    jpeg : JpegPlanes
        Of these rows only.
    full : list of float32 (rows, columns)
        Three planes at full resolution, -128..127.
    active : uint8 (rows, columns of blocks)
        0 where a block and its neighbours are of one colour, and nothing is to be done.
    """

    jpeg: JpegPlanes
    pool: ThreadPool
    active: npt.NDArray[Any] = field(init=False)
    full: list[FloatArray] = field(init=False)

    def __post_init__(self) -> None:
        planes = self.jpeg.planes
        shape = planes[0].quantised.shape
        self.active = _active(planes)
        self._small = [decoded(plane) for plane in planes]
        self.full = [self._small[0]]
        for plane, small in zip(planes[1:], self._small[1:], strict=True):
            ratio = plane.down, plane.across
            self.full.append(small if ratio == (1, 1) else np.empty(shape, np.float32))
        while len(self.full) < 3:
            self.full.append(np.zeros(shape, np.float32))
        self._spare = [np.empty(shape, np.float32) for _ in range(3)]

    def expand_chroma(self, trusts: FloatArray) -> None:
        """Set chroma of lower resolution by regression on luma; see `fit_kernel`."""
        for index, plane in enumerate(self.jpeg.planes):
            ratio = plane.down, plane.across
            if ratio == (1, 1):
                continue
            chroma = self._small[index]
            luma, slopes, offsets = (np.empty_like(chroma) for _ in range(3))
            lines = np.empty((3, *chroma.shape), np.float32)
            small_trusts = _of_blocks(trusts, ratio, np.mean)
            self._run(shrink_kernel, chroma, self.full[0], *ratio, luma)
            grains = np.empty_like(small_trusts)
            self._run(grain_kernel, chroma, luma, grains)
            self._run(fit_kernel, chroma, luma, chroma, small_trusts, grains, _NOISE, lines)
            self._run(mean_kernel, chroma, luma, chroma, small_trusts, lines, slopes, offsets)
            self._run(
                apply_kernel,
                chroma,
                self.full[0],
                slopes,
                offsets,
                *ratio,
                self.full[index],
                scratch=2 * (chroma.shape[1] + 2),
            )

    def smooth(self, shares: FloatArray, deviation: float, chroma: float, nearness: float) -> None:
        """Filter all planes together, where shares of blocks are above 0."""
        weight = 1 / (2 * deviation**2)
        first, second = (weight / 3, weight / 3) if self.jpeg.is_rgb else (weight, chroma * weight)
        weights = np.float32(first), np.float32(second), np.float32(second)
        for plane, spare in zip(self.full, self._spare, strict=True):
            np.copyto(spare, plane)
        self._run(
            bilateral_kernel,
            self.full[0],
            tuple(self.full),
            shares,
            weights,
            np.float32(nearness),
            tuple(self._spare),
            scratch=BILATERAL_SCRATCH,
        )
        self.full, self._spare = self._spare, self.full

    def project(self) -> None:
        """Move the planes towards what the file says, and into the range of colours."""
        for index, plane in enumerate(self.jpeg.planes):
            ratio = plane.down, plane.across
            active = _of_blocks(self.active, ratio, np.max)
            constraint = (plane.quantised, plane.table, BASIS, active)
            if ratio == (1, 1):
                self._run(
                    project_kernel, self.full[index], self.full[index], *constraint, scratch=SCRATCH
                )
                continue
            small = self._small[index]
            self._run(shrink_kernel, small, self.full[index], *ratio, small)
            before = small.copy()
            self._run(project_kernel, small, small, *constraint, scratch=SCRATCH)
            self._run(add_change_kernel, small, self.full[index], *ratio, before, small)
        if self.jpeg.is_rgb or len(self.jpeg.planes) == 1:
            for colours in self.full:
                np.clip(colours, -128, 127, out=colours)
        else:
            self._run(cube_kernel, self.full[0], *self.full)

    def _run(
        self,
        kernel: Callable[..., object],
        plane: FloatArray,
        *arguments: object,
        scratch: int = 0,
    ) -> None:
        """Call a kernel in all threads, each for some of a plane's rows of blocks."""
        rows = len(plane) // BLOCK
        memory = self.pool.scratch(scratch) if scratch else []

        def work(counts: object, thread: int, threads: int) -> None:
            own = (memory[thread],) if scratch else ()
            first, last = rows * thread // threads, rows * (thread + 1) // threads
            kernel(*arguments, *own, first, last)

        self.pool.run(work)


def _of_blocks(
    values: npt.NDArray[Any], ratio: tuple[int, int], combine: Callable[..., npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """Combine values of the blocks of luma to those of a plane of lower resolution."""
    down, across = ratio
    if ratio == (1, 1):
        return values
    rows, columns = values.shape
    cells = values.reshape(rows // down, down, columns // across, across)
    return np.ascontiguousarray(combine(cells, axis=(1, 3)).astype(values.dtype))


def _active(planes: tuple[Plane, ...]) -> npt.NDArray[Any]:
    """Return 0 for blocks of one colour among such of the same, 1 for others."""
    rows, columns = (side // BLOCK for side in planes[0].quantised.shape)
    differs = np.zeros((rows, columns), bool)
    for plane in planes:
        down, across = plane.down, plane.across
        height, width = (side // BLOCK for side in plane.quantised.shape)
        blocks = plane.quantised.reshape(height, BLOCK, width, BLOCK)
        levels = blocks[:, 0, :, 0]
        varied = np.count_nonzero(blocks, axis=(1, 3)) > (levels != 0)
        edge = np.pad(levels, 1, mode="edge")
        wide = np.pad(varied, 1)
        own = varied.copy()
        for y in range(3):
            for x in range(3):
                window = slice(y, y + height), slice(x, x + width)
                own |= (edge[window] != levels) | wide[window]
        differs |= np.repeat(np.repeat(own, down, axis=0), across, axis=1)
    return differs.astype(np.uint8)
