"""Limits of pictures, in place of Pillow's, which are global."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

from fit_image.images.formats.libtiff import silenced

LARGEST_PICTURE = 1_000_000_000
"""Most pixels of a picture that is read or written."""


@contextlib.contextmanager
def pixel_limit() -> Iterator[None]:
    """Replace Pillow's size limit by `LARGEST_PICTURE`, as long as any thread is in such a block.

    A larger picture raises an error of Pillow's; its other warnings are ignored, and libtiff writes
    nothing.
    """
    _shared.enter()
    try:
        yield
    finally:
        _shared.leave()


class _SharedLimit:
    """Replaces Pillow's limit for the first reader, and restores it after the last.

    The lock is held for a moment only, and never while a process forks. A forked process has no
    readers: the threads that read are those of its parent.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._restore = contextlib.ExitStack()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._forget_readers,
            )

    def enter(self) -> None:
        with self._lock:
            if self._readers == 0:
                self._restore.enter_context(silenced())
                self._restore.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, LARGEST_PICTURE
                self._restore.callback(setattr, Image, "MAX_IMAGE_PIXELS", usual)
            self._readers += 1

    def leave(self) -> None:
        with self._lock:
            self._readers = max(self._readers - 1, 0)
            if self._readers == 0:
                self._restore.close()

    def _forget_readers(self) -> None:
        self._readers = 0
        self._restore.close()
        self._lock.release()


_shared = _SharedLimit()
