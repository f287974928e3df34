"""Sets of small pictures, each with the class that it belongs to."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fit_image.components import CHANNELS
from fit_image.errors import InputError, one_line
from fit_image.idx import read_idx
from fit_image.picture_set import folder_contents, load_pictures, not_read

LABELLED_CHANNELS = ("grey", "rgb")
"""What pictures may have been made of; keys of `CHANNELS`."""

PARTS = {"train": ("train",), "t10k": ("t10k", "test")}
"""The parts of a set in IDX files, and the words that tell them in the names of files."""

MOST_CLASSES = 255

# train-images-idx3-ubyte.gz as LeCun names it, train-images.idx3-ubyte as some programs unpack it.
_IDX_NAME = re.compile(
    r"(?P<part>.*?)[-_.]?(?P<kind>images|labels)(?:[-_.]idx\d?|[-_.]ubyte)+(?:\.gz)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, eq=False)
class Labelled:
    """Pictures of one size, and their classes.

    Attributes
    ----------
    pictures : ndarray of uint8, shape (count, height, width, channels)
        sRGB colours or greys in 0..255.
    labels : ndarray of int64, shape (count,)
        Indices into ``names``.
    names : tuple of str
        The classes; each has at least one picture.
    skipped : tuple of Path
        Files that were left out, for they are no whole pictures.
    """

    pictures: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    names: tuple[str, ...]
    skipped: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 in hexadecimal of pictures, labels and names, however they were stored."""
        digest = hashlib.sha256(json.dumps([self.pictures.shape, self.names]).encode())
        digest.update(self.labels.astype("<i8").tobytes())
        digest.update(np.ascontiguousarray(self.pictures).data)
        return digest.hexdigest()


def load_labelled(
    path: str | os.PathLike[str],
    *,
    part: str = "train",
    channels: str = "grey",
    minimum_side: int = 1,
) -> Labelled:
    """Read a folder that holds IDX files, or else one folder of pictures for each class.

    Of IDX files, it takes those of pictures and of labels whose names begin alike, such as
    ``train-images-idx3-ubyte.gz`` and ``train-labels-idx1-ubyte.gz``; the classes are the numbers
    that occur. Folders are classes in natural order (2 before 10), named after them. What is
    hidden is ignored, and so is what is no picture, but that is named.

    Parameters
    ----------
    path : path-like
        The folder.
    part : str
        Of IDX files, those to be read: a key of `PARTS`. A single pair whose name says nothing
        serves as ``train``.
    channels : str
        ``grey`` or ``rgb``.
    minimum_side : int
        Least width and height of the pictures.

    Returns
    -------
    Labelled

    Raises
    ------
    InputError
        If there is no such folder, it holds neither, some of it is missing, damaged or
        ambiguous, there are fewer than 2 or more than `MOST_CLASSES` classes, pictures differ in
        size or are too small, or all are too many for the memory.
    """
    for name, choice, choices in (
        ("channels", channels, LABELLED_CHANNELS),
        ("part", part, tuple(PARTS)),
    ):
        if choice not in choices:
            raise InputError(f"{name} must be one of {', '.join(choices)}, not {choice!r}")
    folder = Path(path)
    folders, files = folder_contents(folder)
    found = idx_files(files)
    if found:
        labelled = _from_idx(*_pair(folder, found, part), channels)
    elif folders:
        if part != "train":
            problem = f"has folders of classes and no part {part}; give the folder of that part"
            raise _refused(folder, problem)
        labelled = _from_folders(folder, folders, files, channels)
    else:
        present = "neither IDX files nor folders of pictures" if files else "nothing"
        wanted = "give a folder with one folder of pictures for each class, or with IDX files"
        raise _refused(folder, f"holds {present}; {wanted}")
    _check_classes(folder, labelled.names)
    height, width = labelled.pictures.shape[1:3]
    least = max(1, minimum_side)
    if min(height, width) < least:
        problem = f"has pictures of {width} x {height} pixels; give {least} x {least} or larger"
        raise _refused(folder, problem)
    return labelled


def _refused(path: Path, problem: str) -> InputError:
    return InputError(f"{one_line(path)} {problem}")


def _check_classes(folder: Path, names: Sequence[str]) -> None:
    if len(names) < 2:
        only = one_line(names[0])
        raise _refused(folder, f"has only one class, {only}; give at least two to tell apart")
    if len(names) > MOST_CLASSES:
        raise _refused(folder, f"has {len(names):,} classes; give at most {MOST_CLASSES}")


def _from_folders(
    folder: Path, classes: Sequence[Path], beside: Sequence[Path], channels: str
) -> Labelled:
    files: list[Path] = []
    sizes = []
    for each in classes:
        inner, found = folder_contents(each)
        if idx_files(found):
            raise _refused(each, "holds IDX files; give that folder")
        if inner and not found:
            raise _refused(each, "holds folders, not pictures; give that folder, or remove it")
        files += found
        sizes.append(len(found))
    names = tuple(each.name for each in classes)
    _check_classes(folder, names)  # before all are read
    pictures, read = load_pictures(files, channels=channels)
    labels = np.repeat(np.arange(len(classes)), sizes)[read]
    counts = np.bincount(labels, minlength=len(classes))
    for each, size, count in zip(classes, sizes, counts, strict=True):
        if not count:
            problem = f"none of its {size:,} files can be read" if size else "it is empty"
            raise _refused(each, f"holds no pictures: {problem}; add some, or remove it")
    return Labelled(pictures, labels, names, (*beside, *not_read(files, read.tolist())))


def idx_files(files: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """Return the files whose names are those of IDX files, by their part and then by their kind."""
    found: dict[str, dict[str, Path]] = {}
    for file in files:
        match = _IDX_NAME.fullmatch(file.name)
        if match:
            kinds = found.setdefault(match["part"].casefold(), {})
            kinds.setdefault(match["kind"].casefold(), file)  # plain comes before packed
    return found


def _pair(folder: Path, idx_files: dict[str, dict[str, Path]], part: str) -> tuple[Path, Path]:
    """Return the files of pictures and of labels that make up a part."""
    words = {
        name: [key for key in PARTS if any(word in name for word in PARTS[key])]
        for name in idx_files
    }
    chosen = [name for name in idx_files if part in words[name]]
    if not chosen and part == "train":
        chosen = [name for name in idx_files if not words[name]]
    if not chosen:
        first = next(iter(next(iter(idx_files.values())).values()))
        problem = f"has {one_line(first.name)}, but not {part}-images-idx3-ubyte"
        raise _refused(folder, f"{problem}; add it and its labels")
    if len(chosen) > 1:
        one, other, *_ = (next(iter(idx_files[name].values())).name for name in chosen)
        problem = f"has {one_line(one)} and {one_line(other)}; keep the files of one set in it"
        raise _refused(folder, problem)
    kinds = idx_files[chosen[0]]
    for present, missing in (("images", "labels"), ("labels", "images")):
        if missing not in kinds:
            name = one_line(kinds[present].name)
            problem = f"has {name}, but no file of {missing} whose name begins alike; add it"
            raise _refused(folder, problem)
    return kinds["images"], kinds["labels"]


def _from_idx(images: Path, labels: Path, channels: str) -> Labelled:
    numbers = read_idx(labels)  # first, because it is small
    if numbers.ndim != 1:
        raise _refused(labels, f"has {numbers.ndim} dimensions; give labels, which have 1")
    pictures = read_idx(images)
    if pictures.ndim != 3:
        raise _refused(images, f"has {pictures.ndim} dimensions; give pictures, which have 3")
    if len(pictures) != len(numbers):
        problem = f"{len(pictures):,} pictures, but {one_line(labels)} has {len(numbers):,} labels"
        raise _refused(images, f"has {problem}; give files that belong together")
    if not len(numbers):
        raise _refused(images, "holds no pictures; give a file that does")
    occurring, indices = np.unique(numbers, return_inverse=True)
    names = tuple(str(number) for number in occurring)
    pictures = pictures[..., np.newaxis]
    if channels != "grey":
        pictures = pictures.repeat(CHANNELS[channels], axis=3)
    return Labelled(pictures, indices.reshape(-1).astype(np.int64), names)
