"""Clean pictures in a folder, split for training and validation, and their JPEG versions."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.config import STEP, UnjpegConfig
from fit_image.apps.unjpeg.patches.extractor import (
    PatchExtractor,
    Starts,
    are_flat,
    padded,
    patch_starts,
)
from fit_image.config.layer_spec import parse_qualities
from fit_image.datasets.folder import describe_unreadable, folder_contents
from fit_image.errors import InputError
from fit_image.images.colours import to_uint8
from fit_image.images.decoding import reading
from fit_image.images.formats.jpeg import Compression
from fit_image.images.formats.opening import Remark, RemarkCounts, image_size
from fit_image.images.io import load_image
from fit_image.images.ycbcr import to_ycbcr
from fit_image.nn.runtime.arrays import FloatArray

VALIDATION_SHARE = 0.25
"""Share of the pictures that validate."""

_LARGEST_SIDE = 4096
"""Largest rows and columns of a picture used in one pass; another pass uses others."""

_MEASURED = 200
"""Largest number of pictures from which mean and deviation are measured."""

# Streams of random numbers, one for each purpose.
_SPLIT, _DAMAGE = 1, 2


class CleanPicture(NamedTuple):
    """A picture's file, and how many pixels it has."""

    file: Path
    pixels: int


@dataclass(frozen=True, eq=False)
class PictureFolder:
    """Clean pictures, for training and for validation.

    Attributes
    ----------
    skipped : tuple of Path
        Files that are not pictures, or smaller than a block.
    damaged : set of Path
        Pictures that could not be decoded so far.
    remarks : dict of Path to sequence of Remark
        What must be said about the pictures that were decoded so far.
    """

    path: Path
    training: tuple[CleanPicture, ...]
    validation: tuple[CleanPicture, ...]
    skipped: tuple[Path, ...]
    damaged: set[Path] = field(default_factory=set)
    remarks: dict[Path, Sequence[Remark]] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """SHA-256 in hexadecimal of the files' names and sizes, but for the folder's own name."""
        digest = hashlib.sha256()
        for file, _ in (*self.training, *self.validation):
            name = file.relative_to(self.path).as_posix()
            digest.update(f"{name}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def read(self, picture: CleanPicture) -> npt.NDArray[np.uint8] | None:
        """Return a picture as uint8 (height, width, 3), or None if it is damaged or gone."""
        levels = read_clean(picture.file, self.remarks)
        if levels is None:
            self.damaged.add(picture.file)
        return levels


def find_pictures(path: Path, least: int = 1) -> tuple[list[CleanPicture], list[Path]]:
    """Return the pictures in a folder and its subfolders, and the files that were left out.

    Only sizes are read, no pixels. `InputError` if no picture has ``least`` pixels a side.
    """
    found: list[CleanPicture] = []
    skipped: list[Path] = []
    waiting, seen = [path], set()
    while waiting:
        folder = waiting.pop(0)
        if (where := os.path.realpath(folder)) in seen:
            continue  # a link to a folder that it is in
        seen.add(where)
        folders, files = folder_contents(folder)
        waiting += folders
        for file in files:
            try:
                with reading(file) as opened:
                    width, height = image_size(opened)
            except InputError:
                width = height = 0
            if min(width, height) >= least:
                found.append(CleanPicture(file, width * height))
            else:
                skipped.append(file)
    if not found:
        small = f" of {least} x {least} pixels or more" if least > 1 else ""
        unread = describe_unreadable(skipped)
        held = f"none of its files is one: {unread}" if skipped else "it is empty"
        raise InputError(f"{path} holds no pictures{small}; {held}")
    return found, skipped


def split_folder(path: Path, config: UnjpegConfig) -> PictureFolder:
    """Find the clean pictures in a folder, and split them at random.

    `InputError` if there are fewer than two.
    """
    found, skipped = find_pictures(path, config.block)
    if len(found) < 2:
        raise InputError(f"{path} holds only one picture; give two or more, for one validates")
    count = max(round(VALIDATION_SHARE * len(found)), 1)
    order = np.random.default_rng([config.seed, _SPLIT]).permutation(len(found))
    chosen = set(order[:count].tolist())
    training = tuple(each for index, each in enumerate(found) if index not in chosen)
    validation = tuple(each for index, each in enumerate(found) if index in chosen)
    return PictureFolder(path, training, validation, tuple(skipped))


def measure(folder: PictureFolder) -> tuple[float, float]:
    """Return mean and deviation of Y, Cb and Cr in 0..1, of up to 200 training pictures.

    Raises
    ------
    InputError
        If none can be read.
    """
    step = -(-len(folder.training) // _MEASURED)
    total = squares = 0.0
    count = 0
    for picture in folder.training[::step]:
        clean = folder.read(picture)
        if clean is None:
            continue
        numbers = to_ycbcr(clean[:_LARGEST_SIDE, :_LARGEST_SIDE])
        total += float(numbers.sum(dtype=np.float64))
        squares += float(np.square(numbers, dtype=np.float64).sum())
        count += numbers.size
    if not count:
        raise InputError(f"{folder.path}: none of the pictures to learn from can be read")
    mean = total / count
    # Of pictures in one colour, any deviation will do.
    return mean, max(squares / count - mean**2, 1e-4) ** 0.5


def read_clean(
    file: Path, remarks: dict[Path, Sequence[Remark]] | None = None
) -> npt.NDArray[np.uint8] | None:
    """Return a picture as uint8 (height, width, 3), or None if it is damaged or gone.

    What must be said about it is added to ``remarks``.
    """
    try:
        loaded = load_image(file)
    except InputError:
        return None
    if remarks is not None and loaded.remarks:
        remarks[file] = loaded.remarks
    return to_uint8(loaded.levels)


def count_remarks(remarks: dict[Path, Sequence[Remark]]) -> RemarkCounts:
    """Return of how many pictures each remark must be made."""
    return Counter(remark.summary for each in remarks.copy().values() for remark in each)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Damaged and clean pictures, one after the other, and the patches in them.

    Attributes
    ----------
    damaged, clean : uint8, flat
        Red, green and blue of the padded pictures.
    starts, strides : int64 (patches,)
        Start and row stride of each patch. Damaged patches of a single colour are left out: there
        is nothing to learn from them.
    """

    damaged: npt.NDArray[np.uint8]
    clean: npt.NDArray[np.uint8]
    starts: Starts
    strides: Starts

    def cut(
        self, extractor: PatchExtractor, part: Any, damaged: FloatArray, clean: FloatArray
    ) -> None:
        """Extract some of the patches, damaged and clean; ``part`` is a slice or indices."""
        starts, strides = self.starts[part], self.strides[part]
        extractor.cut(self.damaged, starts, strides, damaged)
        extractor.cut(self.clean, starts, strides, clean)


def make_pairs(
    folder: PictureFolder,
    pictures: Sequence[CleanPicture],
    config: UnjpegConfig,
    seed: Sequence[int],
    *,
    shift: bool,
) -> Pairs:
    """Read and compress pictures of a folder; those that are damaged are left out.

    Parameters
    ----------
    seed : sequence of int
        Of quality and shift.
    shift : bool
        Whether up to 15 rows and columns are cut off at the top and the left, so that the blocks of
        JPEG lie elsewhere every time.
    """
    low, high = parse_qualities(config.quality)
    damaged, clean = [], []
    starts, strides = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    at = 0
    for index, each in enumerate(pictures):
        picture = folder.read(each)
        if picture is None or min(picture.shape[:2]) < config.block:
            continue
        rng = np.random.default_rng([config.seed, _DAMAGE, *seed, index])
        quality = int(rng.integers(low, high + 1))
        picture = _window(picture, config.block, rng, shift=shift)
        whole = padded(picture, config.block).ravel()
        broken = padded(Compression(quality, config.subsampling).apply(picture), config.block)
        height, width, _ = broken.shape
        begin = patch_starts(height, width, config.block)
        apart = np.full(len(begin), 3 * width)
        useful = ~are_flat(broken.ravel(), begin, apart, config.block)
        starts.append(begin[useful] + at)
        strides.append(apart[useful])
        damaged.append(broken.ravel())
        clean.append(whole)
        at += whole.size
    nothing = np.empty(0, np.uint8)
    return Pairs(
        np.concatenate([nothing, *damaged]),
        np.concatenate([nothing, *clean]),
        np.concatenate(starts),
        np.concatenate(strides),
    )


def _window(
    picture: npt.NDArray[np.uint8], block: int, rng: np.random.Generator, *, shift: bool
) -> npt.NDArray[np.uint8]:
    """Return a part of bounded size, from the top left unless the picture is shifted or larger."""
    window = []
    for side in picture.shape[:2]:
        least = max(side - _LARGEST_SIDE, 0)
        most = max(least, min(2 * STEP - 1, side - block)) if shift else least
        first = int(rng.integers(0, most + 1)) if most else 0
        window.append(slice(first, min(first + _LARGEST_SIDE, side)))
    return np.ascontiguousarray(picture[window[0], window[1]])
