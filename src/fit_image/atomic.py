"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from fit_image.errors import FitImageError, InputError, os_error_reason

TEMPORARY_MARK = ".partial-"


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place on success.

    The temporary file keeps the suffix of ``path``, because writers choose their format by it.
    When the body raises, the temporary file is removed and whatever stood at ``path`` stays.

    Raises
    ------
    FitImageError
        If the file cannot be written (full disk, lost permission); names ``path``.
    """
    path = Path(path)
    # Part of the name only: the whole of a long one, and the mark, would be too long together.
    mark = f".{path.stem[:40]}{TEMPORARY_MARK}{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f"{mark}{path.suffix[:16]}")
    try:
        yield temporary
        # Without this, a power cut soon after may leave an empty file under the good name.
        _fsync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise FitImageError(f"cannot write {path}: {os_error_reason(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_destination(path: str | os.PathLike[str]) -> None:
    """Find out, before work begins, that a file cannot be written to ``path``.

    Raises
    ------
    InputError
        If its folder does not exist, or it is a folder itself, a pipe, a device, or a link to
        nothing.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    if path.exists() and not path.is_file():
        raise InputError(f"cannot write {path}: it is no regular file")
    if path.is_symlink() and not path.exists():
        raise InputError(f"cannot write {path}: it is a link to nothing")


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all.

    Raises
    ------
    FitImageError
        If the file cannot be written; names ``path``.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def copy(source: Path, destination: Path) -> None:
    """Copy a small file, whole or not at all.

    Raises
    ------
    FitImageError
        If one cannot be read or the other not be written; names it.
    """
    try:
        data = source.read_bytes()
    except OSError as error:
        raise FitImageError(f"cannot read {source}: {os_error_reason(error)}") from error
    write_bytes(destination, data)


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Delete the temporary files that killed processes left in ``folder``."""
    for leftover in Path(folder).glob(f".*{TEMPORARY_MARK}*"):
        writer = leftover.name.partition(TEMPORARY_MARK)[2].partition("-")[0]
        if not (writer.isdigit() and _is_running(int(writer))):
            with contextlib.suppress(OSError):
                leftover.unlink()


def _is_running(process: int) -> bool:
    try:
        # A process of somebody else is running, too.
        with contextlib.suppress(PermissionError):
            os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    return True


def flush_to_disk(path: Path) -> None:
    """Wait until the contents of a file are on the disk.

    Raises
    ------
    FitImageError
        If that fails.
    """
    try:
        _fsync(path)
    except OSError as error:
        raise FitImageError(f"cannot write {path}: {os_error_reason(error)}") from error


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
