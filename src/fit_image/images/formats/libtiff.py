"""libtiff, which Pillow reads TIFF files with: keep its messages off the terminal."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
from collections.abc import Callable, Iterator

from PIL import _imaging

_Setter = Callable[[int | None], int | None]


@functools.cache
def _setters() -> tuple[_Setter, ...]:
    """Return the functions that replace libtiff's handlers; none where it cannot be reached."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(_imaging.__file__)
        found = (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler)
        for setter in found:
            setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
        return found
    return ()


@functools.cache
def _silence_logger() -> None:
    # Without a handler, Python writes what a library logs to standard error.
    logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keep libtiff and Pillow from writing to standard error; the errors raised say enough."""
    _silence_logger()
    before = [(setter, setter(None)) for setter in _setters()]
    try:
        yield
    finally:
        for setter, handler in before:
            setter(handler)
