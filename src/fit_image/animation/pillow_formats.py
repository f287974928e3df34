"""Write frames as WebP or AVIF by Pillow, which takes them one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from PIL import Image

from fit_image.animation.film import Pixels


def write_webp(
    file: BinaryIO, frames: Iterator[Pixels], delays: Sequence[int], quality: int, *, plays: int
) -> None:
    """Write a WebP file, lossy.

    Parameters
    ----------
    delays : sequence of int
        Of each frame, in milliseconds.
    quality : int
        0 to 100.
    plays : int
        How often it is played; 0 is without end.
    """
    # Lossless is 13 times as large; at quality 90, method 4 saves 1 % in twice the time.
    options = {"quality": quality, "method": 2, "loop": plays}
    _LazyFrames(frames, len(delays)).save(
        file, "WEBP", save_all=True, duration=list(delays), **options
    )


def write_avif(
    file: BinaryIO, frames: Iterator[Pixels], delays: Sequence[int], quality: int
) -> None:
    """Write an AVIF file, which is played without end; parameters as of `write_webp`."""
    # Speed 6 saves a fifth in ten times the time. Hardware decodes 4:2:0 only. The encoder cuts
    # pictures into a tile for each thread, so that the bytes would depend on the machine.
    options = {"quality": quality, "speed": 9, "subsampling": "4:2:0", "max_threads": 1}
    _LazyFrames(frames, len(delays)).save(
        file, "AVIF", save_all=True, duration=list(delays), **options
    )


class _LazyFrames(Image.Image):
    """A Pillow image of many frames, each made when the writer seeks it.

    Given a list of images, Pillow's writers hold all of them in memory, at 4 bytes a pixel.
    """

    def __init__(self, frames: Iterator[Pixels], count: int) -> None:
        super().__init__()
        self.n_frames = count
        self.is_animated = count > 1
        self._frames = frames
        self._position = -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame >= self.n_frames:
            raise EOFError
        while self._position < frame:
            image = Image.fromarray(next(self._frames))
            self.im, self._mode, self._size = image.im, image.mode, image.size
            self._position += 1

    def tell(self) -> int:
        return self._position
