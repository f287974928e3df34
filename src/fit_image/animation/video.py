"""Write videos with imageio and ffmpeg, the extra ``fit-image[video]``."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fit_image.animation.film import Film, Pixels, numbered
from fit_image.errors import FitImageError


@dataclass(frozen=True)
class Codec:
    """An encoder of ffmpeg, and its options."""

    name: str
    options: tuple[str, ...]


H264 = Codec("libx264", ("-preset", "medium", "-movflags", "+faststart"))
VP9 = Codec(
    "libvpx-vp9",
    ("-b:v", "0", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1"),
)

# Without a matrix in the file, players guess one from the frame size. Newer versions of ffmpeg take
# the names of the colours from the frames, older ones from the options of the encoder.
_SCALE = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"
_TAGS = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
_COLOURS = (
    *("-vf", f"{_SCALE},{_TAGS}"),
    *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
)


def write_video(
    path: Path, film: Film, fps: float, hold: float, codec: Codec, crf: int
) -> tuple[float, float]:
    """Write a video in yuv420p; frames are padded to even sides.

    The suffix of ``path`` chooses the container; ``hold`` is the number of seconds that the last
    frame is repeated, at least one frame. Returns frames per second and duration.

    Raises
    ------
    FitImageError
        If a frame cannot be read, or ffmpeg fails.
    """
    import imageio.v2
    import imageio_ffmpeg

    file = path.absolute()  # ffmpeg misreads names such as a:b.mp4 and -b.mp4
    repeats = max(1, round(hold * fps))
    count = len(film) - 1 + repeats
    try:
        # imageio's own context manager leaves ffmpeg running after an exception.
        with (
            _muted("imageio_ffmpeg"),
            film.frames() as frames,
            contextlib.closing(
                imageio.v2.get_writer(
                    file,
                    format="FFMPEG",
                    mode="I",
                    fps=fps,
                    codec=codec.name,
                    quality=None,
                    pixelformat="yuv420p",
                    macro_block_size=1,  # otherwise it scales the frames
                    ffmpeg_log_level="quiet",
                    output_params=[*_COLOURS, "-crf", str(crf), *codec.options],
                )
            ) as writer,
        ):
            for index, frame in numbered(frames):
                padded = _pad_to_even(frame)
                for _ in range(repeats if index == film.last else 1):
                    writer.append_data(padded)
                del frame, padded  # before the next frame is read
        # imageio does not report ffmpeg's exit status.
        if imageio_ffmpeg.count_frames_and_secs(str(file))[0] < count:
            raise RuntimeError("frames are missing")
    except (OSError, RuntimeError) as error:
        raise FitImageError(f"cannot write {path}: ffmpeg failed; is the disk full?") from error
    return fps, count / fps


def _pad_to_even(frame: Pixels) -> Pixels:
    """Repeat the last row and column if their number is odd: yuv420p halves the chroma."""
    height, width, _ = frame.shape
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


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
