"""Many small pictures of one size in one array."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fit_image.components import CHANNELS
from fit_image.errors import InputError, one_line, os_error_reason
from fit_image.image import load_image, to_uint8

LARGEST_SET = 1 << 32
"""Bytes that the pictures of a set may take: more would not fit in an ordinary memory."""


def natural_order(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return a key that sorts numbers in names by their value: 2 before 10."""
    words = re.split(r"(\d+)", name)
    key = (int(word) if place % 2 else word.casefold() for place, word in enumerate(words))
    return tuple(key), name  # the name, because 01 and 1 are two names


def folder_contents(folder: str | os.PathLike[str]) -> tuple[list[Path], list[Path]]:
    """Return the folders and the files in a folder, in natural order, without hidden ones.

    Raises
    ------
    InputError
        If there is no such folder, or it cannot be read.
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
                elif entry.is_file():  # a pipe would make us wait for ever
                    files.append(folder / entry.name)
    except NotADirectoryError:
        problem = "is a file; give the folder that holds the pictures"
        raise InputError(f"{one_line(folder)} {problem}") from None
    except OSError as error:
        problem = f"{os_error_reason(error)}; give a folder that holds pictures"
        raise InputError(f"cannot read {one_line(folder)}: {problem}") from error
    return folders, files


def not_read(files: Sequence[Path], read: Iterable[int]) -> tuple[Path, ...]:
    """Return the files whose indices are not among those of files that were read."""
    chosen = set(read)
    return tuple(file for index, file in enumerate(files) if index not in chosen)


def load_pictures(
    files: Sequence[Path], *, channels: str = "grey"
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Read pictures of one size, whatever their formats, see `load_image`.

    Parameters
    ----------
    files : sequence of path
        Those that are no whole pictures are skipped: folders collect all sorts of things.
    channels : str
        A key of `CHANNELS`.

    Returns
    -------
    pictures : ndarray of uint8, shape (count, height, width, channels)
        In the order of ``files``; of height and width 0 if there are none.
    read : ndarray of int64, shape (count,)
        Indices of the files that they come from.

    Raises
    ------
    InputError
        If two pictures differ in size, or all together exceed `LARGEST_SET` or the memory.
    """
    pictures = np.empty((0, 0, 0, CHANNELS[channels]), np.uint8)
    read: list[int] = []
    for index, file in enumerate(files):
        try:
            picture = to_uint8(load_image(file, channels=channels).levels)
        except InputError:
            continue
        if not read:
            pictures = _room(len(files), picture.shape, file)
        elif picture.shape != pictures.shape[1:]:
            raise InputError(
                f"{one_line(file)} is {_size_text(picture.shape)} pixels, but "
                f"{one_line(files[read[0]])} is {_size_text(pictures.shape[1:])}; "
                "scale all pictures to one size"
            )
        pictures[len(read)] = picture
        read.append(index)
    return pictures[: len(read)], np.array(read, np.int64)


def _room(count: int, shape: tuple[int, ...], first: Path) -> npt.NDArray[np.uint8]:
    many = f"{count:,} pictures like {one_line(first)}, of {_size_text(shape)} pixels"
    if count * int(np.prod(shape)) > LARGEST_SET:
        raise InputError(f"{many}, are more than {LARGEST_SET:,} bytes; scale them down first")
    try:
        return np.empty((count, *shape), np.uint8)
    except MemoryError as error:
        raise InputError(f"no memory for {many}; scale them down first") from error


def _size_text(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"
