"""The picture that a run learns."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
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
    """Load the picture of a run; `InputError` if that fails."""
    image = load_image(path, **asdict(config))
    height, width = image.levels.shape[:2]
    picture = Picture(str(Path(path).absolute()), file_sha256(path), width, height)
    return PictureSource(image, picture)
