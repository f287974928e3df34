"""Folders of pictures: list them, and read small pictures of one size into one array."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.config.registry import CHANNELS
from fit_image.errors import InputError, one_line, os_error_reason
from fit_image.images.colours import to_uint8
from fit_image.images.decoding import count_kinds
from fit_image.images.formats.identify import describe_kinds
from fit_image.images.formats.opening import RemarkCounts
from fit_image.images.io import load_image

LARGEST_SET = 1 << 32
"""Most bytes of a data set in memory."""

PICTURE_CHANNELS = ("grey", "rgb")
"""Choices of channels for data sets; keys of `CHANNELS`."""


def natural_order(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return a sort key that compares numbers in names by value: 2 before 10."""
    words = re.split(r"(\d+)", name)
    key = (int(word) if index % 2 else word.casefold() for index, word in enumerate(words))
    return tuple(key), name  # the name too, because 01 and 1 differ


def folder_contents(folder: str | os.PathLike[str]) -> tuple[list[Path], list[Path]]:
    """List the folders and the files in a folder, in natural order, without hidden ones.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be read.
    """
    folder = Path(folder)
    folders, files = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: natural_order(entry.name)):
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders.append(folder / entry.name)
                elif entry.is_file():  # no pipes: reading one might block
                    files.append(folder / entry.name)
    except NotADirectoryError:
        problem = "is a file; give a folder of pictures"
        raise InputError(f"{one_line(folder)} {problem}") from None
    except OSError as error:
        problem = f"{os_error_reason(error)}; give a folder of pictures"
        raise InputError(f"cannot read {one_line(folder)}: {problem}") from error
    return folders, files


class LoadedPictures(NamedTuple):
    """Pictures of one size.

    Attributes
    ----------
    pictures : ndarray of uint8, shape (count, height, width, channels)
        In the order of the files; with height and width 0 if there are none.
    read : list of int
        Indices of the files that were read.
    skipped : list of Path
        Files that are damaged or not pictures.
    remarks : Counter of str
        What must be said about the pictures, and of how many.
    """

    pictures: npt.NDArray[np.uint8]
    read: list[int]
    skipped: list[Path]
    remarks: RemarkCounts


def load_pictures(
    files: Sequence[Path], *, channels: str = "grey", max_bytes: int = LARGEST_SET
) -> LoadedPictures:
    """Read pictures of one size in any format.

    Raises
    ------
    InputError
        If two pictures differ in size, or all together exceed ``max_bytes`` or memory.
    """
    pictures = np.empty((0, 0, 0, CHANNELS[channels]), np.uint8)
    read: list[int] = []
    skipped = []
    remarks: RemarkCounts = Counter()
    for index, file in enumerate(files):
        try:
            loaded = load_image(file, channels=channels)
        except InputError:
            skipped.append(file)
            continue
        picture = to_uint8(loaded.levels)
        remarks.update(remark.summary for remark in loaded.remarks)
        if not read:
            pictures = _allocate(len(files), picture.shape, file, max_bytes)
        elif picture.shape != pictures.shape[1:]:
            raise InputError(
                f"{one_line(file)} is {_size_text(picture.shape)} pixels, but "
                f"{one_line(files[read[0]])} is {_size_text(pictures.shape[1:])}; "
                "scale all pictures to one size"
            )
        pictures[len(read)] = picture
        read.append(index)
    return LoadedPictures(pictures[: len(read)], read, skipped, remarks)


def describe_unreadable(files: Sequence[Path]) -> str:
    """Return the kinds of the files that are not pictures, or else their number."""
    kinds, others = count_kinds(files)
    text = [describe_kinds(kinds)] if kinds else []
    if others or not files:
        text.append(f"{len(others):,} {'other ' * bool(kinds)}file{'s' * (len(others) != 1)}")
    return "; ".join(text)


def _allocate(
    count: int, shape: tuple[int, ...], first: Path, max_bytes: int
) -> npt.NDArray[np.uint8]:
    described = f"{count:,} pictures like {one_line(first)}, of {_size_text(shape)} pixels"
    if count * int(np.prod(shape)) > max_bytes:
        raise InputError(f"{described}, exceed {max_bytes:,} bytes; scale them down first")
    try:
        return np.empty((count, *shape), np.uint8)
    except MemoryError as error:
        raise InputError(f"not enough memory for {described}; scale them down first") from error


def _size_text(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
