"""libtiff, which Pillow reads TIFF files with: keep its messages off the terminal."""

from __future__ import annotations

import contextlib
import ctypes
import functools
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


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keep libtiff from writing to standard error in a block; errors of Pillow's say enough."""
    before = [(setter, setter(None)) for setter in _setters()]
    try:
        yield
    finally:
        for setter, handler in before:
            setter(handler)
