"""Gain of a restoration over JPEG on clean pictures."""

from __future__ import annotations

import io
import math
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.patches.pictures import CleanPicture, read_clean
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.images.decoding import reading
from fit_image.images.fidelity import Fidelity, fidelity
from fit_image.images.formats.jpeg import Compression, decompress, is_jpeg
from fit_image.images.formats.jpeg_blocks import LARGEST_SIDE
from fit_image.images.formats.jpeg_planes import read_planes
from fit_image.images.formats.opening import Remark

PEER = "jpegqs"
"""Program that smooths JPEG files within their quantisation; measured, too, where it is found."""

_PEER_SECONDS = 600

_IS_JPEG = "JPEG files, whose own artefacts count as part of the originals: gains are too low"


@dataclass(frozen=True)
class Score:
    """The score of a picture, as JPEG, restored, and restored by `PEER`."""

    file: Path
    before: Fidelity
    after: Fidelity
    peer: Fidelity | None = None

    @property
    def jpeg(self) -> float:
        """PSNR over red, green and blue in dB, as JPEG."""
        return self.before.psnr

    @property
    def restored(self) -> float:
        """PSNR over red, green and blue in dB, restored."""
        return self.after.psnr

    @property
    def is_finite(self) -> bool:
        """Whether both have errors: without any, a PSNR is infinite."""
        return math.isfinite(self.jpeg) and math.isfinite(self.restored)

    @property
    def gain(self) -> float:
        """Gain of the restoration in dB."""
        return 0.0 if self.jpeg == self.restored else self.restored - self.jpeg


def score(
    restoration: Restoration,
    pictures: Sequence[CleanPicture],
    compression: Compression,
    *,
    remarks: dict[Path, Sequence[Remark]] | None = None,
) -> Iterator[Score]:
    """Compress clean pictures, restore them, and compare.

    Those that are damaged, or too large for a JPEG, are left out. What must be said about the
    others is added to ``remarks``, also that they are JPEG files.
    """
    program = shutil.which(PEER)
    for file, _ in pictures:
        clean = read_clean(file, remarks)
        if clean is None or max(clean.shape[:2]) > LARGEST_SIDE:
            continue
        if remarks is not None and _is_jpeg_file(file):
            remarks[file] = (*remarks.get(file, ()), Remark(_IS_JPEG, _IS_JPEG))
        data = compression.encode(clean)
        damaged = decompress(data)
        restored = restoration.restore(damaged, read_planes(io.BytesIO(data)))
        smoothed = _by_peer(program, data) if program else None
        peer = None if smoothed is None else fidelity(smoothed, clean)
        yield Score(file, fidelity(damaged, clean), fidelity(restored, clean), peer)


def _is_jpeg_file(path: Path) -> bool:
    with reading(path) as file:
        return is_jpeg(file)


def _by_peer(program: str, data: bytes) -> npt.NDArray[np.uint8] | None:
    """Return a JPEG as `PEER` restores it at its best setting; None if that fails."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.jpg"), Path(folder, "out.jpg")
        source.write_bytes(data)
        command = [program, "-q", "6", "-i", "0", str(source), str(target)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_PEER_SECONDS)
            return decompress(target.read_bytes())
        except (OSError, subprocess.SubprocessError):
            return None
