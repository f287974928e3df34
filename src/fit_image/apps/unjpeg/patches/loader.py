"""Endless batches of patches, shuffled across pictures, from folders of any size."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.apps.unjpeg.patches.extractor import PatchExtractor
from fit_image.apps.unjpeg.patches.pictures import Pairs, PictureFolder, make_pairs
from fit_image.errors import InputError
from fit_image.nn.runtime.arrays import FloatArray, aligned_zeros
from fit_image.storage.npz import number_of

# Streams of random numbers, one for each purpose.
_PICTURES, _PATCHES = 11, 12

_PLACE = ("pass", "group", "batch")


class PatchLoader:
    """Endless batches of damaged and clean patches, pass by pass through all pictures.

    In a pass, pictures come in shuffled order, and in groups whose patches are shuffled together;
    while one group is learned from, the next is read and compressed by another thread. So memory is
    bounded, whatever the folder holds. The batches follow from configuration and position alone.

    Parameters
    ----------
    folder : PictureFolder
        Its training pictures are read.
    group_pixels : int
        Pixels of the pictures whose patches are shuffled together; a larger picture is alone.

    Attributes
    ----------
    inputs, targets : float32 (batch size, values of a patch)
        The newest batch, normalised.
    """

    def __init__(
        self,
        folder: PictureFolder,
        config: UnjpegConfig,
        extractor: PatchExtractor,
        *,
        group_pixels: int = 1 << 24,
    ) -> None:
        self._group_pixels = group_pixels
        self._folder, self._config, self._extractor = folder, config, extractor
        self.inputs = aligned_zeros(config.batch_size, extractor.size)
        self.targets = aligned_zeros(config.batch_size, extractor.size)
        self.pass_index = self._group = self._batch = 0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._ahead: tuple[tuple[int, int], Future[Pairs]] | None = None
        self._groups_of_pass: tuple[int, list[npt.NDArray[np.int64]]] | None = None
        self._pairs: tuple[tuple[int, int], Pairs, npt.NDArray[np.int64]] | None = None

    def next(self) -> None:
        """Fill ``inputs`` and ``targets``; `InputError` if no group has patches for a batch."""
        size, empty = self._config.batch_size, 0
        while True:
            pairs, order = self.current_group()
            first = self._batch * size
            if first + size <= len(order):
                break
            empty = empty + 1 if self._batch == 0 else 0
            if empty > len(self.groups(self.pass_index)):
                raise InputError(
                    f"the pictures have too few patches for batches of {size}: give more pictures, "
                    "or a smaller --batch-size"
                )
            self._batch = 0
            self.pass_index, self._group = self._after(self.pass_index, self._group)
        pairs.cut(self._extractor, order[first : first + size], self.inputs, self.targets)
        self._batch += 1

    def close(self) -> None:
        """End the thread that reads ahead."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return the position of the next batch."""
        numbers = (self.pass_index, self._group, self._batch)
        return {
            f"stream_{name}": np.array(float(number))
            for name, number in zip(_PLACE, numbers, strict=True)
        }

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore `state_dict`; ValueError if there is no such group of pictures."""
        self.pass_index, self._group, self._batch = (
            int(number_of(arrays, f"stream_{name}")) for name in _PLACE
        )
        if self._group >= len(self.groups(self.pass_index)):
            raise ValueError("there is no such group of pictures")

    def _after(self, number: int, group: int) -> tuple[int, int]:
        return (number, group + 1) if group + 1 < len(self.groups(number)) else (number + 1, 0)

    def current_group(self) -> tuple[Pairs, npt.NDArray[np.int64]]:
        """Return the current group of pictures, and the order of its patches."""
        place = (self.pass_index, self._group)
        if self._pairs is None or self._pairs[0] != place:
            self._pairs = None  # before the next one needs its memory
            if self._ahead is None or self._ahead[0] != place:
                self._ahead = (place, self._reader.submit(self._read, *place))
            pairs = self._ahead[1].result()
            self._pairs = (place, pairs, self._order(pairs, *place))
            following = self._after(*place)
            self._ahead = (following, self._reader.submit(self._read, *following))
        return self._pairs[1], self._pairs[2]

    def _read(self, number: int, group: int) -> Pairs:
        chosen = self.groups(number)[group]
        pictures = [self._folder.training[index] for index in chosen]
        return make_pairs(self._folder, pictures, self._config, (number, group), shift=True)

    def _order(self, pairs: Pairs, number: int, group: int) -> npt.NDArray[np.int64]:
        rng = np.random.default_rng([self._config.seed, _PATCHES, number, group])
        count = len(pairs.starts)
        if not self._config.oversample or not count:
            return rng.permutation(count)
        chances = self._errors(pairs) ** self._config.oversample
        if not chances.sum():
            return rng.permutation(count)
        return rng.choice(count, count, p=chances / chances.sum())

    def _errors(self, pairs: Pairs) -> npt.NDArray[np.float64]:
        """Return the RMSE of each JPEG patch."""
        errors = np.empty(len(pairs.starts))
        damaged = np.empty((self._config.batch_size, self._extractor.size), np.float32)
        clean = np.empty_like(damaged)
        for first in range(0, len(errors), len(damaged)):
            part = slice(first, first + len(damaged))
            pairs.cut(self._extractor, part, damaged, clean)
            errors[part] = rmse(damaged - clean)[: len(errors) - first]
        return errors

    def groups(self, number: int) -> list[npt.NDArray[np.int64]]:
        """Return the indices of the pictures in each group of a pass."""
        known = self._groups_of_pass
        if known is None or known[0] != number:
            rng = np.random.default_rng([self._config.seed, _PICTURES, number])
            pictures = self._folder.training
            order = rng.permutation(len(pictures))
            ends = np.cumsum([pictures[index].pixels for index in order]) // self._group_pixels
            known = (number, np.split(order, np.flatnonzero(np.diff(ends)) + 1))
            self._groups_of_pass = known
        return known[1]


def rmse(differences: FloatArray) -> npt.NDArray[np.float64]:
    """Return the root mean square of every row."""
    squares = np.einsum("ij,ij->i", differences, differences)
    roots: npt.NDArray[np.float64] = np.sqrt(squares.astype(np.float64) / differences.shape[1])
    return roots
