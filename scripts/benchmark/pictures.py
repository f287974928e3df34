"""The pictures that quality is measured on, none of which the repository holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.image import load_image

DATA = Path(os.environ.get("FIT_IMAGE_DATA", Path(__file__).resolve().parents[3] / "shared/data"))
NAMES = ("monalisa.jpg", *(f"kodak/kodim{number:02}.png" for number in (3, 5, 15, 19, 20, 23)))
"""The painting of the original experiment, and six of the photographs that Kodak released."""

LARGE_SIZE = (6000, 4000)

# Standard deviations of the texture's grains, by their size in pixels; of 255.
_GRAINS = {1: 2.0, 4: 3.0, 16: 3.0}


@dataclass(frozen=True)
class Picture:
    """A picture and its name."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @cached_property
    def levels(self) -> npt.NDArray[Any]:
        """The whole picture, as `fit_image.Trainer` takes it."""
        return load_image(self.path).levels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.levels.shape[:2]
        return width, height


def pictures(files: Sequence[Path]) -> list[Picture]:
    """Return these pictures; if there are none, those of the data folder.

    Raises
    ------
    SystemExit
        If one is not there.
    """
    paths = [Path(file) for file in files] or [DATA / name for name in NAMES]
    for path in paths:
        if not path.is_file():
            raise SystemExit(f"no file {path}: give --pictures, or FIT_IMAGE_DATA, their folder")
    return [Picture(path) for path in paths]


def choose(candidates: Sequence[Picture], name: str) -> Picture:
    """Return the picture of this name, or the first one where it is not among them."""
    return next((picture for picture in candidates if picture.name == name), candidates[0])


def save_enlarged(source: Path, target: Path, size: tuple[int, int] = LARGE_SIZE) -> None:
    """Enlarge a picture and add texture, for an enlarged one alone has no detail.

    The texture is seeded noise in grains of several sizes, the same in all channels.
    """
    width, height = size
    rng = np.random.default_rng(0)
    texture = np.zeros((height, width), dtype=np.float32)
    for grain, deviation in _GRAINS.items():
        shape = (-(-height // grain), -(-width // grain))
        grains = Image.fromarray(deviation * rng.standard_normal(shape, dtype=np.float32))
        texture += np.asarray(grains.resize(size, Image.Resampling.BICUBIC))
    with Image.open(source) as picture:
        enlarged = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    textured = np.asarray(enlarged) + texture[..., None]
    levels = np.clip(np.rint(textured), 0, 255).astype(np.uint8)
    Image.fromarray(levels).save(target, compress_level=1)
