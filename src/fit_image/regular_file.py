"""Files that can be read from beginning to end."""

from __future__ import annotations

from pathlib import Path

from fit_image.errors import InputError, one_line


def check_regular(path: Path) -> None:
    """Raise `InputError` if a path is a pipe or a device, which might make us wait for ever."""
    try:
        odd = path.exists() and not path.is_file() and not path.is_dir()
    except OSError:
        return  # which is said better where it is opened
    if odd:
        raise InputError(f"cannot read {one_line(path)}: it is no regular file")
