"""A trained network that restores whole pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.config import LARGEST_BLOCK, STEP
from fit_image.apps.unjpeg.network import count_params, layer_rows, make_network
from fit_image.apps.unjpeg.patches.extractor import PatchExtractor, are_flat, padded
from fit_image.apps.unjpeg.patches.kernels import add_kernel
from fit_image.config.layer_spec import MAX_LAYERS, MAX_WIDTH
from fit_image.images.ycbcr import from_ycbcr, to_ycbcr
from fit_image.nn.network import Network, NetworkCache
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.runs.model_file import reading_model
from fit_image.storage.npz import (
    array_like,
    number_of,
    texts_of,
    vector_of,
    whole_number_of,
    write_archive,
)

FORMAT_VERSION = 1

_KNOWN = "block|mean|deviation|widths|difference|quality|numbers"

_BATCH = 512
"""Patches that pass through the network at once."""


@dataclass(frozen=True, eq=False)
class Restorer:
    """A network and the extractor of its patches.

    Attributes
    ----------
    network : Network
        Of `make_network`.
    difference : bool
        Whether its outputs are added to its inputs.
    quality : str
        Of the JPEG pictures from which it was trained.
    strength : float
        Factor of the changes, 0..1.
    """

    extractor: PatchExtractor
    network: Network
    difference: bool
    quality: str
    strength: float = 1.0

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of the hidden layers."""
        return tuple(layer.out_shape[0] for layer in self.network.layers[:-1])

    def restore(
        self,
        picture: npt.NDArray[np.uint8],
        *,
        threads: int | None = None,
        on_rows: Callable[[int, int], None] = lambda done, total: None,
    ) -> npt.NDArray[np.uint8]:
        """Return an estimate of a picture before compression.

        Patches are taken every 8 pixels, and each pixel is the mean of those that cover it. A patch
        of a single colour stays as it is. Rows of patches are restored one after the other, so that
        little memory is needed beside the picture.

        Parameters
        ----------
        picture : uint8 (height, width, 3)
            Of any size.
        threads : int, optional
            Default: all cores. Does not change the result.
        on_rows : callable
            Called with the numbers of rows done and of all rows.
        """
        restored = np.empty_like(picture)
        top = 0
        for changes in self.changes(picture, threads=threads):
            rows = slice(top, top + len(changes))
            restored[rows] = from_ycbcr(to_ycbcr(picture[rows]) + changes)
            top = rows.stop
            on_rows(top, len(picture))
        return restored

    def changes(
        self,
        picture: npt.NDArray[np.uint8],
        *,
        threads: int | None = None,
    ) -> Iterator[FloatArray]:
        """Yield what `restore` adds to Y, Cb and Cr, in 0..1, a few rows at a time."""
        block = self.extractor.block
        height, width, _ = picture.shape
        whole = padded(picture, block)
        cache = self.network.make_cache(_BATCH, ThreadPool(threads))
        rows, columns, _ = whole.shape
        begin = 3 * np.arange(0, columns - block + 1, STEP)
        across = _cover(columns, block)[:width]
        down = _cover(rows, block)
        sums = np.zeros((block, 3 * columns), np.float32)
        for top in range(0, rows - block + 1, STEP):
            band = np.ascontiguousarray(whole[top : top + block]).ravel()
            self._add_changes(band, begin, cache, sums)
            # The rows that no later patch covers.
            last = top + STEP > rows - block
            done = min(block if last else STEP, height - top)
            counts = down[top : top + done, np.newaxis] * across
            yield sums[:done].reshape(done, columns, 3)[:, :width] / counts[..., np.newaxis]
            sums = np.concatenate([sums[STEP:], np.zeros((STEP, 3 * columns), np.float32)])

    def _add_changes(
        self,
        band: npt.NDArray[np.uint8],
        begin: npt.NDArray[np.int64],
        cache: NetworkCache,
        sums: FloatArray,
    ) -> None:
        """Add the network's changes of a row of patches to the sums (rows, columns * 3)."""
        extractor, stride = self.extractor, sums.shape[1]
        strides = np.full(len(begin), stride)
        begin = begin[~are_flat(band, begin, strides, extractor.block)]
        for first in range(0, len(begin), _BATCH):
            starts = begin[first : first + _BATCH]
            patches = np.empty((len(starts), extractor.size), np.float32)
            extractor.cut(band, starts, strides[: len(starts)], patches)
            outputs = self.network.forward(patches, cache)
            changes = outputs.copy() if self.difference else outputs - patches
            np.clip(changes, extractor.lowest - patches, extractor.highest - patches, out=changes)
            changes *= np.float32(self.strength * extractor.deviation)
            add_kernel(changes, starts, stride, extractor.block, sums.reshape(-1))

    def save(self, path: Path, *, half: bool = False) -> None:
        """Write the model file, with parameters in half precision if ``half``."""
        numbers = np.concatenate([rows.ravel() for rows in layer_rows(self.network)])
        arrays: dict[str, npt.ArrayLike] = {
            "block": np.int64(self.extractor.block),
            "mean": np.float64(self.extractor.mean),
            "deviation": np.float64(self.extractor.deviation),
            "widths": np.array(self.widths, dtype=np.int64),
            "difference": np.int64(self.difference),
            "quality": np.array(self.quality),
            "numbers": numbers.astype(np.float16 if half else np.float32),
        }
        write_archive(path, "unjpeg", FORMAT_VERSION, arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model file, or a run's; `InputError` if it is missing or damaged."""
        with reading_model(path, "unjpeg", FORMAT_VERSION, "a trained network", _KNOWN) as arrays:
            block, difference = (whole_number_of(arrays, n) for n in ("block", "difference"))
            mean = float(array_like(arrays, "mean", np.array(0.0)))
            deviation = number_of(arrays, "deviation")
            widths = tuple(vector_of(arrays, "widths", np.int64).tolist())
            (quality,) = texts_of(arrays, "quality")
            if not STEP <= block <= LARGEST_BLOCK or block % STEP:
                raise ValueError(f"invalid block: {block}")
            if len(widths) > MAX_LAYERS or not all(1 <= width <= MAX_WIDTH for width in widths):
                raise ValueError("invalid layer widths")
            if deviation == 0:
                raise ValueError("invalid deviation")
            # Before the network is made, which forged widths might make huge.
            if len(arrays["numbers"].reshape(-1)) != count_params(block, widths):
                raise ValueError("the widths do not fit the number of weights")
            network = make_network(block, widths)
            arrays["numbers"] = arrays["numbers"].astype(np.float32)
            numbers = array_like(arrays, "numbers", np.empty(network.num_params, np.float32))
            start = 0
            for rows in layer_rows(network):
                rows[:] = numbers[start : start + rows.size].reshape(rows.shape)
                start += rows.size
            return cls(PatchExtractor(block, mean, deviation), network, bool(difference), quality)


def _cover(length: int, block: int) -> FloatArray:
    """Return how many patches cover each row or column."""
    counts = np.zeros(length, np.float32)
    for start in range(0, length - block + 1, STEP):
        counts[start : start + block] += 1
    return counts
