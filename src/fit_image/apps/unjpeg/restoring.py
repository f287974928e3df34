"""Restoration of a picture file, whose metadata are kept."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fit_image.apps.unjpeg.pixels.levels import Picture
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.errors import InputError, one_line
from fit_image.images.decoding import reading
from fit_image.images.formats.jpeg import quality_of, subsampling_of
from fit_image.images.formats.jpeg_planes import JpegPlanes, read_planes
from fit_image.images.formats.jpeg_traces import has_traces
from fit_image.images.formats.opening import OpenedImage, open_image
from fit_image.images.io import check_image_suffix, check_image_target, save_image
from fit_image.images.metadata import Metadata, turn_upright
from fit_image.images.scaling import to_image

_GAP = 8

# The only format whose readers all turn pictures upright.
_TURNED_BY_READERS = "JPEG"

# Lossy, so that at the usual 95 more might be lost than was restored.
_JPEG_QUALITY = 100

# By mode: that in which a picture is restored; with transparency, RGBA.
_MODES = {"L": "L", "1": "L", "RGB": "RGB", "P": "RGB", "LA": "RGBA", "RGBA": "RGBA"}


_NO_COEFFICIENTS = (
    "its coefficients cannot be read, as its sampling or its size is unusual; it is left as it is "
    "unless --quality or RUN is given"
)


_STRIPPED = "metadata that are damaged or too large are left out"


class DamagedPicture(NamedTuple):
    """A picture to be restored, and how JPEG has compressed it, if it has.

    ``pixels`` are uint8 (height, width, channels), of 1, 3 or 4 channels. Orientation and colour
    profile are not applied, but stand in the metadata. ``remarks`` must be told the user.
    """

    pixels: Picture
    quality: int | None
    subsampling: str | None
    metadata: Metadata
    remarks: tuple[str, ...] = ()
    jpeg: JpegPlanes | None = None

    def is_restorable(self) -> bool:
        """Tell whether the coefficients are known, or the pixels show that it was a JPEG."""
        if self.quality is None:
            return has_traces(_opaque(self.pixels))
        # Networks make some worse whose sampling they have never seen.
        return self.jpeg is not None


def read_picture(path: Path) -> DamagedPicture:
    """Read a picture file; `InputError` if it is none, or its pixels are neither grey nor RGB."""
    with reading(path) as file:
        opened = open_image(file)
        picture = opened.image
        quality, subsampling = quality_of(picture), subsampling_of(picture)
        metadata = Metadata.of(picture)
        unusable = _unusable(opened, metadata)
        pixels = None if unusable else _pixels_of(picture)
        remarks, is_stripped = opened.remarks, opened.is_stripped
        del picture, opened  # large, and of no more use
        jpeg = None if quality is None or pixels is None else read_planes(file)
    if pixels is None:
        raise InputError(
            f"cannot restore {one_line(path)}: its pixels are {unusable}; convert it to RGB or "
            "grey of 8 bits first"
        )
    texts = tuple(remark.text for remark in remarks)
    if is_stripped:
        texts = (*texts, _STRIPPED)
    if quality is not None and jpeg is None:
        texts = (*texts, _NO_COEFFICIENTS)
    return DamagedPicture(pixels, quality, subsampling, metadata, texts, jpeg)


def _unusable(opened: OpenedImage, metadata: Metadata) -> str | None:
    """Return a description of pixels that cannot be restored; None if they can."""
    mode = opened.image.mode
    if mode not in _MODES:
        return mode
    if opened.bits > 8:
        return f"{mode} of {opened.bits} bits"
    # They would become colours, which such a profile is not for.
    if _restored_mode(opened.image) == "RGBA" and metadata.has_grey_profile:
        return f"{mode} with a colour profile of grey"
    return None


def _restored_mode(picture: Image.Image) -> str:
    return "RGBA" if "transparency" in picture.info else _MODES[picture.mode]


def _pixels_of(picture: Image.Image) -> Picture:
    mode = _restored_mode(picture)
    # Pillow would copy a picture that already has the mode.
    return np.atleast_3d(np.asarray(picture if picture.mode == mode else picture.convert(mode)))


def restore(
    damaged: DamagedPicture,
    restoration: Restoration,
    *,
    on_rows: Callable[[int, int], None] = lambda done, total: None,
) -> Picture:
    """Return restored pixels of the same channels, alpha as it is; see `Restoration.restore`."""
    pixels = damaged.pixels
    restored = restoration.restore(_opaque(pixels), damaged.jpeg, on_rows)
    if pixels.shape[2] == 1:
        return np.atleast_3d(np.asarray(to_image(restored).convert("L")))
    return np.dstack([restored, pixels[..., 3]]) if pixels.shape[2] == 4 else restored


def _opaque(pixels: Picture) -> Picture:
    """Return red, green and blue, also of pixels that are transparent."""
    return np.broadcast_to(pixels[..., :3], (*pixels.shape[:2], 3))


def side_by_side(damaged: DamagedPicture, restored: Picture) -> Image.Image:
    """Return a picture and its restored version side by side, both upright."""
    width, height = _upright_size(damaged)
    sheet = Image.new("RGB", (2 * width + _GAP, height), "white")
    for left, each in ((0, damaged.pixels), (width + _GAP, restored)):
        upright = turn_upright(to_image(each).convert("RGBA"), damaged.metadata.orientation)
        sheet.paste(upright, (left, 0), upright)
    return sheet


def check_side_by_side(damaged: DamagedPicture, target: Path) -> None:
    """Raise `InputError` unless `side_by_side` can be written to ``target``."""
    width, height = _upright_size(damaged)
    try:
        check_image_target(target, 2 * width + _GAP, height)
    except InputError as error:
        raise InputError(f"{error}; or leave --compare out") from None


def check_restored(damaged: DamagedPicture, target: Path) -> None:
    """Raise `InputError` unless `save_restored` can write the picture and what it holds."""
    height, width, channels = damaged.pixels.shape
    name = check_image_target(target, width, height, channels)
    metadata = _written(damaged.metadata, name)
    if lost := metadata.lost_in(name):
        raise InputError(
            f"cannot write {one_line(target)}: {name} cannot hold the picture's "
            f"{', '.join(lost)}; use .png"
        )
    # Tried on one pixel: not all EXIF data that other formats take as they are fit in a TIFF.
    try:
        Image.new("RGB", (1, 1)).save(io.BytesIO(), name, **metadata.save_options(name))
    except Exception:  # Pillow raises nearly every kind
        raise InputError(
            f"cannot write {one_line(target)}: {name} cannot hold the picture's "
            f"{' or '.join(metadata.names)}; use .png"
        ) from None


def save_restored(target: Path, damaged: DamagedPicture, restored: Picture) -> tuple[int, int]:
    """Write a restored picture with the metadata of the damaged one; return its width and height.

    It is turned upright unless readers of the format do that.
    """
    name = check_image_suffix(target)
    image = to_image(restored)
    if name != _TURNED_BY_READERS:
        image = turn_upright(image, damaged.metadata.orientation)
    quality = {"quality": _JPEG_QUALITY} if name == "JPEG" else {}
    save_image(target, image, **quality, **_written(damaged.metadata, name).save_options(name))
    return image.size


def _written(metadata: Metadata, format_name: str) -> Metadata:
    """Return the metadata of a picture that is turned upright unless readers of the format do."""
    return metadata if format_name == _TURNED_BY_READERS else metadata.turned_upright()


def _upright_size(damaged: DamagedPicture) -> tuple[int, int]:
    height, width, _ = damaged.pixels.shape
    return (height, width) if damaged.metadata.is_sideways() else (width, height)
