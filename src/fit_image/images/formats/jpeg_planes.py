"""The quantised coefficients of a JPEG file, read with Pillow.

Pillow gives pixels only, but an 8x8 block of them, transformed and divided by its quantisation
table, gives the integers in the file again, if nothing was lost on the way. Three things would be
lost, and are not: the parts of blocks beyond the picture's edge, as the size in the header is
rounded up to whole blocks first (see `jpeg_blocks`); what is clipped to 0..255, as coarse tables in
the header are halved first, so that pixels stay near grey; and chroma, which is decoded at its own
resolution.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL.JpegImagePlugin import JpegImageFile

from fit_image.images.formats.jpeg_blocks import (
    BLOCK,
    LEAST_MEAN_STEP,
    LEAST_STEP,
    JpegBlocks,
    UnusualJpegError,
)
from fit_image.images.formats.jpeg_cosines import (
    COSINES_SCRATCH,
    QUANTISE_SCRATCH,
    decode_kernel,
    padded_plane,
    quantise_kernel,
    steps_of,
)
from fit_image.images.formats.limits import pixel_limit
from fit_image.nn.runtime.arrays import aligned_zeros

Floats = npt.NDArray[np.float32]

# ITU-T T.81, annex A.3.3: row u holds the samples of cosine u.
_U, _X = np.mgrid[:BLOCK, :BLOCK]
BASIS: Floats = (
    np.sqrt(np.where(_U == 0, 1, 2) / BLOCK) * np.cos((2 * _X + 1) * _U * np.pi / (2 * BLOCK))
).astype(np.float32)
"""Orthonormal discrete cosine transform: coefficients are ``BASIS @ block @ BASIS.T``."""

_STRIP_ROWS = 64


@dataclass(frozen=True, eq=False)
class Plane:
    """A component of a JPEG at its own resolution, in whole blocks.

    Attributes
    ----------
    quantised : int16 (rows, columns)
        Coefficient (u, v) of a block stands where the block's pixel (u, v) would.
    table : float32 (8, 8)
        Quantisation steps.
    down, across : int
        Pixels of the picture for one of the component's: 1, 2 or 4.
    """

    quantised: npt.NDArray[np.int16]
    table: Floats
    down: int
    across: int


@dataclass(frozen=True, eq=False)
class JpegPlanes:
    """The components of a JPEG picture.

    Attributes
    ----------
    planes : tuple of Plane
        One of grey, or three.
    is_rgb : bool
        Whether the three are red, green and blue, instead of luma and chroma.
    """

    planes: tuple[Plane, ...]
    is_rgb: bool


def read_planes(file: BinaryIO) -> JpegPlanes | None:
    """Read the coefficients of a JPEG file, of grey or three components.

    None if its components cannot be read each by itself, as they are sampled as no usual program
    does it, or a side of nearly 65,500 pixels cannot be rounded up.

    Raises
    ------
    InputError
        If it is a lossless JPEG, or of more than 8 bits.
    """
    file.seek(0)
    blocks = JpegBlocks(file.read())
    try:
        with pixel_limit():
            return _planes(blocks)
    except UnusualJpegError:
        return None


def _planes(blocks: JpegBlocks) -> JpegPlanes:
    header = JpegImageFile(io.BytesIO(blocks.of_component(0)))
    samplings = [layer[1:3] for layer in header.layer]
    most = [max(factors) for factors in zip(*samplings, strict=True)]
    ratios = [_ratio(most, sampling) for sampling in samplings]
    if ratios[0] != (1, 1) or len(ratios) not in (1, 3):
        raise UnusualJpegError
    is_rgb = len(ratios) == 3 and _is_rgb(header)
    if is_rgb and set(ratios) != {(1, 1)}:
        raise UnusualJpegError
    planes = []
    for index, (layer, ratio) in enumerate(zip(header.layer, ratios, strict=True)):
        table = np.array(header.quantization[layer[3]], np.float32).reshape(BLOCK, BLOCK)
        fine = bool(table.min() < LEAST_STEP)
        source = io.BytesIO(blocks.of_component(index, halve=not fine))
        used = table if fine else _halved(table)
        samples = _samples(JpegImageFile(source), index, ratio, is_rgb=is_rgb)
        across, down = ratio
        # What fills a group of blocks beyond the picture may be anything.
        rows, columns = (
            -(-side // (BLOCK * each)) * BLOCK
            for side, each in zip(blocks.shape, (down, across), strict=True)
        )
        quantised = _quantise(samples, used)[:rows, :columns]
        planes.append(Plane(quantised, table, down, across))
    return JpegPlanes(_of_one_size(planes), is_rgb)


def _of_one_size(planes: Sequence[Plane]) -> tuple[Plane, ...]:
    """Return planes that all cover as much of the picture, as they do where blocks are in MCUs."""
    height = max(plane.down * plane.quantised.shape[0] for plane in planes)
    width = max(plane.across * plane.quantised.shape[1] for plane in planes)
    return tuple(_extended(each, (height // each.down, width // each.across)) for each in planes)


def _extended(plane: Plane, shape: tuple[int, int]) -> Plane:
    """Return a plane with more blocks, in which the pixels at the edge are repeated."""
    for axis, side in enumerate(shape):
        more = side - plane.quantised.shape[axis]
        if more:
            last = plane.quantised.take(range(-BLOCK, 0), axis)
            edge = decoded(replace(plane, quantised=last)).take([-1], axis) + 128
            repeated = np.repeat(np.clip(edge, 0, 255), more, axis)
            parts = [plane.quantised, _quantise(repeated, plane.table)]
            plane = replace(plane, quantised=np.concatenate(parts, axis))
    return plane


def _halved(table: Floats) -> Floats:
    least = np.full_like(table, LEAST_STEP)
    least[0, 0] = LEAST_MEAN_STEP
    half: Floats = np.minimum(table, np.maximum(least, table // 2))
    return half


def _ratio(most: Sequence[int], sampling: Sequence[int]) -> tuple[int, int]:
    """Return pixels across and down for one sample of a component."""
    if any(
        top % own or top // own not in (1, 2, 4) for top, own in zip(most, sampling, strict=True)
    ):
        raise UnusualJpegError
    across, down = (top // own for top, own in zip(most, sampling, strict=True))
    if across != down and (across, down) not in _EXPANDED:
        raise UnusualJpegError
    return across, down


def _is_rgb(header: JpegImageFile) -> bool:
    """Tell the colour space of three components as libjpeg does."""
    if "jfif" in header.info:
        return False
    if "adobe" in header.info:
        return header.info.get("adobe_transform") == 0
    return bytes(layer[0] for layer in header.layer) == b"RGB"


def _samples(
    image: JpegImageFile, index: int, ratio: tuple[int, int], *, is_rgb: bool
) -> npt.NDArray[Any]:
    """Decode one component at its own resolution, in 0..255."""
    across, down = ratio
    width, height = image.size
    if is_rgb:
        return np.asarray(image.getchannel(index))
    if index == 0:
        image.draft("L", image.size)
        return np.asarray(image)
    # Scaled down while it is decoded, luma loses resolution, and chroma nothing.
    side = across if across == down else 1
    image.draft("YCbCr", (width // side, height // side))
    samples = np.asarray(image.getchannel(index))
    if samples.shape != (height // side, width // side):
        raise UnusualJpegError
    return samples if across == down else _EXPANDED[ratio](samples.astype(np.float32))


def _without_triangle(samples: Floats) -> Floats:
    """Undo libjpeg's expansion of columns to twice as many ("triangle filter").

    Each pair of columns is 3/4 of its own sample and 1/4 of the neighbour's, so that the mean of a
    pair is a tridiagonal system, solved here for all rows (Thomas's algorithm).
    """
    count = samples.shape[1] // 2
    solved = np.ascontiguousarray((samples[:, ::2] + samples[:, 1::2]).T)
    solved *= np.float32(0.5)
    upper = np.zeros(count, np.float32)
    for column in range(count):
        ends = (column == 0) + (column == count - 1)
        middle, lower = np.float32(0.75 + 0.125 * ends), np.float32(0.125 * (column > 0))
        pivot = middle - lower * upper[column - 1] if column else middle
        upper[column] = np.float32(0.125) / pivot
        if column:
            solved[column] -= lower * solved[column - 1]
        solved[column] /= pivot
    for column in range(count - 2, -1, -1):
        solved[column] -= upper[column] * solved[column + 1]
    return solved.T


def _every(step_across: int, step_down: int, samples: Floats) -> Floats:
    return samples[::step_down, ::step_across]


_EXPANDED: dict[tuple[int, int], Callable[[Floats], Floats]] = {
    (2, 1): _without_triangle,
    (1, 2): lambda samples: _without_triangle(samples.T).T,
    (4, 1): lambda samples: _every(4, 1, samples),
    (1, 4): lambda samples: _every(1, 4, samples),
}
"""By pixels across and down for a sample: how chroma comes back from full resolution."""


def _quantise(samples: npt.NDArray[Any], table: Floats) -> npt.NDArray[np.int16]:
    """Return the coefficients that decode to samples in 0..255."""
    rows, columns = samples.shape
    quantised, steps = np.empty((rows, columns), np.int16), steps_of(table)
    plane = padded_plane(min(rows, _STRIP_ROWS), columns)
    scratch = aligned_zeros(QUANTISE_SCRATCH)
    for top in range(0, rows, _STRIP_ROWS):
        part = samples[top : top + _STRIP_ROWS]
        np.subtract(part, 128, out=plane[: len(part), :columns], dtype=np.float32)
        found = quantised[top : top + _STRIP_ROWS]
        quantise_kernel(plane, steps, BASIS, found, scratch, 0, len(part) // BLOCK)
    return quantised


def decoded(plane: Plane) -> Floats:
    """Return the samples of a component, -128..127, not clipped to that."""
    rows, columns = plane.quantised.shape
    samples, scratch = padded_plane(rows, columns), aligned_zeros(COSINES_SCRATCH)
    steps, quantised = steps_of(plane.table), np.ascontiguousarray(plane.quantised)
    decode_kernel(quantised, steps, BASIS, samples, scratch, 0, rows // BLOCK)
    return samples[:, :columns]
