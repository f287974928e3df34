"""The picture that a run learns."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.apps.fit.manifest import Picture
from fit_image.config.fit import ImageConfig
from fit_image.images.decoding import file_sha256
from fit_image.images.formats.opening import FIRST_OF_MANY
from fit_image.images.inputs import as_picture
from fit_image.images.io import LoadedImage, check_shape, load_image

ImageLike = str | os.PathLike[str] | Image.Image | LoadedImage | npt.NDArray[Any]


@dataclass(frozen=True)
class PictureSource:
    """A picture, loaded and identified."""

    image: LoadedImage
    picture: Picture


def load_source(path: str | os.PathLike[str], config: ImageConfig) -> PictureSource:
    """Load the picture of a run; `InputError` if that fails."""
    image = load_image(path, **asdict(config))
    height, width = image.levels.shape[:2]
    remarks = tuple(
        f"{text}; --frame N chooses another" if summary in FIRST_OF_MANY.values() else text
        for text, summary in image.remarks
    )
    picture = Picture(str(Path(path).absolute()), file_sha256(path), width, height, remarks)
    return PictureSource(image, picture)


def take_image(image: ImageLike) -> npt.NDArray[Any]:
    """Return an image as uint8, uint16 or float32 (height, width, channels), C-contiguous.

    Raises
    ------
    InputError
        If it is none, or cannot be read.
    """
    if isinstance(image, str | os.PathLike | Image.Image):
        image = load_image(image)
    if isinstance(image, LoadedImage):
        return image.levels
    array = as_picture(image)
    check_shape(array)
    return np.ascontiguousarray(array)
