"""Pictures of one size from a folder, an npz, an IDX or a CIFAR-10 file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fit_image.config.settings import check_choice
from fit_image.datasets.channels import Pictures, convert_channels
from fit_image.datasets.cifar import SUFFIX, read_cifar
from fit_image.datasets.folder import (
    LARGEST_SET,
    PICTURE_CHANNELS,
    describe_unreadable,
    folder_contents,
)
from fit_image.datasets.idx import read_idx
from fit_image.datasets.labelled import deeper_folder, idx_files, load_labelled
from fit_image.datasets.named_arrays import read_named_arrays
from fit_image.datasets.unpacking import is_packed, unpacked
from fit_image.errors import InputError, one_line
from fit_image.images.colours import to_uint8
from fit_image.images.formats.opening import RemarkCounts
from fit_image.images.io import load_image
from fit_image.images.scaling import crop_and_resize
from fit_image.storage.npz import NPY_MAGIC, first_bytes

OnFile = Callable[[int, int], None]

FOLDER_SIZE = (64, 64)
"""Default width and height of pictures that are files of their own."""

_ZIP, _GZIP, _IDX = b"PK", b"\x1f\x8b", b"\0\0"

_PACKED = (".tar", ".tgz", ".rar", ".7z", ".xz", ".bz2")

_WANTED = "give a folder or a zip file of pictures, or an npz, npy, IDX or CIFAR-10 file"


@dataclass(frozen=True, eq=False)
class PictureData:
    """Pictures of one size.

    Attributes
    ----------
    pictures : ndarray of uint8, shape (count, height, width, channels)
        sRGB colours or greys in 0..255.
    labels : ndarray of int64, shape (count,), or None
        Class of each picture, if known.
    names : tuple of str
        Names of the classes, if they were folders; else empty.
    skipped : tuple of Path
        Files that were left out because they are damaged or not pictures.
    folders : tuple of Path
        Folders that were left out because pictures lie beside them.
    fitted : int
        Number of pictures that were scaled, and cropped if their aspect ratio differed.
    remarks : Counter of str
        What must be said about the pictures, and of how many.
    """

    pictures: Pictures
    labels: npt.NDArray[np.int64] | None = None
    names: tuple[str, ...] = ()
    skipped: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    fitted: int = 0
    remarks: RemarkCounts = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pictures.shape[2], self.pictures.shape[1]

    @property
    def channels(self) -> str:
        """``grey`` or ``rgb``."""
        return "grey" if self.pictures.shape[3] == 1 else "rgb"


def load_picture_data(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    channels: str | None = None,
    part: str = "train",
    on_file: OnFile = lambda done, total: None,
) -> PictureData:
    """Read pictures from a folder or a file.

    A folder holds pictures; or one folder of pictures for each class; or one folder, or a folder
    ``train`` among others, with folders of classes; or IDX files, of which the training set is
    read; or CIFAR-10 binary files, without those with ``test`` in their names if there are others.
    A file is a zip file of such a folder; an npz or npy file, see `read_named_arrays`; an IDX file
    of pictures; or a CIFAR-10 binary file, whose suffix is ``.bin``.

    Parameters
    ----------
    path : path-like
    size : (int, int), optional
        Width and height to which pictures are scaled, after a centre crop to that aspect ratio.
        Default: their own size, but `FOLDER_SIZE` for pictures that are files of their own.
    channels : str, optional
        ``grey`` or ``rgb``. Default: grey if all pictures are grey.
    part : str
        A key of `fit_image.datasets.labelled.PARTS`: of arrays and folders of classes that are
        divided, the part to read.
    on_file : callable, optional
        Called with the number of files tried so far, and of all.

    Raises
    ------
    InputError
        If there are no pictures, a file is damaged, or all together exceed memory.
    """
    path = Path(path)
    if channels is not None:
        check_choice("channels", channels, PICTURE_CHANNELS)
    data = _load(path, size or FOLDER_SIZE, part, on_file)
    if not data.pictures.size:
        raise InputError(f"{one_line(path)} holds no pictures")
    if size is not None and size != data.size:
        _check_bytes(path, len(data), (size[1], size[0], data.pictures.shape[3]))
        fitted = np.stack([crop_and_resize(picture, *size) for picture in data.pictures])
        data = replace(data, pictures=fitted, fitted=len(fitted))
    return replace(data, pictures=convert_channels(data.pictures, channels))


def _load(path: Path, size: tuple[int, int], part: str, on_file: OnFile) -> PictureData:
    if path.is_dir():
        return _from_folder(path, size, part, on_file)
    if not is_packed(path):
        return _from_file(path, part)
    with unpacked(path) as folder:
        data = _from_folder(folder, size, part, on_file)
        skipped, folders = (
            tuple(path / each.relative_to(folder) for each in left_out)
            for left_out in (data.skipped, data.folders)
        )
        return replace(data, skipped=skipped, folders=folders)


def _from_file(path: Path, part: str) -> PictureData:
    if not path.is_file():
        found = "not a regular file" if path.exists() else "no such file"
        raise InputError(f"cannot read {one_line(path)}: {found}; {_WANTED}")
    start = first_bytes(path, len(NPY_MAGIC))
    if start.startswith((_ZIP, NPY_MAGIC)) or path.suffix == ".npz":
        return PictureData(*read_named_arrays(path, test=part != "train"))
    if path.suffix.lower() == SUFFIX:
        return PictureData(*read_cifar(path))
    if path.suffix.lower() in _PACKED or path.name.lower().endswith(".tar.gz"):
        raise InputError(f"{one_line(path)} is packed: unpack it, and give the folder")
    if start[:2] not in (_IDX, _GZIP) and start:
        raise InputError(f"{one_line(path)} is neither npz, nor IDX, nor CIFAR-10; {_WANTED}")
    pictures = read_idx(path)
    if pictures.ndim != 3:
        raise InputError(f"{one_line(path)} has {pictures.ndim} dimensions; pictures have 3")
    return PictureData(pictures[..., np.newaxis])


def _from_folder(folder: Path, size: tuple[int, int], part: str, on_file: OnFile) -> PictureData:
    folders, files = folder_contents(folder)
    if idx_files(files):
        labelled = load_labelled(folder)
        names = labelled.names
        # The file's own labels: names are numbers there.
        labels = np.array([int(name) for name in names], np.int64)[labelled.labels]
        return PictureData(labelled.pictures, labels)
    binaries = [file for file in files if file.suffix.lower() == SUFFIX]
    if binaries:
        chosen = [file for file in binaries if "test" not in file.name.lower()] or binaries
        parts = [read_cifar(file) for file in chosen]
        pictures, numbers = (np.concatenate(each) for each in zip(*parts, strict=True))
        return PictureData(pictures, numbers)
    data, _ = _read_all(folder, files, size, on_file)
    if len(data):
        return replace(data, folders=tuple(folders))
    if not folders:
        held = describe_unreadable(files)
        found = f"no pictures, but {held}" if files else "nothing"
        raise InputError(f"{one_line(folder)} holds {found}; give pictures")
    deeper = deeper_folder(folder, folders, part)
    if deeper:
        return _from_folder(deeper, size, part, on_file)
    inner = [folder_contents(each)[1] for each in folders]
    data, read = _read_all(folder, [file for each in inner for file in each], size, on_file)
    if not len(data):
        held = describe_unreadable(data.skipped)
        raise InputError(f"{one_line(folder)} and its folders hold no pictures ({held}); give some")
    labels = np.repeat(np.arange(len(folders)), [len(each) for each in inner])[read]
    names = tuple(each.name for each in folders)
    # Folders of folders beside classes.
    nested = tuple(
        each for each, held in zip(folders, inner, strict=True) if not held and _holds_folders(each)
    )
    skipped = (*files, *data.skipped)
    return replace(data, labels=labels, names=names, skipped=skipped, folders=nested)


def _holds_folders(folder: Path) -> bool:
    return bool(folder_contents(folder)[0])


def _read_all(
    folder: Path, files: Sequence[Path], size: tuple[int, int], on_file: OnFile
) -> tuple[PictureData, list[int]]:
    """Return the readable pictures in colour and one size, and the files' indices."""
    shape = (size[1], size[0], 3)
    _check_bytes(folder, len(files), shape)
    found, read, skipped, fitted = [], [], [], 0
    remarks: RemarkCounts = Counter()
    for index, file in enumerate(files):
        on_file(index, len(files))
        try:
            loaded = load_image(file)
        except InputError:
            skipped.append(file)
            continue
        levels = to_uint8(loaded.levels)
        remarks.update(remark.summary for remark in loaded.remarks)
        fitted += levels.shape != shape
        found.append(crop_and_resize(levels, *size))
        read.append(index)
    pictures = np.array(found, np.uint8).reshape(-1, *shape)
    data = PictureData(pictures, skipped=tuple(skipped), fitted=fitted, remarks=remarks)
    return data, read


def _check_bytes(path: Path, count: int, shape: tuple[int, ...]) -> None:
    if count * int(np.prod(shape)) > LARGEST_SET:
        described = f"{count:,} pictures of {shape[1]} x {shape[0]} pixels"
        raise InputError(
            f"{one_line(path)}: {described} exceed {LARGEST_SET:,} bytes; choose a smaller size",
            fields=("size",),
        )
