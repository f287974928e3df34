"""Lock a folder, so that one process at a time writes to it."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from fit_image.errors import FitImageError, InputError, one_line, os_error_reason, warn_once

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""Errors of disks that have no locks, as some of networks."""


@contextlib.contextmanager
def lock_folder(path: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold an exclusive lock on a folder, which is created if missing.

    The lock ends with the process, however that ends. On a disk without locks there is none, and a
    `FitImageWarning` says so.

    Raises
    ------
    InputError
        If another process still holds the lock after ``patience`` seconds, or its file is a link.
    FitImageError
        If the folder cannot be created, written to or locked.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = _open_lock(path / ".lock")
        try:
            _acquire(lock, path, patience)
        except BaseException:
            os.close(lock)
            raise
    except OSError as error:
        raise FitImageError(f"cannot use the folder {path}: {os_error_reason(error)}") from error
    try:
        yield
    finally:
        os.close(lock)


def _open_lock(file: Path) -> int:
    """Open the file of a lock, which stays empty, but not what a link points to."""
    if file.is_symlink():
        raise InputError(
            f"{one_line(file)} is a link: remove it, or choose another folder", fields=("output",)
        )
    # O_NOFOLLOW: a link that appears now is an error. Windows has neither flag.
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return os.open(file, os.O_RDWR | os.O_CREAT | careful, 0o600)


def _acquire(lock: int, path: Path, patience: float) -> None:
    from filelock import lock_descriptor

    deadline = time.monotonic() + patience
    try:
        while not lock_descriptor(lock, blocking=False):
            if time.monotonic() >= deadline:
                raise InputError(
                    f"another fit-image is writing to {path}: wait for it, or choose another "
                    "folder",
                    fields=("output",),
                )
            time.sleep(0.05)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        warn_once(
            f"the disk of {one_line(path)} has no locks: do not let two runs write there at once"
        )
