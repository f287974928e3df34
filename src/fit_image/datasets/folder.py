"""Folders of pictures: list them, and read small pictures of one size into one array."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fit_image.config.registry import CHANNELS
from fit_image.errors import InputError, one_line, os_error_reason
from fit_image.images.io import load_image, to_uint8

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


def load_pictures(
    files: Sequence[Path], *, channels: str = "grey", max_bytes: int = LARGEST_SET
) -> tuple[npt.NDArray[np.uint8], list[int], list[Path]]:
    """Read pictures of one size in any format.

    Returns
    -------
    pictures : ndarray of uint8, shape (count, height, width, channels)
        In the order of ``files``; with height and width 0 if there are none.
    read : list of int
        Indices of the files that were read.
    skipped : list of Path
        Files that are damaged or not pictures.

    Raises
    ------
    InputError
        If two pictures differ in size, or all together exceed ``max_bytes`` or memory.
    """
    pictures = np.empty((0, 0, 0, CHANNELS[channels]), np.uint8)
    read: list[int] = []
    skipped = []
    for index, file in enumerate(files):
        try:
            picture = to_uint8(load_image(file, channels=channels).levels)
        except InputError:
            skipped.append(file)
            continue
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
    return pictures[: len(read)], read, skipped


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
