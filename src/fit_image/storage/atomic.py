"""Atomic writing of files: whole, or not at all; checks of paths before they are used."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from fit_image.errors import (
    FitImageError,
    InputError,
    one_line,
    os_error_reason,
    warn_once,
)

TEMPORARY_MARK = ".partial-"

_NO_FSYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""Errors of disks that cannot say when a file is safe."""


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``, renamed to ``path`` on success.

    The temporary file keeps the suffix of ``path``, because writers choose their format by it.
    If the body raises, the temporary file is removed, and ``path`` is left as it was.

    Raises
    ------
    FitImageError
        If the file cannot be written (full disk, lost permission); the message names ``path``.
    """
    path = Path(path)
    # Part of the name only: a long name and the mark might exceed the system's limit.
    mark = f".{path.stem[:40]}{TEMPORARY_MARK}{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f"{mark}{path.suffix[:16]}")
    try:
        yield temporary
        # Otherwise a power cut soon afterwards may leave an empty file at ``path``.
        _fsync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise FitImageError(f"cannot write {path}: {os_error_reason(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


class _WithoutDescriptor(io.BufferedRandom):
    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


def written_whole(path: Path) -> BinaryIO:
    """Return a new file to which libraries in C write through Python, which checks each write.

    Given the descriptor of a file, Pillow's encoders take a write that a full disk cuts short for
    a success, and libtiff prints lines of its own.
    """
    return _WithoutDescriptor(io.FileIO(path, "w+"))


def check_destination(path: str | os.PathLike[str]) -> None:
    """Raise `InputError` unless a file can be written to ``path``, before any work is done."""
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    if path.exists() and not path.is_file():
        raise InputError(f"cannot write {path}: not a regular file")
    if path.is_symlink() and not path.exists():
        raise InputError(f"cannot write {path}: it is a broken link")


def check_regular(path: Path) -> None:
    """Raise `InputError` if a path is a pipe, a socket or a device: reading it might block."""
    try:
        special = path.exists() and not path.is_file() and not path.is_dir()
    except OSError:
        return  # opening it gives the better message
    if special:
        raise InputError(f"cannot read {one_line(path)}: not a regular file")


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path`` atomically; `FitImageError` if that fails."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together: none is replaced before the contents of all are written.

    Raises
    ------
    FitImageError
        If one of them cannot be written; the message names it.
    """
    with contextlib.ExitStack() as files:
        for path, data in contents.items():
            files.enter_context(atomic_path(path)).write_bytes(data)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file; when the disk is full, the file stays as it was.

    Raises
    ------
    FitImageError
        If the line cannot be written.
    """
    data = f"{line}\n".encode()
    try:
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                file.truncate(size)
                raise
    except OSError as error:
        raise FitImageError(f"cannot write {path}: {os_error_reason(error)}") from error


def copy(source: Path, destination: Path) -> None:
    """Copy a small file atomically; `FitImageError` if that fails."""
    try:
        data = source.read_bytes()
    except OSError as error:
        raise FitImageError(f"cannot read {source}: {os_error_reason(error)}") from error
    write_bytes(destination, data)


def remove_leftovers(*folders: Path) -> None:
    """Delete temporary files that killed processes left in folders."""
    for folder in folders:
        for leftover in folder.glob(f".*{TEMPORARY_MARK}*"):
            writer = leftover.name.partition(TEMPORARY_MARK)[2].partition("-")[0]
            if not (writer.isdigit() and _is_running(int(writer))):
                with contextlib.suppress(OSError):
                    leftover.unlink()


def _is_running(process: int) -> bool:
    if os.name == "nt":
        # There a signal of 0 is Ctrl-C; and a file that is being written cannot be deleted.
        return False
    try:
        # No permission: a running process of another user.
        with contextlib.suppress(PermissionError):
            os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    return True


def flush_to_disk(path: Path) -> None:
    """Wait until the contents of a file are on disk; `FitImageError` if that fails."""
    try:
        _fsync(path)
    except OSError as error:
        raise FitImageError(f"cannot write {path}: {os_error_reason(error)}") from error


def _fsync(path: Path) -> None:
    # Windows wants a file that may be written.
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FSYNC:
            raise
        warn_once("this disk does not confirm what is written: a power cut may damage a run")
    finally:
        os.close(descriptor)
