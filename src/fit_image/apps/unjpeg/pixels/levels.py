"""A restored picture's pixels, from planes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.pixels.kernels import keep_kernel, levels_kernel
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

Picture = npt.NDArray[np.uint8]
Blocks = npt.NDArray[np.uint8]


def levels_of(
    planes: Sequence[FloatArray],
    picture: Picture,
    active: Blocks,
    is_screen: Blocks,
    pool: ThreadPool,
    *,
    is_luma: bool,
    strength: float,
    nearly: int = 3,
) -> Picture:
    """Return a restored picture's pixels; those stay as they are of which `keep_kernel` says so.

    ``nearly`` is how many levels from pure white or black pixels of screens may be meant to be so.
    """
    levels, restored = np.empty_like(picture), np.empty_like(picture)
    _run(pool, levels_kernel, tuple(planes), is_luma, picture, np.float32(strength), levels)
    _run(pool, keep_kernel, levels, picture, active, is_screen, nearly, restored)
    return restored


def varied_blocks(picture: Picture) -> Blocks:
    """Return 0 for blocks of one colour among such of the same, 1 for others."""
    more = [(0, -side % BLOCK) for side in picture.shape[:2]]
    whole = np.pad(picture, [*more, (0, 0)], mode="edge")
    rows, columns = (side // BLOCK for side in whole.shape[:2])
    cells = whole.reshape(rows, BLOCK, columns, BLOCK, 3)
    around = [(1, 1), (1, 1), (0, 0)]
    low, high = (
        np.lib.stride_tricks.sliding_window_view(np.pad(each, around, mode="edge"), (3, 3), (0, 1))
        for each in (cells.min(axis=(1, 3)), cells.max(axis=(1, 3)))
    )
    varied: npt.NDArray[np.bool_] = (low.min(axis=(3, 4)) != high.max(axis=(3, 4))).any(axis=2)
    return varied.astype(np.uint8)


def _run(pool: ThreadPool, kernel: Callable[..., object], *arguments: object) -> None:
    """Call a kernel in all threads, each for some of the rows of the last argument."""
    last = arguments[-1]
    assert isinstance(last, np.ndarray)

    def work(counts: object, thread: int, threads: int) -> None:
        kernel(*arguments, len(last) * thread // threads, len(last) * (thread + 1) // threads)

    pool.run(work)
