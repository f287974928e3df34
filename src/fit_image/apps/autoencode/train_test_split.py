"""Training pictures of an autoencoder, and those that are held out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fit_image.apps.autoencode.directory import AutoencoderDirectory, AutoencoderSource
from fit_image.datasets.arrays import OnFile, PictureData, load_picture_data
from fit_image.datasets.channels import Pictures
from fit_image.errors import InputError
from fit_image.images.formats.opening import RemarkCounts
from fit_image.nn.runtime.arrays import IntArray

# Stream of random numbers of the split, apart from those of training.
_SPLIT = 100


@dataclass(frozen=True, eq=False)
class TrainTestSplit:
    """Pictures for training, and pictures for measuring.

    Attributes
    ----------
    pictures, held_out : ndarray of uint8, shape (count, height, width, channels)
    skipped, folders : tuple of Path
        Files and folders that were left out, of both.
    rescaled : int
        Pictures of both that were scaled and cropped to the common size.
    duplicates : int
        Held-out pictures that are also among the training pictures.
    remarks : Counter of str
        What must be said about the pictures of both, and of how many.
    """

    pictures: Pictures
    held_out: Pictures
    source: AutoencoderSource
    skipped: tuple[Path, ...]
    folders: tuple[Path, ...]
    rescaled: int
    duplicates: int
    remarks: RemarkCounts


def load_split(
    path: Path,
    test: Path | None,
    seed: int,
    size: tuple[int, int] | None = None,
    channels: str | None = None,
    on_file: OnFile = lambda done, total: None,
) -> TrainTestSplit:
    """Read pictures as `load_picture_data` does, and hold some of them out.

    Parameters
    ----------
    test : Path or None
        The held-out pictures; None for a tenth of the others, which ``seed`` chooses.

    Raises
    ------
    InputError
        If either cannot be read, they differ in size or channels, or there are too few.
    """
    data = load_picture_data(path, size=size, channels=channels, on_file=on_file)
    skipped, folders, rescaled, duplicates = data.skipped, data.folders, data.fitted, 0
    remarks = data.remarks
    if test is None:
        chosen, rest = split(len(data), seed)
        pictures, held_out = data.pictures[chosen], data.pictures[rest]
    else:
        # Pictures are scaled to a size that was scaled to; otherwise they must have it.
        size = data.size if data.fitted else size
        other = load_picture_data(test, size=size, channels=channels, part="t10k", on_file=on_file)
        if other.size != data.size or other.channels != data.channels:
            raise InputError(
                f"--test {test} has pictures of {_text(other)}, but {path} of {_text(data)}: "
                "give --size and --channels, or other pictures"
            )
        pictures, held_out = data.pictures, other.pictures
        skipped += other.skipped
        remarks = remarks + other.remarks
        folders += other.folders
        rescaled += other.fitted
        seen = set(map(_digest, pictures))
        duplicates = sum(_digest(picture) in seen for picture in held_out)
        if duplicates == len(held_out):
            raise InputError(
                f"--test {test}: all pictures are also in {path}: nothing would be measured "
                "on unknown pictures; give others"
            )
    digest = hashlib.sha256(repr((pictures.shape, held_out.shape)).encode())
    digest.update(np.ascontiguousarray(pictures).data)
    digest.update(np.ascontiguousarray(held_out).data)
    source = AutoencoderSource(
        str(path.absolute()),
        digest.hexdigest(),
        len(pictures),
        len(held_out),
        None if test is None else str(test.absolute()),
        *data.size,
        data.channels,
    )
    left_out = skipped, folders
    return TrainTestSplit(pictures, held_out, source, *left_out, rescaled, duplicates, remarks)


def load_held_out(folder: AutoencoderDirectory) -> Pictures:
    """Read the held-out pictures of a training again; `InputError` if they have changed."""
    source = folder.manifest.source
    data = load_split(
        Path(source.path),
        None if source.test is None else Path(source.test),
        folder.manifest.config.seed,
        (source.width, source.height),
        source.channels,
    )
    if data.source.sha256 != source.sha256:
        raise InputError(f"the pictures of {source.path} have changed since {folder.path} began")
    return data.held_out


def choose(held_out: Pictures, columns: int, seed: int) -> Pictures:
    """Return some pictures by chance; the first ones do not depend on their number."""
    return held_out[np.random.default_rng(seed).permutation(len(held_out))[:columns]]


def split(count: int, seed: int) -> tuple[IntArray, IntArray]:
    """Return the indices of the training pictures, and of the tenth that is held out.

    Raises
    ------
    InputError
        If there are too few pictures for both.
    """
    if count < 2:
        raise InputError("1 picture is too few: at least 2 are needed, of which one is held out")
    order = np.random.default_rng([seed, _SPLIT]).permutation(count)
    held_out = max(1, round(count / 10))
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def _digest(picture: Pictures) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(picture).data).digest()


def _text(data: PictureData) -> str:
    width, height = data.size
    return f"{width}x{height} in {data.channels}"
