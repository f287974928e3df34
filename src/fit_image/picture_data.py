"""Many pictures of one size, from whatever they come in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fit_image.archive import read_arrays
from fit_image.cifar import SUFFIX, read_cifar
from fit_image.errors import InputError, one_line
from fit_image.idx import read_idx
from fit_image.image import load_image, to_uint8
from fit_image.labelled import idx_files, load_labelled
from fit_image.picture_set import LARGEST_SET, folder_contents, not_read
from fit_image.scaling import covering

Pictures = npt.NDArray[np.uint8]
OnFile = Callable[[int, int], None]

PICTURE_CHANNELS = ("grey", "rgb")
"""What pictures may be made of; keys of `fit_image.components.CHANNELS`."""

FOLDER_SIZE = (64, 64)
"""Width and height of pictures from files of their own, where nothing else is asked for."""

_ZIP, _GZIP, _IDX = b"PK", b"\x1f\x8b", b"\0\0"

_WANTED = "give a folder of pictures, or an npz, IDX or CIFAR-10 file"

# As Pillow has it: ITU-R BT.601 in sixteenths of bits.
_LUMA = np.array([19595, 38470, 7471], dtype=np.uint32)


@dataclass(frozen=True, eq=False)
class PictureData:
    """Pictures of one size.

    Attributes
    ----------
    pictures : ndarray of uint8, shape (count, height, width, channels)
        sRGB colours or greys in 0..255.
    labels : ndarray of int64, shape (count,), or None
        The class of each, where the data say so.
    names : tuple of str
        Of the folders that are the classes; else none.
    skipped : tuple of Path
        Files that were left out, for they are no whole pictures.
    folders : tuple of Path
        Folders that were left out, for pictures lie beside them.
    fitted : int
        Pictures that were scaled, and cropped where the aspect was another.
    """

    pictures: Pictures
    labels: npt.NDArray[np.int64] | None = None
    names: tuple[str, ...] = ()
    skipped: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    fitted: int = 0

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

    @cached_property
    def sha256(self) -> str:
        """SHA-256 in hexadecimal of the pictures, however they were stored."""
        digest = hashlib.sha256(repr(self.pictures.shape).encode())
        digest.update(np.ascontiguousarray(self.pictures).data)
        return digest.hexdigest()


def load_picture_data(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    channels: str | None = None,
    on_file: OnFile = lambda done, total: None,
) -> PictureData:
    """Read pictures from a folder or a file.

    A folder holds pictures; or else folders of pictures, which then are classes; or IDX files, of
    which those for training are read; or CIFAR-10 binary files, of which those with ``test`` in
    their names are left out, if there are others. A file is an npz file with an array ``images``
    (uint8, count x height x width, or with the channels last), and perhaps ``labels``; an IDX file
    of pictures; or a CIFAR-10 binary file, whose name ends in ``.bin``.

    Parameters
    ----------
    path : path-like
    size : (int, int), optional
        Width and height that pictures are scaled to; what goes beyond their aspect is cut off at
        both sides alike. Default: as they are; those in files of their own, `FOLDER_SIZE`.
    channels : str, optional
        ``grey`` or ``rgb``. Default: grey if no picture has colours.
    on_file : callable, optional
        Called with how many files of how many a picture was looked for in.

    Raises
    ------
    InputError
        If there are no pictures, something is damaged, or all are too many for the memory.
    """
    path = Path(path)
    if channels is not None and channels not in PICTURE_CHANNELS:
        raise InputError(f"channels must be one of {', '.join(PICTURE_CHANNELS)}, not {channels!r}")
    data = _from_folder(path, size or FOLDER_SIZE, on_file) if path.is_dir() else _from_file(path)
    if not data.pictures.size:
        raise InputError(f"{one_line(path)} holds no pictures")
    if size is not None and size != data.size:
        _check_room(path, len(data), (size[1], size[0], data.pictures.shape[3]))
        fitted = np.stack([covering(picture, *size) for picture in data.pictures])
        data = replace(data, pictures=fitted, fitted=len(fitted))
    return replace(data, pictures=_in_channels(data.pictures, channels))


def _from_file(path: Path) -> PictureData:
    if not path.is_file():
        found = "it is no regular file" if path.exists() else "there is no such file"
        raise InputError(f"cannot read {one_line(path)}: {found}; {_WANTED}")
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except OSError:
        start = b""  # which the reader says better
    if start == _ZIP or path.suffix == ".npz":
        return _from_npz(path)
    if path.suffix.lower() == SUFFIX:
        return PictureData(*read_cifar(path))
    if start not in (_IDX, _GZIP) and start:
        raise InputError(f"{one_line(path)} is neither npz, nor IDX, nor CIFAR-10; {_WANTED}")
    pictures = read_idx(path)
    if pictures.ndim != 3:
        problem = f"has {pictures.ndim} dimensions; give pictures, which have 3"
        raise InputError(f"{one_line(path)} {problem}")
    return PictureData(pictures[..., np.newaxis])


def _from_npz(path: Path) -> PictureData:
    arrays = read_arrays(path, ("images", "labels"))
    name = one_line(path)
    pictures, labels = arrays.get("images"), arrays.get("labels")
    if pictures is None:
        raise InputError(f"{name} has no array 'images'")
    if pictures.ndim == 3:
        pictures = pictures[..., np.newaxis]
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] not in (1, 3):
        problem = f"'images' of type {pictures.dtype} and shape {arrays['images'].shape}"
        wanted = "give uint8 of (count, height, width), or with 1 or 3 channels last"
        raise InputError(f"{name} has {problem}; {wanted}")
    if labels is not None:
        if labels.dtype.kind not in "iu" or labels.shape != pictures.shape[:1]:
            raise InputError(f"{name} has 'labels' that are not a whole number for each picture")
        labels = labels.astype(np.int64)
    return PictureData(np.ascontiguousarray(pictures), labels)


def _from_folder(folder: Path, size: tuple[int, int], on_file: OnFile) -> PictureData:
    folders, files = folder_contents(folder)
    if idx_files(files):
        labelled = load_labelled(folder)
        names = labelled.names
        # As the file has them, where the classes are numbers.
        labels = np.array([int(name) for name in names], np.int64)[labelled.labels]
        return PictureData(labelled.pictures, labels)
    binaries = [file for file in files if file.suffix.lower() == SUFFIX]
    if binaries:
        chosen = [file for file in binaries if "test" not in file.name.lower()] or binaries
        parts = [read_cifar(file) for file in chosen]
        pictures, numbers = (np.concatenate(each) for each in zip(*parts, strict=True))
        return PictureData(pictures, numbers)
    pictures, read, fitted = _read_all(folder, files, size, on_file)
    if len(read) or not folders:
        if not len(read):
            found = f"{len(files):,} files, none of them a picture" if files else "nothing"
            raise InputError(f"{one_line(folder)} holds {found}; give pictures")
        skipped = not_read(files, read)
        return PictureData(pictures, skipped=skipped, folders=tuple(folders), fitted=fitted)
    inner = [folder_contents(each)[1] for each in folders]
    beside, files = files, [file for each in inner for file in each]
    pictures, read, fitted = _read_all(folder, files, size, on_file)
    if not len(read):
        raise InputError(f"{one_line(folder)} and its folders hold no pictures; give some")
    labels = np.repeat(np.arange(len(folders)), [len(each) for each in inner])[read]
    names = tuple(each.name for each in folders)
    skipped = (*beside, *not_read(files, read))
    return PictureData(pictures, labels, names, skipped, fitted=fitted)


def _read_all(
    folder: Path, files: Sequence[Path], size: tuple[int, int], on_file: OnFile
) -> tuple[Pictures, list[int], int]:
    """Return what can be read, in one size and in colours; of which files; how many fitted."""
    shape = (size[1], size[0], 3)
    _check_room(folder, len(files), shape)
    found, read, fitted = [], [], 0
    for index, file in enumerate(files):
        on_file(index, len(files))
        try:
            levels = to_uint8(load_image(file).levels)
        except InputError:
            continue
        fitted += levels.shape != shape
        found.append(covering(levels, *size))
        read.append(index)
    return np.array(found, np.uint8).reshape(-1, *shape), read, fitted


def _check_room(path: Path, count: int, shape: tuple[int, ...]) -> None:
    if count * int(np.prod(shape)) > LARGEST_SET:
        many = f"{count:,} pictures of {shape[1]} x {shape[0]} pixels"
        raise InputError(
            f"{one_line(path)}: {many} are more than {LARGEST_SET:,} bytes; give a smaller --size"
        )


def _in_channels(pictures: Pictures, channels: str | None) -> Pictures:
    if pictures.shape[3] == 1:
        return pictures.repeat(3, axis=3) if channels == "rgb" else pictures
    if channels is None:
        colourless = all((each == each[..., :1]).all() for each in pictures)
        channels = "grey" if colourless else "rgb"
    if channels == "rgb":
        return pictures
    grey = [((each @ _LUMA + (1 << 15)) >> 16).astype(np.uint8) for each in pictures]
    return np.stack(grey)[..., np.newaxis]
