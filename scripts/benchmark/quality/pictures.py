"""The pictures that quality is measured on, none of which the repository holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt

from fit_image.images.io import load_image

_DATA = Path(os.environ.get("FIT_IMAGE_DATA", Path(__file__).resolve().parents[4] / "shared/data"))
_NAMES = ("monalisa.jpg", *(f"kodak/kodim{number:02}.png" for number in (3, 5, 15, 19, 20, 23)))
"""The painting of the original experiment, and six of the photographs that Kodak released."""


@dataclass(frozen=True)
class Picture:
    """A picture, loaded when first asked for."""

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
        return self.levels.shape[1], self.levels.shape[0]


def pictures(files: Sequence[Path]) -> list[Picture]:
    """Return these pictures; if there are none, those of the data folder."""
    paths = list(files) or [_DATA / name for name in _NAMES]
    for path in paths:
        if not path.is_file():
            raise SystemExit(f"no file {path}: give --pictures, or FIT_IMAGE_DATA, their folder")
    return [Picture(path) for path in paths]


def choose(candidates: Sequence[Picture], name: str) -> Picture:
    """Return the picture of this name, or the first one where it is not among them."""
    return next((picture for picture in candidates if picture.name == name), candidates[0])
