"""Checks of what is read from files that may come from a stranger, the same for all kinds."""

from __future__ import annotations

import os
from pathlib import Path

from fit_image.errors import InputError, excerpt
from fit_image.storage.atomic import check_regular

MOST_BYTES = 1 << 28
"""Of a document, a table or a file of metrics."""

_LARGEST = 1 << 63  # exclusive


def read_bytes(path: Path) -> bytes:
    """Read a file of text whole.

    Raises
    ------
    InputError
        If it is a pipe or a device, or larger than `MOST_BYTES`.
    OSError
        If it cannot be read.
    """
    check_regular(path)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        # Without a number, of which all bytes would be reserved.
        data = b"" if size > MOST_BYTES else file.read()
    if max(size, len(data)) > MOST_BYTES:
        raise InputError(f"{path} is refused: it has more than {MOST_BYTES:,} bytes")
    return data


def check_values(data: object) -> None:
    """Check the values of a parsed document, however deep; the caller checks their names and types.

    Raises
    ------
    ValueError
        If a number is infinite, NaN or beyond 64 bits, or a text can be no part of a file's name.
    """
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            # Bytes of names that are not valid text are lone surrogates.
            if "\0" in value or not _is_encodable(value):
                raise ValueError(f"invalid text: {excerpt(value)}")
        elif isinstance(value, int | float) and not -_LARGEST <= value < _LARGEST:  # or NaN
            raise ValueError("a number is not finite, or too large")


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def check_not_link(path: Path) -> None:
    """Refuse a link in a folder whose files are to be written or deleted: it may lead anywhere.

    Raises
    ------
    InputError
        If the path is a link.
    """
    if path.is_symlink():
        raise InputError(f"cannot use {path}: it is a link, and links are not followed; remove it")
