"""npz files with a kind and a format version; reading them runs no code and bounds memory."""

from __future__ import annotations

import contextlib
import io
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.errors import InputError, os_error_reason, quoted
from fit_image.storage.atomic import atomic_path, check_regular

Arrays = dict[str, npt.NDArray[Any]]

_MAX_EXPANSION = 200
_SMALL = 1 << 20  # bytes that any array may unpack to

_DAMAGE = (
    zlib.error,
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


def check_version(path: Path, found: int, supported: int) -> None:
    """Raise `InputError` if a file's format version is not the supported one."""
    if found > supported:
        raise InputError(
            f"{path} has format version {found}, newer than this fit-image supports "
            f"({supported}): update fit-image"
        )
    if found < 1:
        raise InputError(f"{path} is damaged: format version {found}")
    if found < supported:
        raise InputError(
            f"{path} was written by an older fit-image (format version {found}, now "
            f"{supported}): use that version, or train again"
        )


def read_archive(path: str | os.PathLike[str], kind: str, supported: int) -> Arrays:
    """Read a file written by `write_archive`; it need not be trusted.

    Pickled objects are refused; the caller checks names, shapes and values.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind, or of another version than ``supported``.
    """
    path = Path(path)
    kind_text = f"a fit-image {kind} file"
    with _opened(path, kind_text) as archive:
        names, mark = archive.namelist(), f"fit_image_{kind}.npy"
        if mark not in names:
            raise InputError(f"{path} is not {kind_text}")
        version = int(_read_array(archive, mark, path).reshape(()))
        check_version(path, version, supported)
        return {name.removesuffix(".npy"): _read_array(archive, name, path) for name in names}


def read_arrays(path: str | os.PathLike[str], names: Collection[str]) -> Arrays:
    """Read those of some arrays that any npz file has; it need not be trusted.

    Raises
    ------
    InputError
        If the file is missing, damaged or not an npz file, or an array holds Python objects.
    """
    path = Path(path)
    with _opened(path, "an npz file") as archive:
        present = {*archive.namelist()}
        found = [name for name in names if f"{name}.npy" in present]
        return {name: _read_array(archive, f"{name}.npy", path) for name in found}


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
    except _DAMAGE as error:
        raise InputError(f"{path} is damaged and cannot be read") from error


def is_archive(path: str | os.PathLike[str], kind: str) -> bool:
    """Return whether `write_archive` wrote the file, and with this kind."""
    try:
        if not Path(path).is_file():
            return False
        with zipfile.ZipFile(path) as archive:
            return f"fit_image_{kind}.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _read_array(archive: zipfile.ZipFile, name: str, path: Path) -> npt.NDArray[Any]:
    info = archive.getinfo(name)
    # A zip bomb: a few bytes that unpack to gigabytes. Weights hardly compress.
    if info.file_size > _MAX_EXPANSION * info.compress_size + _SMALL:
        raise InputError(
            f"{path} is refused: {quoted(name)} unpacks to more than {_MAX_EXPANSION} times "
            "its size"
        )
    with archive.open(info) as member:
        stream = io.BytesIO(member.read())
    format_ = np.lib.format
    major, _ = format_.read_magic(stream)
    read_header = format_.read_array_header_1_0 if major == 1 else format_.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    # Compare the shape with the bytes present before numpy allocates memory for it.
    if dtype.hasobject or stream.tell() + int(np.prod(shape, dtype=object)) * dtype.itemsize != len(
        stream.getbuffer()
    ):
        raise ValueError("the array's shape does not match its bytes")
    stream.seek(0)
    array: npt.NDArray[Any] = format_.read_array(stream, allow_pickle=False)
    return array


def number_of(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> float:
    """Return a scalar array as a float; ValueError if it is missing, negative or not finite."""
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    number = float(arrays[name].reshape(()))
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{name} is not a non-negative number")
    return number


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
            f"{name} is {array.dtype} {array.shape} instead of {like.dtype} {like.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite")
    return array
