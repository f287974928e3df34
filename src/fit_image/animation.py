"""Animations: one table of writers by file suffix, which turn frames on disk into a film."""

from __future__ import annotations

import importlib.util
import math
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from fit_image.apng import write_apng
from fit_image.atomic import atomic_path
from fit_image.config import FPS
from fit_image.errors import FitImageError, InputError
from fit_image.frames import Film, Picture, size_with_target
from fit_image.gif import write_gif
from fit_image.image import parse_background
from fit_image.palette import Palette
from fit_image.video import H264, VP9, write_video

HOLD_SECONDS = 2.0
"""How long the last frame stays."""

_LONGEST_HOLD = 600.0  # seconds; a GIF's delay ends at 655

# Browsers play frames of at most 10 ms at a tenth of the speed.
_LEAST_HUNDREDTHS = 2
_LEAST_MS = 11


@dataclass(frozen=True)
class AnimationReport:
    """What an animation came to be.

    Attributes
    ----------
    path : Path
        The file.
    frames : int
        Frames shown; equal neighbours may share one in the file.
    fps : float
        True frames a second: formats count in hundredths or thousandths of a second.
    seconds : float
        True duration of one round, the last frame's hold included.
    """

    path: Path
    frames: int
    fps: float
    seconds: float


@dataclass(frozen=True)
class _Timing:
    """The frames a second that were asked for, and the seconds that the last one is held."""

    fps: float
    hold: float

    def delays(self, count: int, per_second: int, least: int) -> list[int]:
        """Return each frame's time in whole units, ``per_second`` of them, ``least`` at least."""
        exact = per_second / self.fps
        near = (max(least, math.floor(exact)), max(least, math.ceil(exact)))
        delay = min(near, key=lambda units: abs(per_second / units - self.fps))
        return [delay] * (count - 1) + [max(delay, round(self.hold * per_second))]


@dataclass(frozen=True)
class _Writer:
    """How a kind of animation is written.

    ``write`` takes file, film and timing, and returns the true frames a second and duration.
    """

    write: Callable[[Path, Film, _Timing], tuple[float, float]]
    largest_side: int
    needs_ffmpeg: bool = False


def check_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of ``path``, in lower case, if an animation of that kind can be written.

    Raises
    ------
    InputError
        If the suffix is not known, or what it needs is not installed.
    """
    suffix = Path(path).suffix.lower()
    writer = WRITERS.get(suffix)
    if writer is None:
        raise InputError(f"cannot write {path}: its name must end in one of {', '.join(WRITERS)}")
    if writer.needs_ffmpeg and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise InputError(f"cannot write {path}: first, pip install 'fit-image[video]'")
    return suffix


def check_size(
    path: str | os.PathLike[str], width: int, height: int, *, with_target: bool = False
) -> None:
    """Find out before work begins that frames of this size are too large for the format.

    Raises
    ------
    InputError
        If they are.
    """
    if with_target:
        width, height = size_with_target(width, height)
    largest = WRITERS[check_suffix(path)].largest_side
    if max(width, height) > largest:
        raise InputError(
            f"cannot write {path}: it has at most {largest} pixels a side, not {width} x {height}"
        )


def write_animation(
    path: str | os.PathLike[str],
    frames: Sequence[str | os.PathLike[str]],
    *,
    fps: float = 20.0,
    hold: float = HOLD_SECONDS,
    target: Picture | None = None,
    on_frame: Callable[[int, int], None] | None = None,
    background: str = "white",
) -> AnimationReport:
    """Make an animation that repeats forever, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; its suffix chooses the format (`WRITERS`). One that is there is replaced.
    frames : sequence of path-like
        Pictures of equal size, in order, see `frame_paths`.
    fps : float
        Frames a second, 0.01 to 1000; the format's nearest is reported. At most 50 in a GIF, 90 in
        WebP and PNG, because browsers slow down faster ones.
    hold : float
        Seconds that the last frame stays, 0 to 600, but never less than the others.
    target : ndarray of uint8, shape (height, width, 3), optional
        Shown beside each frame, see `with_target`.
    on_frame : callable, optional
        Called in this thread with the frames taken so far, and their number.
    background : str
        Colour behind transparent frames, see `fit_image.image.parse_background`: no animation is
        transparent, as most formats know no shades of that.

    Returns
    -------
    AnimationReport

    Raises
    ------
    InputError
        If the suffix is not known, the extra ``fit-image[video]`` is missing, there are no frames,
        ``fps`` or ``hold`` is out of range, ``target`` differs from the frames in size,
        ``background`` is no colour, or a side is too long for the format.
    FitImageError
        If a frame cannot be read or differs in size, or the file cannot be written.
    """
    check_suffix(path)
    film = Film.of_frames(frames, target, on_frame, parse_background(background))
    return write_film(path, film, fps=fps, hold=hold)


def write_film(
    path: str | os.PathLike[str], film: Film, *, fps: float = 20.0, hold: float = HOLD_SECONDS
) -> AnimationReport:
    """Make an animation of any pictures, whole or not at all.

    Parameters
    ----------
    path : path-like
        See `write_animation`.
    film : Film
        The pictures.
    fps, hold : float
        See `write_animation`.

    Returns
    -------
    AnimationReport

    Raises
    ------
    InputError
        If the suffix is not known, the extra ``fit-image[video]`` is missing, ``fps`` or ``hold``
        is out of range, or a side is too long for the format.
    FitImageError
        If a picture cannot be made, or the file not be written.
    """
    path = Path(path)
    writer = WRITERS[check_suffix(path)]
    if not FPS[0] <= fps <= FPS[1]:
        raise InputError(f"frames a second must be from {FPS[0]:g} to {FPS[1]:g}, not {fps:g}")
    if not 0 <= hold <= _LONGEST_HOLD:
        raise InputError(
            f"the last frame's seconds must be from 0 to {_LONGEST_HOLD:g}, not {hold:g}"
        )
    check_size(path, film.width, film.height)
    with atomic_path(path) as temporary:
        try:
            true_fps, seconds = writer.write(temporary, film, _Timing(fps, hold))
        except FitImageError as error:
            # Writers see the temporary file only.
            raise type(error)(str(error).replace(str(temporary), str(path))) from error
    return AnimationReport(path, len(film), true_fps, seconds)


def _write_gif(path: Path, film: Film, timing: _Timing) -> tuple[float, float]:
    palette = Palette.of(film)
    delays = timing.delays(len(film), 100, _LEAST_HUNDREDTHS)
    with film.pictures() as pictures, path.open("wb") as file:
        try:
            write_gif(file, palette.indices(pictures), delays, palette.colours)
        except struct.error as error:
            problem = "a GIF cannot stand still for 655 s; raise the frames a second"
            raise FitImageError(f"cannot write {path}: {problem}") from error
    return 100 / min(delays), sum(delays) / 100


def _write_webp(path: Path, film: Film, timing: _Timing) -> tuple[float, float]:
    # Lossless would be 13 times as large; at quality 90, method 4 saves 1 % in twice the time.
    delays = timing.delays(len(film), 1000, _LEAST_MS)
    with film.pictures() as pictures, path.open("wb") as file:
        _Reel(pictures, len(film)).save(
            file, "WEBP", save_all=True, duration=delays, loop=0, quality=90, method=2
        )
    return 1000 / min(delays), sum(delays) / 1000


class _Reel(Image.Image):
    """An image of many frames, made as the writer asks for them, one after the other.

    Pillow's WebP writer would put a list of images in memory first, at 4 bytes a pixel.
    """

    def __init__(self, pictures: Iterator[Picture], count: int) -> None:
        super().__init__()
        self.n_frames = count
        self._pictures = pictures
        self._position = -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        while self._position < frame:
            image = Image.fromarray(next(self._pictures))
            self.im, self._mode, self._size = image.im, image.mode, image.size
            self._position += 1

    def tell(self) -> int:
        return self._position


def _write_png(path: Path, film: Film, timing: _Timing) -> tuple[float, float]:
    delays = timing.delays(len(film), 1000, _LEAST_MS)
    with film.pictures() as pictures, path.open("wb") as file:
        write_apng(file, pictures, delays, film.most_ahead)
    return 1000 / min(delays), sum(delays) / 1000


def _write_mp4(path: Path, film: Film, timing: _Timing) -> tuple[float, float]:
    return write_video(path, film, timing.fps, timing.hold, H264)


def _write_webm(path: Path, film: Film, timing: _Timing) -> tuple[float, float]:
    return write_video(path, film, timing.fps, timing.hold, VP9)


WRITERS = {
    ".gif": _Writer(_write_gif, largest_side=65_535),
    ".webp": _Writer(_write_webp, largest_side=16_383),
    ".png": _Writer(_write_png, largest_side=2**31 - 1),
    ".mp4": _Writer(_write_mp4, largest_side=16_384, needs_ffmpeg=True),
    ".webm": _Writer(_write_webm, largest_side=16_383, needs_ffmpeg=True),
}
"""How to write each kind of animation, by file suffix."""
