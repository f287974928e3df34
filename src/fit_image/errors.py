"""Exceptions and warnings with one-line messages for the user."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Sequence

MOST_SHOWN = 80
"""Characters of a value from a file that are shown."""


class FitImageError(Exception):
    """A failure at run time, such as a full disk; the message is one line.

    Attributes
    ----------
    exit_code : int
        Exit status of the command line.
    """

    exit_code = 1


class InputError(FitImageError, ValueError):
    """Invalid input: an option, a picture, a model or a run.

    Parameters
    ----------
    message : str
        One line: the problem, the file or field, and the remedy.
    fields : tuple of str
        Names of the fields or parameters to change; the command line shows their options.
    """

    exit_code = 2

    def __init__(self, message: str, *, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class DivergenceError(FitImageError, ArithmeticError):
    """Training diverged: the loss is not finite, or the picture collapsed."""


class FitImageWarning(UserWarning):
    """The work goes on, but the user should know; the message is one line."""


@functools.cache
def warn_once(message: str) -> None:
    """Issue a `FitImageWarning`, the same one only once a process."""
    warnings.warn(message, FitImageWarning, stacklevel=3)


def os_error_reason(error: OSError) -> str:
    """Return the system's message for ``error``, without its number and file name."""
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error))


def one_line(text: object) -> str:
    """Return the text with all unprintable characters escaped, line ends among them."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def excerpt(value: object) -> str:
    """Return the text of a value from a file in one line, cut at `MOST_SHOWN` characters."""
    shown = one_line(str(value)[: MOST_SHOWN + 1])
    return shown if len(shown) <= MOST_SHOWN else f"{shown[: MOST_SHOWN - 1]}…"


def some_of(names: Sequence[object], most: int) -> str:
    """Return the first names, at most so many, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def quoted(text: str) -> str:
    """Return the beginning of the text in quotes and in ASCII, about 60 characters at most."""
    text = text[:60]
    while len(shown := ascii(text)) > 62:
        text = text[:-1]
    return shown
