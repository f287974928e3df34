"""Lock a folder, so that one process at a time writes to it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from fit_image.errors import FitImageError, InputError, os_error_reason


@contextlib.contextmanager
def lock_folder(path: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold an exclusive lock on a folder, which is created if missing.

    The lock ends with the process, however that ends.

    Raises
    ------
    InputError
        If another process still holds the lock after ``patience`` seconds.
    FitImageError
        If the folder cannot be created or written to.
    """
    import fcntl

    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FitImageError(f"cannot use the folder {path}: {os_error_reason(error)}") from error
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise InputError(
                        f"another fit-image is writing to {path}: wait for it, or choose another "
                        "folder",
                        fields=("output",),
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(lock)
