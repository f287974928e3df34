"""Errors whose message is written for the person at the shell."""

from __future__ import annotations

import os


class FitImageError(Exception):
    """Something failed while doing right what was asked; the message is one line.

    Attributes
    ----------
    exit_code : int
        What the command line exits with.
    """

    exit_code = 1


class InputError(FitImageError, ValueError):
    """What the user gave (an option, a picture, a model, a run) cannot be used."""

    exit_code = 2


class DivergenceError(FitImageError, ArithmeticError):
    """Training ran away: the loss is not finite, or the picture collapsed."""


def os_error_reason(error: OSError) -> str:
    """Return the system's words for ``error`` without its number and file name."""
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error))


def one_line(text: object) -> str:
    """Return the text with escapes for all that is not printable, such as the ends of lines."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
