"""Frames on disk, and films: the frames of an animation, read or made as it is written."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.images.decoding import Colour, flatten_alpha, row_strips
from fit_image.images.formats.limits import pixel_limit
from fit_image.storage.atomic import check_regular

Pixels = npt.NDArray[np.uint8]
"""A frame's colours, shape (height, width, 3), or palette indices, shape (height, width)."""

Item = TypeVar("Item")
Output = TypeVar("Output")

_FRAME_NAME = re.compile(r"epoch-(\d{6}|[1-9]\d{6,14})\.png", re.ASCII)
_GAP_GREY = 128
_WHITE = (255, 255, 255)
_WIDE = 1.6  # aspect ratio from which a picture is placed above its target, not beside it

# Frames prepared while the writer is busy, fewer if they are large; more only costs memory.
_THREADS = 2
_PREFETCH_FRAMES = 6
_PREFETCH_BYTES = 1 << 24


def frame_path(folder: str | os.PathLike[str], epoch: int) -> Path:
    """Return the path of an epoch's frame: ``folder/epoch-000042.png``."""
    return Path(folder) / f"epoch-{epoch:06d}.png"


def frame_paths(folder: str | os.PathLike[str]) -> list[tuple[int, Path]]:
    """List the frames in ``folder``: epochs and files, sorted by epoch.

    Other files are ignored; a folder that does not exist has no frames.

    Raises
    ------
    FitImageError
        If the folder cannot be read.
    """
    folder = Path(folder)
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                match = _FRAME_NAME.fullmatch(entry.name)
                if match and entry.is_file():
                    found.append((int(match[1]), folder / entry.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FitImageError(f"cannot read {folder}: {os_error_reason(error)}") from error
    return sorted(found)


def with_target(picture: Pixels, target: Pixels) -> Pixels:
    """Place ``target`` to the right of ``picture``, or below a wide one, with a grey gap.

    Both are uint8 (height, width, 3); `InputError` if they differ in size.
    """
    if picture.shape != target.shape:
        raise InputError(
            f"the target is {_size_text(target)} pixels, but the frames are {_size_text(picture)}"
        )
    height, width, _ = picture.shape
    axis, gap = _layout(width, height)
    shape = (gap, width, 3) if axis == 0 else (height, gap, 3)
    return np.concatenate([picture, np.full(shape, _GAP_GREY, np.uint8), target], axis=axis)


def size_with_target(width: int, height: int) -> tuple[int, int]:
    """Return the width and height of the result of `with_target`."""
    axis, gap = _layout(width, height)
    return (width, 2 * height + gap) if axis == 0 else (2 * width + gap, height)


def _layout(width: int, height: int) -> tuple[int, int]:
    """Return the axis along which picture and target are joined, and the gap between them."""
    axis = 0 if width > _WIDE * height else 1
    return axis, max(2, (height, width)[axis] // 50)


def read_frame(path: str | os.PathLike[str], background: Colour = _WHITE) -> Pixels:
    """Read a frame as uint8 (height, width, 3), composited over a background colour.

    Raises
    ------
    InputError
        If the file is damaged.
    FitImageError
        If it cannot be read.
    """
    check_regular(Path(path))
    try:
        with pixel_limit(), Image.open(path) as image:
            pixels = np.empty((image.height, image.width, 3), np.uint8)
            # In strips, because Pillow would copy the whole frame twice.
            for rows in row_strips(image.height, image.width):
                strip = image.crop((0, rows.start, image.width, rows.stop))
                pixels[rows] = np.asarray(flatten_alpha(strip, background))
            return pixels
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises many kinds for damaged files
        if isinstance(error, OSError) and error.errno is not None:
            raise FitImageError(f"cannot read {path}: {os_error_reason(error)}") from error
        raise InputError(f"cannot read {path}: damaged, or not a picture") from error


class Film:
    """The frames of an animation, of which few at a time are in memory.

    Parameters
    ----------
    count : int
        Number of frames, 1 or more.
    frame : callable
        Returns the frame of an index: uint8 (height, width, 3), all of equal size. Called from
        several threads at once.
    on_frame : callable, optional
        Called by `frames` with the number of frames yielded so far, and of all frames.

    Attributes
    ----------
    last : int
        Index of the last frame, before those on the way back if there are any.
    """

    def __init__(
        self,
        count: int,
        frame: Callable[[int], Pixels],
        on_frame: Callable[[int, int], None] | None = None,
    ) -> None:
        self.frame = frame
        self.last = count - 1
        self._count = count
        self._on_frame = on_frame
        self.height, self.width, _ = frame(0).shape
        frame_bytes = 3 * self.width * self.height
        self.prefetch_limit = min(_PREFETCH_FRAMES, _PREFETCH_BYTES // frame_bytes)

    @classmethod
    def of_frames(
        cls,
        paths: Sequence[str | os.PathLike[str]],
        target: Pixels | None = None,
        on_frame: Callable[[int, int], None] | None = None,
        background: Colour = _WHITE,
    ) -> Self:
        """Make a film of files of equal size, each with the ``target`` beside it if there is one.

        `InputError` if there are no frames, or the target differs from them in size.
        `FitImageError` if the first frame cannot be read; later, if another frame cannot be read,
        or differs from the first in size.
        """
        if not paths:
            raise InputError("there are no frames to animate")
        shape = read_frame(paths[0]).shape

        def frame(index: int) -> Pixels:
            pixels = read_frame(paths[index], background)
            if pixels.shape != shape:
                raise FitImageError(
                    f"{paths[index]} is {_size_text(pixels)} pixels, "
                    f"but the first frame is {shape[1]} x {shape[0]}"
                )
            return pixels if target is None else with_target(pixels, target)

        return cls(len(paths), frame, on_frame)

    def mapped(self, change: Callable[[int, Pixels], Pixels]) -> Film:
        """Return a film of what ``change(index, frame)`` makes of each frame."""
        film = Film(self._count, lambda index: change(index, self.frame(index)), self._on_frame)
        film.last = self.last
        return film

    def picked(self, order: Sequence[int]) -> Film:
        """Return a film of the frames with these indices, of which the last is the last."""
        return Film(len(order), lambda index: self.frame(order[index]), self._on_frame)

    def observed(self, on_frame: Callable[[int, int], None]) -> Film:
        """Return the film with another callback, called before its own."""
        own = self._on_frame

        def both(done: int, total: int) -> None:
            on_frame(done, total)
            if own:
                own(done, total)

        film = Film(self._count, self.frame, both)
        film.last = self.last
        return film

    def forward_and_back(self) -> Film:
        """Return a film of the frames, and of those on the way back from the last to the first."""
        film = self.picked([*range(self._count), *range(self._count - 2, 0, -1)])
        film.last = self.last
        return film

    def __len__(self) -> int:
        return self._count

    @contextlib.contextmanager
    def frames(self) -> Iterator[Iterator[Pixels]]:
        """Iterate over all frames in order, prefetched by threads that end with the context."""
        with prefetch(self.frame, range(len(self)), self.prefetch_limit) as frames:
            yield self._counted(frames)

    def _counted(self, frames: Iterable[Pixels]) -> Iterator[Pixels]:
        for index, frame in numbered(frames):
            if self._on_frame:
                self._on_frame(index + 1, len(self))
            yield frame
            del frame  # before the next one is read


@contextlib.contextmanager
def prefetch(
    function: Callable[[Item], Output], items: Iterable[Item], limit: int
) -> Iterator[Iterator[Output]]:
    """Iterate over ``function(item)`` of each item in order, computed in advance by two threads.

    At most ``limit`` outputs wait while the caller is busy with another. ``items`` is iterated in
    the caller's thread. Leaving the context, also by an exception, cancels calls that have not
    begun and waits for the others.
    """
    if limit < 1:
        # In this thread, which reuses the memory it freed: malloc's pools belong to threads.
        yield map(function, items)
        return
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="fit-image-frames")

    def outputs() -> Iterator[Output]:
        waiting: deque[Future[Output]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            del item  # or it would stay in memory while the next one is made
            if len(waiting) > limit:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield outputs()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def numbered(frames: Iterable[Item]) -> Iterator[tuple[int, Item]]:
    """Number the frames from 0, as `enumerate`, which keeps each until it has the next one."""
    numbers = itertools.count()
    for frame in frames:
        yield next(numbers), frame
        del frame


def merge_equal(
    changes: Iterable[Output | None], delays: Iterable[int]
) -> Iterator[tuple[Output, int]]:
    """Yield the changes from frame to frame and their delays; equal neighbours become one.

    ``changes`` holds None for a frame that equals the one before; not for the first.
    """
    waiting, total = None, 0
    for change, delay in zip(changes, delays, strict=True):
        if change is not None:
            if waiting is not None:
                yield waiting, total
            waiting, total = change, 0
        total += delay
    if waiting is not None:
        yield waiting, total


def bounding_box(changed: npt.NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Return the rows and columns around all true pixels; None if there are none."""
    rows, columns = (np.flatnonzero(changed.any(axis=axis)).tolist() for axis in (1, 0))
    return np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows else None


def _size_text(pixels: Pixels) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
