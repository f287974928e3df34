"""Refuse pipes and devices, which would block a reader."""

from __future__ import annotations

from pathlib import Path

from fit_image.errors import InputError, one_line


def check_regular(path: Path) -> None:
    """Raise `InputError` if a path is a pipe, a socket or a device: reading it might block."""
    try:
        special = path.exists() and not path.is_file() and not path.is_dir()
    except OSError:
        return  # opening it gives the better message
    if special:
        raise InputError(f"cannot read {one_line(path)}: not a regular file")
