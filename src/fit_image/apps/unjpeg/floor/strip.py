"""Some rows of a JPEG picture while they are restored: planes, and what the file says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.floor.bilateral import BILATERAL_SCRATCH, bilateral_kernel, copy_kernel
from fit_image.apps.unjpeg.floor.chroma import (
    apply_kernel,
    fit_kernel,
    grain_kernel,
    lines_size,
    mean_kernel,
)
from fit_image.apps.unjpeg.floor.kernels import (
    CLIP,
    PROJECT,
    PROJECT_SCRATCH,
    Component,
    add_change_kernel,
    project_kernel,
    shrink_kernel,
)
from fit_image.apps.unjpeg.floor.places import calibrate_kernel, measure_kernel
from fit_image.apps.unjpeg.floor.screens import block_counts
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.formats.jpeg_cosines import (
    COSINES_SCRATCH,
    decode_kernel,
    padded_plane,
    steps_of,
)
from fit_image.images.formats.jpeg_planes import BASIS, JpegPlanes, Plane
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

_NOISE = np.float32(4)
"""Added to the variance of luma, so that no slope follows its noise."""


class Smoothing(NamedTuple):
    """Of a bilateral filter: see `bilateral_kernel`.

    Attributes
    ----------
    deviation : float
        Of the differences of luma, in levels.
    chroma : float
        Weight of squared differences of chroma, of luma's.
    nearness : float
    """

    deviation: float
    chroma: float
    nearness: float


@dataclass(eq=False)
class Strip:
    """Whole blocks of a picture.

    Attributes
    ----------
    jpeg : JpegPlanes
        Of these rows only.
    active : uint8 (rows, columns of blocks)
        0 where a block and its neighbours are of one colour, and nothing is to be done.
    """

    jpeg: JpegPlanes
    pool: ThreadPool
    active: npt.NDArray[Any] = field(init=False)

    def __post_init__(self) -> None:
        planes = self.jpeg.planes
        rows, columns = planes[0].quantised.shape
        self.active = _active(planes)
        self._shape = rows, columns
        self._unit = max(each.down for each in planes), max(each.across for each in planes)
        self._active_units = of_blocks(self.active, self._unit, np.max)
        self._todo = np.empty_like(self._active_units)
        self._begin_anew()
        self._components = [self._component(each) for each in planes]
        self._planes = []
        for component in self._components:
            is_full = component.down * component.across == 1
            self._planes.append(component.plane if is_full else padded_plane(rows, columns))
        while len(self._planes) < 3:
            self._planes.append(padded_plane(rows, columns))
            self._components.append(self._components[0])

    def _component(self, plane: Plane) -> Component:
        samples, steps = padded_plane(*plane.quantised.shape), steps_of(plane.table)
        self._run(
            decode_kernel, samples, plane.quantised, steps, BASIS, samples, scratch=COSINES_SCRATCH
        )
        before = padded_plane(*samples.shape) if plane.down * plane.across > 1 else samples
        quantised = np.ascontiguousarray(plane.quantised)
        return Component(
            samples, before, quantised, steps, plane.down, plane.across, np.float32(0.5)
        )

    @property
    def full(self) -> list[FloatArray]:
        """Three planes at full resolution, -128..127: float32 (rows, columns), views."""
        return [plane[:, : self._shape[1]] for plane in self._planes]

    @property
    def planes(self) -> list[FloatArray]:
        """Those of `full` as kernels take them, with padding; of grey, three times the same."""
        return self._planes[:1] * 3 if len(self.jpeg.planes) == 1 else self._planes

    def replace(self, planes: Sequence[FloatArray]) -> None:
        """Replace the colours."""
        for own, plane in zip(self.full, planes, strict=True):
            np.copyto(own, plane)
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Let `project` begin with all units, as colours have changed."""
        self._todo[:] = np.where(self._active_units, PROJECT, CLIP)

    def expand_chroma(self, trusts: FloatArray) -> None:
        """Set chroma of lower resolution by regression on luma; see `fit_kernel`."""
        for index, component in enumerate(self._components):
            if component.down * component.across == 1:
                continue
            chroma, luma_plane = component.plane, self._planes[0]
            luma, slopes, offsets, *fitted = (padded_plane(*chroma.shape) for _ in range(6))
            small_trusts = of_blocks(trusts, (component.down, component.across), np.mean)
            grains = np.empty_like(small_trusts)
            scratch = lines_size(chroma.shape[1])
            self._run(shrink_kernel, chroma, luma_plane, component._replace(before=luma))
            self._run(grain_kernel, chroma, luma, grains, scratch=scratch)
            both, lines = (luma, chroma), tuple(fitted)
            self._run(
                fit_kernel, chroma, both, small_trusts, grains, _NOISE, lines, scratch=scratch
            )
            self._run(
                mean_kernel, chroma, both, small_trusts, lines, slopes, offsets, scratch=scratch
            )
            self._run(
                apply_kernel,
                chroma,
                luma_plane,
                slopes,
                offsets,
                component,
                self._planes[index],
                scratch=scratch,
            )
            self._begin_anew()

    def empty_planes(self) -> tuple[FloatArray, ...]:
        """Return memory for `smooth`."""
        return tuple(padded_plane(*plane.shape) for plane in self._planes)

    def smooth(
        self,
        shares: FloatArray,
        smoothing: Smoothing,
        results: tuple[FloatArray, ...],
    ) -> None:
        """Filter all planes together, where shares of blocks are above 0."""
        deviation, chroma, nearness = smoothing
        weight = 1 / (2 * deviation**2)
        first, second = (weight / 3, weight / 3) if self.jpeg.is_rgb else (weight, chroma * weight)
        weights = np.float32(first), np.float32(second), np.float32(second)
        planes = tuple(self._planes)
        self._run(
            bilateral_kernel,
            planes[0],
            planes,
            shares,
            weights,
            np.float32(nearness),
            results,
            scratch=BILATERAL_SCRATCH,
        )
        self._run(copy_kernel, planes[0], results, shares, planes)
        self._todo[of_blocks(shares, self._unit, np.max) > 0] = PROJECT

    def measure_places(self) -> list[FloatArray]:
        """Measure how far the blocks of each component are from what the file tells.

        Returns
        -------
        list of float32 (rows, columns of blocks, 2)
            See `measure_kernel`; 0 where nothing is to be done.
        """
        results = []
        for plane, component, active in self._sources():
            measures = np.zeros((*active.shape, 2), np.float32)
            self._run(
                measure_kernel,
                component.plane,
                self._samples(plane, component),
                component,
                active,
                BASIS,
                measures,
                scratch=COSINES_SCRATCH,
            )
            results.append(measures)
        return results

    def calibrate(self, factors: Sequence[FloatArray]) -> None:
        """Move the coefficients of each component to calibrated places; see `calibrate_kernel`."""
        for (plane, component, active), own in zip(self._sources(), factors, strict=True):
            samples = self._samples(plane, component)
            self._run(
                calibrate_kernel,
                component.plane,
                samples,
                component,
                active,
                own,
                BASIS,
                scratch=COSINES_SCRATCH,
            )
            if component.down * component.across > 1:
                self._run(add_change_kernel, component.plane, plane, component)
        self._begin_anew()

    def _sources(self) -> Iterator[tuple[FloatArray, Component, npt.NDArray[Any]]]:
        """Yield each component's plane at full resolution, itself, and its active blocks."""
        for plane, component, _ in zip(
            self._planes, self._components, self.jpeg.planes, strict=False
        ):
            ratio = component.down, component.across
            yield plane, component, of_blocks(self.active, ratio, np.max)

    def _samples(self, plane: FloatArray, component: Component) -> FloatArray:
        """Return a plane at the resolution of its component."""
        if component.down * component.across == 1:
            return plane
        self._run(shrink_kernel, component.plane, plane, component)
        return component.before

    def project(self, reach: float = 0.5) -> None:
        """Move the planes towards what the file says, and into the range of colours.

        Parameters
        ----------
        reach : float
            How far coefficients may be from the middles of their intervals, in quantisation steps.
        """
        is_luma = len(self.jpeg.planes) > 1, len(self.jpeg.planes) > 1 and not self.jpeg.is_rgb
        self._run(
            project_kernel,
            self._planes[0],
            tuple(self._planes),
            tuple(each._replace(reach=np.float32(reach)) for each in self._components),
            is_luma,
            BASIS,
            self._todo,
            scratch=PROJECT_SCRATCH,
            unit=self._unit[0],
        )

    def _run(
        self,
        kernel: Callable[..., object],
        plane: FloatArray,
        *arguments: object,
        scratch: int = 0,
        unit: int = 1,
    ) -> None:
        """Call a kernel in all threads, each for some of a plane's rows of blocks or units."""
        rows = len(plane) // (BLOCK * unit)
        memory = self.pool.scratch(scratch) if scratch else []

        def work(counts: object, thread: int, threads: int) -> None:
            own = (memory[thread],) if scratch else ()
            first, last = rows * thread // threads, rows * (thread + 1) // threads
            kernel(*arguments, *own, first, last)

        self.pool.run(work)


def of_blocks(
    values: npt.NDArray[Any], ratio: tuple[int, int], combine: Callable[..., npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """Combine values of the blocks of luma to those of a plane of lower resolution."""
    down, across = ratio
    if ratio == (1, 1):
        return values
    rows, columns, *others = values.shape
    cells = values.reshape(rows // down, down, columns // across, across, *others)
    return np.ascontiguousarray(combine(cells, axis=(1, 3)).astype(values.dtype))


def _active(planes: tuple[Plane, ...]) -> npt.NDArray[Any]:
    """Return 0 for blocks of one colour among such of the same, 1 for others."""
    rows, columns = (side // BLOCK for side in planes[0].quantised.shape)
    differs = np.zeros((rows, columns), bool)
    for plane in planes:
        down, across = plane.down, plane.across
        levels = plane.quantised[::BLOCK, ::BLOCK]
        height, width = levels.shape
        varied = block_counts(plane.quantised) > (levels != 0)
        edge = np.pad(levels, 1, mode="edge")
        wide = np.pad(varied, 1)
        own = varied.copy()
        for y in range(3):
            for x in range(3):
                window = slice(y, y + height), slice(x, x + width)
                own |= (edge[window] != levels) | wide[window]
        differs |= np.repeat(np.repeat(own, down, axis=0), across, axis=1)
    return differs.astype(np.uint8)
