"""Videos, through imageio and ffmpeg: the extra ``fit-image[video]``."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fit_image.errors import FitImageError
from fit_image.frames import Film, Picture


@dataclass(frozen=True)
class Codec:
    """An encoder of ffmpeg, and its options."""

    name: str
    options: tuple[str, ...]


H264 = Codec("libx264", ("-crf", "18", "-preset", "medium", "-movflags", "+faststart"))
VP9 = Codec(
    "libvpx-vp9",
    ("-crf", "24", "-b:v", "0", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1"),
)

# Without a matrix in the file, players guess one by the size of the picture.
_COLOURS = (
    "-vf",
    "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int",
    *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
)


def write_video(
    path: Path, film: Film, fps: float, hold: float, codec: Codec
) -> tuple[float, float]:
    """Write a video in yuv420p, each picture padded to even sides, and the last one repeated.

    Parameters
    ----------
    path : Path
        The file; its suffix names the container.
    film : Film
    fps : float
        Frames a second.
    hold : float
        Seconds that the last frame stays, at least one frame.
    codec : Codec

    Returns
    -------
    fps, seconds : float
        True frames a second, and duration.

    Raises
    ------
    FitImageError
        If a frame cannot be read, or ffmpeg fails.
    """
    import imageio.v2
    import imageio_ffmpeg

    file = path.absolute()  # ffmpeg would take a name like a:b.mp4 or -b.mp4 for something else
    held = max(1, round(hold * fps))
    count = len(film) - 1 + held
    try:
        # imageio's own context manager leaves ffmpeg running after an exception.
        with (
            _muted("imageio_ffmpeg"),
            film.pictures() as pictures,
            contextlib.closing(
                imageio.v2.get_writer(
                    file,
                    format="FFMPEG",
                    mode="I",
                    fps=fps,
                    codec=codec.name,
                    quality=None,
                    pixelformat="yuv420p",
                    macro_block_size=1,  # else it scales the pictures
                    ffmpeg_log_level="quiet",
                    output_params=[*_COLOURS, *codec.options],
                )
            ) as writer,
        ):
            for picture in pictures:
                shown = _even(picture)
                writer.append_data(shown)
            for _ in range(held - 1):
                writer.append_data(shown)
        # imageio does not tell how ffmpeg ended.
        if imageio_ffmpeg.count_frames_and_secs(str(file))[0] < count:
            raise RuntimeError("frames are missing")
    except (OSError, RuntimeError) as error:
        raise FitImageError(f"cannot write {path}: ffmpeg failed; is the disk full?") from error
    return fps, count / fps


def _even(picture: Picture) -> Picture:
    """Repeat the last row and column where their number is odd: yuv420p halves the colours."""
    height, width, _ = picture.shape
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


@contextlib.contextmanager
def _muted(name: str) -> Iterator[None]:
    def refuse(record: logging.LogRecord) -> bool:
        return False

    logger = logging.getLogger(name)
    logger.addFilter(refuse)
    try:
        yield
    finally:
        logger.removeFilter(refuse)
