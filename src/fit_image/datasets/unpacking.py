"""Data sets in zip files: unpacked to a temporary folder, within limits."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from fit_image.datasets.folder import LARGEST_SET
from fit_image.errors import InputError, one_line, os_error_reason
from fit_image.storage.npz import DAMAGE, ZIP_MAGIC, first_bytes

_MOST_FILES = 1_000_000

_DAMAGE = (zipfile.BadZipFile, *DAMAGE)


def is_packed(path: Path) -> bool:
    """Return whether a file is a zip file of other files than arrays."""
    if first_bytes(path, len(ZIP_MAGIC)) != ZIP_MAGIC or path.suffix == ".npz":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return not all(name.endswith(".npy") for name in archive.namelist())
    except (OSError, *_DAMAGE):
        return True


@contextlib.contextmanager
def unpacked(path: Path, *, max_bytes: int = LARGEST_SET) -> Iterator[Path]:
    """Yield a temporary folder with the files of a zip file.

    Hidden files are left out. An `InputError` of the block names the zip file.

    Raises
    ------
    InputError
        If the file is damaged or encrypted, or holds more than ``max_bytes``.
    """
    with tempfile.TemporaryDirectory(prefix="fit-image-") as name:
        folder = Path(name)
        try:
            _extract(path, folder, max_bytes)
            yield folder
        except InputError as error:
            message = str(error).replace(str(folder), one_line(path))
            raise InputError(message, fields=error.fields) from error


def _extract(path: Path, folder: Path, max_bytes: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                member
                for member in archive.infolist()
                if not member.is_dir() and not _is_hidden(member.filename)
            ]
            if len(members) > _MOST_FILES or sum(each.file_size for each in members) > max_bytes:
                limit = f"{_MOST_FILES:,} files or {max_bytes:,} bytes"
                raise InputError(f"{one_line(path)} holds more than {limit}; give a smaller set")
            if any(member.flag_bits & 1 for member in members):
                raise InputError(f"{one_line(path)} is encrypted: unpack it, and give the folder")
            for member in members:
                target = folder.joinpath(*_parts(member.filename))
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
    except OSError as error:
        problem = f"cannot unpack {one_line(path)}: {os_error_reason(error)}"
        raise InputError(f"{problem}; unpack it, and give the folder") from error
    except InputError:
        raise
    except _DAMAGE as error:
        problem = f"{one_line(path)} is damaged or of an unknown kind of zip"
        raise InputError(f"{problem}; unpack it, and give the folder") from error


def _parts(name: str) -> list[str]:
    """Return the folders and the name of a member, none of which leads out of a folder."""
    return [part for part in PurePosixPath(name).parts if part not in ("/", "//", "..")]


def _is_hidden(name: str) -> bool:
    parts = _parts(name)
    return not parts or parts[0] == "__MACOSX" or any(part.startswith(".") for part in parts)
