"""Write animations of frames; `WRITERS` has one writer for each file suffix."""

from __future__ import annotations

import importlib.util
import math
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import features

from fit_image.animation.apng import write_apng
from fit_image.animation.film import Film, Pixels
from fit_image.animation.gif import write_gif
from fit_image.animation.palette import MOST_COLOURS
from fit_image.animation.pillow_formats import write_avif, write_webp
from fit_image.animation.scenes import find_scenes, paint
from fit_image.animation.size_limit import Candidate, SizeLimit, write_within
from fit_image.animation.video import H264, VP9, Codec, write_video
from fit_image.config.animation import FPS, HOLD
from fit_image.config.registry import LOOPS
from fit_image.config.settings import check_choice, require
from fit_image.errors import FitImageError, InputError
from fit_image.images.decoding import parse_background
from fit_image.storage.atomic import atomic_path

HOLD_SECONDS = 2.0
"""Default duration of the last frame."""

# Browsers play frames of at most 10 ms at a tenth of the speed.
_MIN_HUNDREDTHS, _MIN_MS = 2, 11


@dataclass(frozen=True)
class AnimationReport:
    """Properties of an animation that was written.

    Attributes
    ----------
    path : Path
        The file.
    frames : int
        Frames shown, those on the way back included; equal neighbours may share one in the file.
    fps : float
        Actual frames per second: formats count in hundredths or thousandths of a second.
    seconds : float
        Actual duration of one loop, including the last frame's hold and the way back.
    size : int
        In bytes.
    reduced : tuple of str
        What keeps it to a limit of its size.
    """

    path: Path
    frames: int
    fps: float
    seconds: float
    size: int
    reduced: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Timing:
    """Requested frames per second, the last frame's duration in seconds, and one of `LOOPS`."""

    fps: float
    hold: float
    loop: str

    @property
    def plays(self) -> int:
        """How often the film is played; 0 is without end."""
        return int(self.loop == "once")

    def delays(self, film: Film, per_second: int, minimum: int) -> list[int]:
        """Return each frame's delay in units of ``1 / per_second``, at least ``minimum``."""
        exact = per_second / self.fps
        near = (max(minimum, math.floor(exact)), max(minimum, math.ceil(exact)))
        delay = min(near, key=lambda units: abs(per_second / units - self.fps))
        delays = [delay] * len(film)
        delays[film.last] = max(delay, round(self.hold * per_second))
        return delays


@dataclass(frozen=True)
class _Writer:
    """A format.

    ``write`` takes file, film, timing and one of ``levels``, and returns the true frame rate and
    duration. The first level is the usual one, the others make smaller files; ``shown`` describes
    them.
    """

    write: Callable[[Path, Film, _Timing, int], tuple[float, float]]
    levels: tuple[int, ...]
    shown: str
    max_side: int
    needs_ffmpeg: bool = False
    needs_avif: bool = False
    plays_once: bool = True


def check_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of ``path`` in lower case.

    `InputError` if it is unknown, or what the format needs is not installed.
    """
    suffix = Path(path).suffix.lower()
    writer = WRITERS.get(suffix)
    if writer is None:
        raise InputError(f"cannot write {path}: its name must end in one of {', '.join(WRITERS)}")
    if writer.needs_ffmpeg and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise InputError(f"cannot write {path}: first run pip install 'fit-image[video]'")
    if writer.needs_avif and not features.check("avif"):
        raise InputError(f"cannot write {path}: this Pillow was built without AVIF")
    return suffix


def check_size(path: str | os.PathLike[str], width: int, height: int) -> None:
    """Raise `InputError` if the format cannot be written, or not with frames of this size."""
    longest = WRITERS[check_suffix(path)].max_side
    if max(width, height) > longest:
        problem = f"at most {longest} pixels a side, not {width} x {height}"
        raise InputError(f"cannot write {path}: the format allows {problem}")


def check_loop(path: str | os.PathLike[str], loop: str) -> None:
    """Raise `InputError` if an animation in this format cannot be repeated as asked."""
    check_choice("loop", loop, LOOPS)
    possible = loop != "once" or WRITERS[check_suffix(path)].plays_once
    require(possible, "loop", "once is not possible in AVIF files: give .gif, .webp or .png")


def write_animation(
    path: str | os.PathLike[str],
    frames: Sequence[str | os.PathLike[str]],
    *,
    fps: float = 20.0,
    hold: float = HOLD_SECONDS,
    loop: str = "forward",
    target: Pixels | None = None,
    on_frame: Callable[[int, int], None] | None = None,
    background: str = "white",
) -> AnimationReport:
    """Write an animation, atomically.

    Parameters
    ----------
    path : path-like
        The file; its suffix chooses the format (`WRITERS`). Replaced if it exists.
    frames : sequence of path-like
        Pictures of equal size, in order.
    fps : float
        Frames per second, 0.01 to 1000; the format's nearest value is used and reported. At most
        50 in a GIF, 90 in WebP, AVIF and PNG, because browsers slow down faster ones.
    hold : float
        Seconds that the last frame is shown, 0 to 600, but at least as long as the others.
    loop : str
        ``forward`` repeats it without end; ``boomerang``, too, forward and back; ``once`` plays it
        once. Of videos, players decide whether they repeat.
    target : ndarray of uint8, shape (height, width, 3), optional
        Shown beside each frame, see `with_target`.
    on_frame : callable, optional
        Called in this thread with the number of frames read so far, and of all frames.
    background : str
        Opaque CSS colour behind transparent frames; animations are opaque.

    Raises
    ------
    InputError
        If the suffix is unknown, the extra ``fit-image[video]`` is missing, there are no frames,
        ``fps`` or ``hold`` is out of range, ``loop`` is unknown, ``target`` and the frames differ
        in size, ``background`` is invalid, or a side is too long for the format.
    FitImageError
        If a frame cannot be read or differs in size, or the file cannot be written.
    """
    check_suffix(path)
    film = Film.of_frames(frames, target, on_frame, parse_background(background))
    return write_film(path, film, fps=fps, hold=hold, loop=loop)


def write_film(
    path: str | os.PathLike[str],
    film: Film,
    *,
    fps: float = 20.0,
    hold: float = HOLD_SECONDS,
    loop: str = "forward",
    limit: SizeLimit | None = None,
) -> AnimationReport:
    """Write a film as `write_animation` writes files of frames.

    Raises
    ------
    InputError
        If the suffix is unknown, the extra ``fit-image[video]`` is missing, ``fps`` or ``hold`` is
        out of range, ``loop`` is unknown, a side is too long for the format, or the film cannot be
        made to fit into the ``limit``.
    FitImageError
        If a frame cannot be made, or the file cannot be written.
    """
    path = Path(path)
    writer = WRITERS[check_suffix(path)]
    least, most = FPS
    require(least <= fps <= most, "fps", f"must be {least:g} to {most:g}, not {fps:g}")
    shortest, longest = HOLD
    problem = f"must be {shortest:g} to {longest:g} seconds, not {hold:g}"
    require(shortest <= hold <= longest, "hold", problem)
    check_loop(path, loop)
    check_size(path, film.width, film.height)
    with atomic_path(path) as temporary:

        def write(shown: Film, level: int) -> tuple[float, float]:
            if loop == "boomerang":
                shown = shown.forward_and_back()
            timing = _Timing(fps, hold, loop)
            return writer.write(temporary, shown, timing, writer.levels[level])

        try:
            if limit is None:
                shown, chosen, times = film, Candidate(), write(film, 0)
            else:
                shown, chosen, times = write_within(
                    temporary, film, limit, len(writer.levels), write
                )
            size = temporary.stat().st_size
        except FitImageError as error:
            if str(temporary) not in str(error):
                raise
            # Writers know the temporary file only.
            raise type(error)(str(error).replace(str(temporary), str(path))) from error
    reduced = []
    if chosen.frames is not None:
        reduced.append(f"{len(shown)} of {len(film)} frames")
    if chosen.level:
        reduced.append(writer.shown.format(writer.levels[chosen.level]))
    if chosen.scale < 1:
        reduced.append(f"{shown.width}x{shown.height} pixels")
    frames = len(shown.forward_and_back()) if loop == "boomerang" else len(shown)
    return AnimationReport(path, frames, *times, size, tuple(reduced))


def _write_gif(path: Path, film: Film, timing: _Timing, colours: int) -> tuple[float, float]:
    scenes = find_scenes(film, colours)
    delays = timing.delays(film, 100, _MIN_HUNDREDTHS)
    with film.frames() as frames, path.open("wb") as file:
        try:
            size = (film.width, film.height)
            own = [each for each in scenes if each.first <= film.last][-1].quantization.colours
            write_gif(file, size, paint(frames, scenes), delays, own, plays=timing.plays)
        except struct.error as error:
            problem = "a GIF frame can last 655 s at most; increase the frames per second"
            raise FitImageError(f"cannot write {path}: {problem}") from error
    return 100 / min(delays), sum(delays) / 100


def _write_webp(path: Path, film: Film, timing: _Timing, quality: int) -> tuple[float, float]:
    delays = timing.delays(film, 1000, _MIN_MS)
    with film.frames() as frames, path.open("wb") as file:
        write_webp(file, frames, delays, quality, plays=timing.plays)
    return 1000 / min(delays), sum(delays) / 1000


def _write_avif(path: Path, film: Film, timing: _Timing, quality: int) -> tuple[float, float]:
    delays = timing.delays(film, 1000, _MIN_MS)
    with film.frames() as frames, path.open("wb") as file:
        write_avif(file, frames, delays, quality)
    return 1000 / min(delays), sum(delays) / 1000


def _write_png(path: Path, film: Film, timing: _Timing, _: int) -> tuple[float, float]:
    delays = timing.delays(film, 1000, _MIN_MS)
    with film.frames() as frames, path.open("wb") as file:
        write_apng(file, frames, delays, film.prefetch_limit, plays=timing.plays)
    return 1000 / min(delays), sum(delays) / 1000


def _write_video(
    codec: Codec, path: Path, film: Film, timing: _Timing, crf: int
) -> tuple[float, float]:
    return write_video(path, film, timing.fps, timing.hold, codec, crf)


_QUALITY, _CRF = "quality {}", "crf {}"

WRITERS = {
    ".gif": _Writer(_write_gif, (MOST_COLOURS, 128, 64, 32), "{} colours a scene", 65_535),
    ".webp": _Writer(_write_webp, (90, 75, 60, 45), _QUALITY, 16_383),
    ".avif": _Writer(
        _write_avif, (80, 65, 50, 35), _QUALITY, 32_768, needs_avif=True, plays_once=False
    ),
    ".png": _Writer(_write_png, (0,), "", 2**31 - 1),
    ".mp4": _Writer(partial(_write_video, H264), (18, 23, 28, 33), _CRF, 16_384, needs_ffmpeg=True),
    ".webm": _Writer(partial(_write_video, VP9), (24, 30, 36, 42), _CRF, 16_383, needs_ffmpeg=True),
}
"""Writers of animations, by file suffix."""
