"""npz files with a kind and a format version; reading them runs no code and bounds memory."""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.errors import InputError, excerpt, os_error_reason
from fit_image.storage.atomic import atomic_path, check_regular

Arrays = dict[str, npt.NDArray[Any]]

ZIP_MAGIC, NPY_MAGIC = b"PK\x03\x04", b"\x93NUMPY"
"""First bytes of zip files, npz files among them, and of npy files."""

_MAX_EXPANSION = 200
_SMALL = 1 << 20  # bytes that any file may unpack to
_MOST_ARRAYS = 10_000
_LARGEST_WHOLE = 1 << 53  # that a float has
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of numpy

DAMAGE = (
    zlib.error,
    struct.error,
    tokenize.TokenError,
    SyntaxError,
    EOFError,
    LookupError,
    MemoryError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Errors that reading a damaged zip file, or an array in it, may raise."""


def write_archive(
    path: str | os.PathLike[str], kind: str, version: int, arrays: Mapping[str, npt.ArrayLike]
) -> None:
    """Write ``arrays`` to an npz file atomically, with its kind, such as ``model``, and version.

    Raises
    ------
    FitImageError
        If the file cannot be written.
    """
    marked: dict[str, Any] = {f"fit_image_{kind}": np.int64(version), **arrays}
    # A file object, because numpy appends .npz to a name without it.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **marked)


def check_version(path: Path, found: int, supported: int, oldest: int | None = None) -> None:
    """Raise `InputError` if a file's format version is not the supported one.

    Nor one of the versions from ``oldest`` to it, if that is given.
    """
    if found > supported:
        raise InputError(
            f"{path} has format version {found}, newer than this fit-image supports "
            f"({supported}): update fit-image"
        )
    if found < 1:
        raise InputError(f"{path} is damaged: format version {found}")
    if found < (oldest or supported):
        raise InputError(
            f"{path} was written by an older fit-image (format version {found}, now "
            f"{supported}): use that version, or train again"
        )


def read_archive(
    path: str | os.PathLike[str],
    kind: str,
    supported: int,
    known: str = ".*",
    *,
    oldest: int | None = None,
) -> Arrays:
    """Read a file written by `write_archive`; it need not be trusted.

    Pickled objects are refused; the caller checks names, shapes and values.

    Parameters
    ----------
    path : path-like
    kind : str
    supported : int
        Required version.
    known : str
        Regular expression of the names of arrays that are read; others are ignored.
    oldest : int, optional
        Versions from this one on are read, too.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind, or of another version than ``supported``;
        or a small file has very many arrays, or unpacks to very much.
    """
    path = Path(path)
    kind_text = f"a fit-image {kind} file"
    with _opened(path, kind_text) as archive:
        names, mark = _names(archive), f"fit_image_{kind}"
        if mark not in names:
            raise InputError(f"{path} is not {kind_text}")
        wanted = [name for name in names if name == mark or re.fullmatch(known, name)]
        _check_bytes(archive, wanted, path)
        version = whole_number_of({mark: _read_array(archive, mark)}, mark)
        check_version(path, version, supported, oldest)
        return {name: _read_array(archive, name) for name in wanted}


def read_arrays(
    path: str | os.PathLike[str], names: Collection[str], max_bytes: int | None = None
) -> Arrays:
    """Read those of some arrays that any npz file has; it need not be trusted.

    Raises
    ------
    InputError
        If the file is missing, damaged or not an npz file, an array holds Python objects, or all
        together unpack to very much, or to more than ``max_bytes``.
    """
    path = Path(path)
    with _opened(path, "an npz file") as archive:
        present = _names(archive)
        found = [name for name in names if name in present]
        _check_bytes(archive, found, path, max_bytes)
        return {name: _read_array(archive, name) for name in found}


def array_names(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the arrays in any npz file; it need not be trusted.

    Raises
    ------
    InputError
        If the file is missing, damaged or not an npz file.
    """
    path = Path(path)
    with _opened(path, "an npz file") as archive:
        return [*_names(archive)]


def read_array_file(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read an npy file; it need not be trusted.

    Raises
    ------
    InputError
        If the file is missing, damaged or not an npy file, or holds Python objects.
    """
    path = Path(path)
    check_regular(path)
    try:
        # Mapped, so that numpy compares the shape with the bytes present before it takes memory.
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except OSError as error:
        raise InputError(f"cannot read {path}: {os_error_reason(error)}") from error
    except DAMAGE as error:
        raise InputError(f"{path} is damaged and cannot be read") from error


@contextlib.contextmanager
def _opened(path: Path, kind_text: str) -> Iterator[zipfile.ZipFile]:
    """Open an npz file; whatever fails in the block becomes an `InputError`."""
    try:
        check_regular(path)
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a file")
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {os_error_reason(error)}") from error
    except zipfile.BadZipFile:
        raise InputError(f"{path} is not {kind_text}, or is damaged") from None
    except DAMAGE as error:
        raise InputError(f"{path} is damaged and cannot be read") from error


def is_archive(path: str | os.PathLike[str], kind: str) -> bool:
    """Return whether `write_archive` wrote the file, and with this kind."""
    try:
        if not Path(path).is_file():
            return False
        with zipfile.ZipFile(path) as archive:
            return f"fit_image_{kind}.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile, *DAMAGE):
        return False


def first_bytes(path: str | os.PathLike[str], count: int) -> bytes:
    """Return the first bytes of a file; none if it is no regular file, or cannot be read."""
    path = Path(path)
    if not path.is_file():  # reading a pipe might block
        return b""
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""


def _names(archive: zipfile.ZipFile) -> dict[str, None]:
    """Return the names of the arrays in a file, in its order."""
    members = (name for name in archive.namelist() if name.endswith(".npy"))
    return dict.fromkeys(name.removesuffix(".npy") for name in members)


def _check_bytes(
    archive: zipfile.ZipFile, names: Collection[str], path: Path, max_bytes: int | None = None
) -> None:
    """Refuse zip bombs, before an array is read: weights hardly compress."""
    if len(names) > _MOST_ARRAYS:
        raise InputError(f"{path} is refused: it holds {len(names):,} arrays")
    members = [archive.getinfo(f"{name}.npy") for name in names]
    unpacked = sum(member.file_size for member in members)
    # Members that overlap are not more than the file.
    packed = min(sum(member.compress_size for member in members), path.stat().st_size)
    if unpacked > _MAX_EXPANSION * packed + _SMALL:
        raise InputError(
            f"{path} is refused: it unpacks to more than {_MAX_EXPANSION} times its size"
        )
    if max_bytes is not None and unpacked > max_bytes:
        raise InputError(f"{path} has {unpacked:,} bytes; the limit is {max_bytes:,}")
    if any(member.compress_type not in _METHODS for member in members):
        raise InputError(f"{path} is refused: numpy does not compress files like this")


def _read_array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    with archive.open(f"{name}.npy") as member:
        stream = io.BytesIO(member.read())
    format_ = np.lib.format
    major, _ = format_.read_magic(stream)
    read_header = format_.read_array_header_1_0 if major == 1 else format_.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    # Compare the shape with the bytes present before numpy allocates memory for it.
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    present = len(stream.getbuffer()) - stream.tell()
    if dtype.hasobject or not dtype.itemsize or size != present:
        raise ValueError("the array's shape does not match its bytes")
    stream.seek(0)
    array: npt.NDArray[Any] = format_.read_array(stream, allow_pickle=False)
    return array


def whole_number_of(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> int:
    """Return a scalar array as an integer; ValueError if it is missing, or none of 0 to 2^53."""
    number = number_of(arrays, name)
    if number != int(number) or number > _LARGEST_WHOLE:
        raise ValueError(f"{name} is not a whole number, or too large")
    return int(number)


def number_of(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> float:
    """Return a scalar array as a float; ValueError if it is missing, negative or not finite."""
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    if arrays[name].dtype.kind not in "biuf" or arrays[name].size != 1:
        raise ValueError(f"{name} is not a number")
    number = float(arrays[name].reshape(()))
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{name} is not a non-negative number")
    return number


def vector_of(
    arrays: Mapping[str, npt.NDArray[Any]], name: str, dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    """Return an array of one dimension; ValueError if it is missing or of another type or shape."""
    array = arrays.get(name)
    if array is None:
        raise ValueError(f"{name} is missing")
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"{name} is not a vector of {np.dtype(dtype)}")
    return array


def texts_of(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> list[str]:
    """Return an array of text as a list; ValueError if it is missing or something else."""
    array = arrays.get(name)
    if array is None:
        raise ValueError(f"{name} is missing")
    if array.dtype.kind != "U" or array.ndim > 1 or array.size > _MOST_ARRAYS:
        raise ValueError(f"{name} is not a list of texts")
    return [str(text) for text in array.reshape(-1)]


def part_of(arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> Arrays:
    """Return the arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def array_like(
    arrays: Mapping[str, npt.NDArray[Any]], name: str, like: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Return an array; ValueError if it is missing, not finite, or its type or shape differs."""
    array = arrays.get(name)
    if array is None:
        raise ValueError(f"{name} is missing")
    if array.dtype != like.dtype or array.shape != like.shape:
        raise ValueError(
            f"{name} is {excerpt(f'{array.dtype} {array.shape}')} instead of "
            f"{like.dtype} {like.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite")
    return array
