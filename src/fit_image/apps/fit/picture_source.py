"""The picture that a run learns."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fit_image.apps.fit.directory import Picture
from fit_image.config.fit import ImageConfig
from fit_image.images.decoding import file_sha256
from fit_image.images.io import LoadedImage, load_image


@dataclass(frozen=True)
class PictureSource:
    """A picture, loaded and identified."""

    image: LoadedImage
    picture: Picture


def load_source(path: str | os.PathLike[str], config: ImageConfig) -> PictureSource:
    """Load the picture of a run.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    image = load_image(
        path,
        background=config.background,
        max_pixels=config.max_pixels,
        channels=config.channels,
    )
    height, width = image.levels.shape[:2]
    return PictureSource(
        image, Picture(str(Path(path).absolute()), file_sha256(path), width, height)
    )
