"""Gain of a network over JPEG on clean pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.patches.pictures import CleanPicture, read_clean
from fit_image.images.formats.jpeg import Compression
from fit_image.images.formats.opening import Remark
from fit_image.images.io import psnr


@dataclass(frozen=True)
class Score:
    """The score of a picture: PSNR over red, green and blue in dB, as JPEG and restored."""

    file: Path
    jpeg: float
    restored: float

    @property
    def is_finite(self) -> bool:
        """Whether both have errors: without any, a PSNR is infinite."""
        return math.isfinite(self.jpeg) and math.isfinite(self.restored)

    @property
    def gain(self) -> float:
        """Gain of the network in dB."""
        return 0.0 if self.jpeg == self.restored else self.restored - self.jpeg


def score(
    restorer: Restorer,
    pictures: Sequence[CleanPicture],
    compression: Compression,
    *,
    threads: int | None = None,
    remarks: dict[Path, Sequence[Remark]] | None = None,
) -> Iterator[Score]:
    """Compress clean pictures, restore them, and compare; those that are damaged are left out.

    What must be said about the others is added to ``remarks``.
    """
    for file, _ in pictures:
        clean = read_clean(file, remarks)
        if clean is None:
            continue
        damaged = compression.apply(clean)
        restored = restorer.restore(damaged, threads=threads)
        yield Score(file, psnr(damaged, clean), psnr(restored, clean))
