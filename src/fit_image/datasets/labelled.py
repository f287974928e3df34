"""Data sets of small pictures with class labels."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.config.settings import check_choice
from fit_image.datasets.channels import Pictures, convert_channels
from fit_image.datasets.folder import PICTURE_CHANNELS, folder_contents, load_pictures
from fit_image.datasets.idx import read_idx
from fit_image.datasets.named_arrays import read_named_arrays
from fit_image.datasets.unpacking import is_packed, unpacked
from fit_image.errors import InputError, one_line, some_of
from fit_image.images.decoding import count_kinds
from fit_image.images.formats.identify import describe_kinds
from fit_image.images.formats.opening import RemarkCounts
from fit_image.storage.npz import NPY_MAGIC, ZIP_MAGIC, first_bytes

PARTS = {"train": ("train",), "t10k": ("t10k", "test")}
"""Parts of a data set in IDX files: the words in file names that mark them."""

_FOLDER_NAMES = {
    "train": ("train", "training", "train_images"),
    "t10k": ("t10k", "test", "testing", "val", "valid", "validation"),
}
"""Names of the folders of a part."""

MOST_CLASSES = 255

# Folders that a message names.
_NAMED = 8

_WANTED = "give a folder of IDX files, or with one folder of pictures for each class"

# LeCun's train-images-idx3-ubyte.gz, and train-images.idx3-ubyte as some programs unpack it.
_IDX_NAME = re.compile(
    r"(?P<part>.*?)[-_.]?(?P<kind>images|labels)(?:[-_.]idx\d?|[-_.]ubyte)+(?:\.gz)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, eq=False)
class LabelledPictures:
    """Pictures of one size with their classes.

    Attributes
    ----------
    pictures : ndarray of uint8, shape (count, height, width, channels)
        sRGB colours or greys in 0..255.
    labels : ndarray of int64, shape (count,)
        Indices into ``names``.
    names : tuple of str
        Names of the classes; each has at least one picture.
    skipped : tuple of Path
        Files that were left out because they are damaged or not pictures.
    remarks : Counter of str
        What must be said about the pictures, and of how many.
    """

    pictures: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    names: tuple[str, ...]
    skipped: tuple[Path, ...] = ()
    remarks: RemarkCounts = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 in hexadecimal of pictures, labels and names; independent of the file format."""
        digest = hashlib.sha256(json.dumps([self.pictures.shape, self.names]).encode())
        digest.update(self.labels.astype("<i8").tobytes())
        digest.update(np.ascontiguousarray(self.pictures).data)
        return digest.hexdigest()


def load_labelled(
    path: str | os.PathLike[str],
    *,
    part: str = "train",
    channels: str = "grey",
) -> LabelledPictures:
    """Read a folder of IDX files, or of one folder of pictures for each class, or a file of arrays.

    IDX files are a pair such as ``train-images-idx3-ubyte.gz`` and ``train-labels-idx1-ubyte.gz``;
    the classes are the numbers that occur. Folders are classes in natural order (2 before 10).
    Hidden files are ignored; other files that are not pictures are listed in ``skipped``. A zip
    file is read like the folder in it; of an npz file, see `read_named_arrays`, the classes are the
    numbers that occur.

    ``part`` is a key of `PARTS`, and chooses IDX files, arrays and folders of folders; a single
    pair whose name has none of the words is ``train``. ``channels`` is ``grey`` or ``rgb``.

    Raises
    ------
    InputError
        If the folder does not exist or holds neither, a file is missing, damaged or ambiguous,
        there are fewer than 2 or more than `MOST_CLASSES` classes, pictures are empty or differ
        in size, or all together exceed memory.
    """
    check_choice("channels", channels, PICTURE_CHANNELS)
    check_choice("part", part, PARTS)
    path = Path(path)
    if is_packed(path):
        with unpacked(path) as folder:
            inner = load_labelled(folder, part=part, channels=channels)
            skipped = tuple(path / each.relative_to(folder) for each in inner.skipped)
            return replace(inner, skipped=skipped)
    labelled = _from_arrays(path, part, channels)
    if labelled is None:
        if path.is_file():
            raise _refused(path, f"is a file but no data set; {_WANTED}, or a zip or npz file")
        labelled = _from_folder(path, part, channels)
    _check_classes(path, labelled.names)
    height, width = labelled.pictures.shape[1:3]
    if min(height, width) < 1:
        raise _refused(path, f"has pictures of {width} x {height} pixels")
    return labelled


def _from_folder(folder: Path, part: str, channels: str) -> LabelledPictures:
    folders, files = folder_contents(folder)
    found = idx_files(files)
    if found:
        return _from_idx(*_pair(folder, found, part), channels)
    if folders:
        if deeper := deeper_folder(folder, folders, part):
            chosen = deeper.name.casefold() in _FOLDER_NAMES[part]
            return _from_folder(deeper, "train" if chosen else part, channels)
        if part != "train":
            problem = f"has folders of classes, but no part {part}; give the folder of that part"
            raise _refused(folder, problem)
        return _from_folders(folder, folders, files, channels)
    present = "neither IDX files nor folders of pictures" if files else "nothing"
    raise _refused(folder, f"holds {present}; {_WANTED}")


def deeper_folder(folder: Path, folders: Sequence[Path], part: str) -> Path | None:
    """Return the folder inside ``folder`` that holds the data set, None if it is not deeper.

    Parameters
    ----------
    folder : Path
        With no pictures of its own.
    folders : sequence of Path
        Those in it. One alone may hold the folders of the classes, or IDX files; of several, the
        one that is named like the part.
    part : str
        A key of `PARTS`.

    Raises
    ------
    InputError
        If all hold folders, and none is named like the part.
    """
    contents = {each: folder_contents(each) for each in folders}
    nested = [each for each in folders if contents[each][0] and not contents[each][1]]
    if len(folders) == 1:
        (only,) = folders
        return only if nested or idx_files(contents[only][1]) else None
    words = _FOLDER_NAMES[part]
    named = [each for each in nested if each.name.casefold() in words]
    if len(named) == 1:
        return named[0]
    if nested and len(nested) == len(folders):
        names = some_of([one_line(each.name) for each in nested], _NAMED)
        problem = f"holds folders of folders, {names}; give one of them"
        raise _refused(folder, f"{problem}, such as {one_line(nested[0])}")
    return None


def _from_arrays(path: Path, part: str, channels: str) -> LabelledPictures | None:
    """Read an npz file; None if the file is none."""
    start = first_bytes(path, len(NPY_MAGIC))
    if not start.startswith((ZIP_MAGIC, NPY_MAGIC)) and path.suffix not in (".npz", ".npy"):
        return None
    pictures, labels = read_named_arrays(path, test=part != "train")
    if labels is None:
        raise _refused(path, "has no classes: give an npz file with arrays 'images' and 'labels'")
    if not len(labels):
        raise _refused(path, "holds no pictures")
    return _numbered(convert_channels(pictures, channels), labels)


def _refused(path: Path, problem: str) -> InputError:
    return InputError(f"{one_line(path)} {problem}")


def _check_classes(folder: Path, names: Sequence[str]) -> None:
    if len(names) < 2:
        only = one_line(names[0])
        raise _refused(folder, f"has only one class, {only}; give at least two")
    if len(names) > MOST_CLASSES:
        raise _refused(folder, f"has {len(names):,} classes; give at most {MOST_CLASSES}")


def _from_folders(
    folder: Path, classes: Sequence[Path], beside: Sequence[Path], channels: str
) -> LabelledPictures:
    files: list[Path] = []
    sizes = []
    for each in classes:
        inner, found = folder_contents(each)
        if idx_files(found):
            raise _refused(each, "holds IDX files; give that folder")
        if inner and not found:
            raise _refused(each, "holds folders, not pictures; give that folder or remove it")
        files += found
        sizes.append(len(found))
    names = tuple(each.name for each in classes)
    _check_classes(folder, names)  # before all are read
    pictures, read, skipped, remarks = load_pictures(files, channels=channels)
    labels = np.repeat(np.arange(len(classes)), sizes)[read]
    counts = np.bincount(labels, minlength=len(classes))
    for each, size, count in zip(classes, sizes, counts, strict=True):
        if not count:
            problem = f"none of its {size:,} files can be read" if size else "it is empty"
            kinds, _ = count_kinds(file for file in skipped if file.parent == each)
            if kinds:
                problem += f" ({describe_kinds(kinds)})"
            raise _refused(each, f"holds no pictures: {problem}; add some or remove it")
    return LabelledPictures(pictures, labels, names, (*beside, *skipped), remarks)


def idx_files(files: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """Return the files with names of IDX files, by their prefix and then by their kind."""
    found: dict[str, dict[str, Path]] = {}
    for file in files:
        match = _IDX_NAME.fullmatch(file.name)
        if match:
            kinds = found.setdefault(match["part"].casefold(), {})
            kinds.setdefault(match["kind"].casefold(), file)  # plain sorts before .gz
    return found


def _pair(folder: Path, idx_files: dict[str, dict[str, Path]], part: str) -> tuple[Path, Path]:
    """Return the two files, pictures and labels, of a part."""
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
        problem = f"has {one_line(one)} and {one_line(other)}; keep only one data set in it"
        raise _refused(folder, problem)
    kinds = idx_files[chosen[0]]
    for present, missing in (("images", "labels"), ("labels", "images")):
        if missing not in kinds:
            name = one_line(kinds[present].name)
            problem = f"has {name}, but no file of {missing} with the same prefix; add it"
            raise _refused(folder, problem)
    return kinds["images"], kinds["labels"]


def _from_idx(images: Path, labels: Path, channels: str) -> LabelledPictures:
    numbers = read_idx(labels)  # first, because it is small
    if numbers.ndim != 1:
        raise _refused(labels, f"has {numbers.ndim} dimensions; labels have 1")
    pictures = read_idx(images)
    if pictures.ndim != 3:
        raise _refused(images, f"has {pictures.ndim} dimensions; pictures have 3")
    if len(pictures) != len(numbers):
        problem = f"{len(pictures):,} pictures, but {one_line(labels)} has {len(numbers):,} labels"
        raise _refused(images, f"has {problem}; give files of one data set")
    if not len(numbers):
        raise _refused(images, "holds no pictures")
    return _numbered(convert_channels(pictures[..., np.newaxis], channels), numbers)


def _numbered(pictures: Pictures, numbers: npt.NDArray[Any]) -> LabelledPictures:
    """Return pictures whose classes are the numbers that occur."""
    occurring, indices = np.unique(numbers, return_inverse=True)
    names = tuple(str(number) for number in occurring)
    return LabelledPictures(pictures, indices.reshape(-1).astype(np.int64), names)
