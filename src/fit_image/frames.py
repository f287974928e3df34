"""Frames: where a run keeps them, and how an animation reads them."""

from __future__ import annotations

import contextlib
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

from fit_image.decoding import Colour, bands, opaque
from fit_image.errors import FitImageError, InputError, os_error_reason

Picture = npt.NDArray[np.uint8]
Item = TypeVar("Item")
Result = TypeVar("Result")

_FRAME_NAME = re.compile(r"epoch-(\d{6}|[1-9]\d{6,})\.png", re.ASCII)
_GAP_GREY = 128
_WHITE = (255, 255, 255)
_WIDE = 1.6  # pictures wider than this times their height stand above their target, not beside it

# Frames prepared while the writer is busy, fewer if they are large; more only costs memory.
_THREADS = 2
_AHEAD = 6
_AHEAD_BYTES = 1 << 24


def frame_path(folder: str | os.PathLike[str], epoch: int) -> Path:
    """Return where ``folder`` keeps the frame of ``epoch``: ``epoch-000042.png``."""
    return Path(folder) / f"epoch-{epoch:06d}.png"


def frame_paths(folder: str | os.PathLike[str]) -> list[tuple[int, Path]]:
    """Return the epochs and files of the frames in ``folder``, in the order of epochs.

    Any other file is left alone. A folder that does not exist holds no frames.

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


def with_target(picture: Picture, target: Picture) -> Picture:
    """Return ``picture`` and, to its right, ``target``, with a grey gap between them.

    Where the picture is wide, the target is below it instead.

    Parameters
    ----------
    picture, target : ndarray of uint8, shape (height, width, 3)
        sRGB colours.

    Returns
    -------
    ndarray of uint8, shape (height, 2 * width + gap, 3) or (2 * height + gap, width, 3)

    Raises
    ------
    InputError
        If the two differ in size.
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
    """Return the width and height of a picture of `with_target`."""
    axis, gap = _layout(width, height)
    return (width, 2 * height + gap) if axis == 0 else (2 * width + gap, height)


def _layout(width: int, height: int) -> tuple[int, int]:
    """Return the axis along which picture and target are joined, and the gap between them."""
    axis = 0 if width > _WIDE * height else 1
    return axis, max(2, (height, width)[axis] // 50)


def read_frame(path: str | os.PathLike[str], behind: Colour = _WHITE) -> Picture:
    """Read a frame as uint8 (height, width, 3), over a colour where it is transparent.

    Raises
    ------
    FitImageError
        If the file cannot be read, or is damaged.
    """
    try:
        with Image.open(path) as image:
            picture = np.empty((image.height, image.width, 3), np.uint8)
            for rows in bands(image.height, image.width):  # at once, Pillow would copy it twice
                band = image.crop((0, rows.start, image.width, rows.stop))
                picture[rows] = np.asarray(opaque(band, behind))
            return picture
    except MemoryError:
        raise
    except Exception as error:  # a damaged file makes Pillow raise almost anything
        named = isinstance(error, OSError) and error.errno is not None
        reason = os_error_reason(error) if named else "it is not a whole picture"  # type: ignore[arg-type]
        raise FitImageError(f"cannot read {path}: {reason}") from error


class Film:
    """The pictures of an animation; a few at a time are in memory.

    Parameters
    ----------
    count : int
        How many there are, 1 or more.
    picture : callable
        Returns one of them by its index: uint8 (height, width, 3), all of equal size. Threads call
        it, several at once.
    on_frame : callable, optional
        Called by `pictures` with the number of pictures handed out, and of all.

    Attributes
    ----------
    width, height : int
        Of a picture.
    most_ahead : int
        How many pictures may wait in memory, see `ahead`.
    """

    def __init__(
        self,
        count: int,
        picture: Callable[[int], Picture],
        on_frame: Callable[[int, int], None] | None = None,
    ) -> None:
        self.picture = picture
        self._count = count
        self._on_frame = on_frame
        self.height, self.width, _ = picture(0).shape
        self.most_ahead = min(_AHEAD, _AHEAD_BYTES // (3 * self.width * self.height))

    @classmethod
    def of_frames(
        cls,
        paths: Sequence[str | os.PathLike[str]],
        target: Picture | None = None,
        on_frame: Callable[[int, int], None] | None = None,
        behind: Colour = _WHITE,
    ) -> Self:
        """Return the film of frames on disk.

        Parameters
        ----------
        paths : sequence of path-like
            Files of equal size, in order.
        target : ndarray of uint8, shape (height, width, 3), optional
            Shown beside each, see `with_target`.
        on_frame : callable, optional
            See `Film`.
        behind : (int, int, int)
            Red, green and blue (0..255) of what shows where frames are transparent.

        Raises
        ------
        InputError
            If there are no frames, or ``target`` is not of their size.
        FitImageError
            If the first frame cannot be read; from ``picture``, if another one cannot be, or
            differs in size from the first.
        """
        if not paths:
            raise InputError("there are no frames to animate")
        shape = read_frame(paths[0]).shape

        def picture(index: int) -> Picture:
            frame = read_frame(paths[index], behind)
            if frame.shape != shape:
                raise FitImageError(
                    f"{paths[index]} is {_size_text(frame)} pixels, "
                    f"but the first frame is {shape[1]} x {shape[0]}"
                )
            return frame if target is None else with_target(frame, target)

        return cls(len(paths), picture, on_frame)

    def __len__(self) -> int:
        return self._count

    @contextlib.contextmanager
    def pictures(self) -> Iterator[Iterator[Picture]]:
        """Give all frames in order, read ahead by threads that end with the context."""
        with ahead(self.picture, range(len(self)), self.most_ahead) as pictures:
            yield self._counted(pictures)

    def _counted(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        for number, picture in enumerate(pictures, start=1):
            if self._on_frame:
                self._on_frame(number, len(self))
            yield picture
            del picture  # before the next one is read


@contextlib.contextmanager
def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], most: int
) -> Iterator[Iterator[Result]]:
    """Give ``function(item)`` of each item in order, computed ahead by a few threads.

    At most ``most`` results wait while the caller is busy with another. ``items`` is iterated in
    the caller's thread. Leaving the context, for whatever reason, drops what has not begun and
    waits for the rest.
    """
    if most < 1:
        # In this thread, which then uses again what it has freed: each thread keeps its own.
        yield map(function, items)
        return
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="fit-image-frames")

    def results() -> Iterator[Result]:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            del item  # or it would stay in memory while the next one is made
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield results()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _size_text(picture: Picture) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"
