"""Decode any picture file to an upright Pillow image in sRGB.

Orientation, mode, depth, transparency and colour profile are resolved here; whatever is wrong with
a file becomes an `InputError`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageColor, ImageOps, UnidentifiedImageError

from fit_image.errors import InputError, excerpt, one_line, os_error_reason
from fit_image.images.limits import LARGEST_PICTURE, pixel_limit
from fit_image.storage.atomic import check_regular

# Colour space of a profile: the mode it describes, and the modes that convert to it without loss.
_PROFILES = {
    "RGB": ("RGB", {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"}),
    "GRAY": ("L", {"1", "L", "LA"}),
    "CMYK": ("CMYK", {"CMYK"}),
}

Colour = tuple[int, int, int]

_STRIP_PIXELS = 1 << 18  # converted at once, so that temporary arrays stay small


@contextlib.contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[io.BufferedReader]:
    """Open a picture file for a ``with`` block, in which `pixel_limit` holds.

    Any exception up to the end of the block becomes an `InputError` that names the file.
    """
    path = Path(path)
    check_regular(path)
    try:
        with path.open("rb") as file, pixel_limit():
            yield file
    except Exception as error:  # Pillow raises many kinds for damaged files
        raise InputError(f"cannot read {one_line(path)}: {_problem(error)}") from error


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal; `InputError` if it cannot be read."""
    with reading(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_upright(file: io.BufferedReader) -> Image.Image:
    """Load the first picture in a file and turn it upright; its mode is the file's.

    Raises
    ------
    InputError
        If the file is empty or PostScript; for other problems Pillow raises, see `reading`.
    """
    if not file.peek(1):
        raise InputError("the file is empty; give a picture")
    picture = Image.open(file)
    if picture.format == "EPS":  # Pillow would run Ghostscript
        raise InputError("PostScript is not supported; export it as PNG")
    picture.load()
    with contextlib.suppress(Exception):  # damaged metadata do not damage the picture
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def parse_background(text: str) -> Colour:
    """Parse an opaque CSS colour to red, green and blue, 0..255; `InputError` if invalid."""
    with contextlib.suppress(ValueError):
        red, green, blue, *alpha = ImageColor.getrgb(text)
        if max(red, green, blue) <= 255 and alpha in ([], [255]):
            return red, green, blue
    wanted = "an opaque colour such as white, #fa0 or rgb(1,2,3)"
    raise InputError(f"background must be {wanted}, not {excerpt(text)}", fields=("background",))


def convert_channels(picture: Image.Image, channels: str, background: Colour) -> Image.Image:
    """Convert a picture to sRGB with the given channels.

    The picture may have any mode. Its colour profile is applied, a broken one ignored; the grey of
    a colour is its luma (ITU-R BT.601). ``background`` lies behind transparent pixels, unless alpha
    is kept. The result has mode RGB, L or RGBA (straight alpha); mode F in 0..1, and no alpha, if
    the grey has more than 8 bits.
    """
    if picture.mode[0] in "IF":
        grey, alpha = _deep_grey(picture)
        if alpha is None:
            return grey
        if channels == "grey":
            red, green, blue = background
            return _over(grey, alpha, (0.299 * red + 0.587 * green + 0.114 * blue) / 255)
        # Pillow has no mode of floats with alpha.
        flat = grey.point(lambda level: level * 255 + 0.5).convert("RGB")
    else:
        flat, alpha = _in_srgb(picture), _alpha(picture)
    if channels == "rgba":
        flat.putalpha(255 if alpha is None else alpha)
        return flat
    if alpha is not None:
        flat = _over(flat, alpha, background)
    return _converted(flat, "L") if channels == "grey" else flat


def flatten_alpha(picture: Image.Image, background: Colour) -> Image.Image:
    """Composite a picture of up to 8 bits a channel over a colour, in mode RGB."""
    flat, alpha = _converted(picture, "RGB"), _alpha(picture)
    return flat if alpha is None else _over(flat, alpha, background)


def fill_transparent(picture: Image.Image, background: Colour) -> None:
    """Set the colour of all pixels of alpha 0 in an RGBA picture; files have any colour there."""
    hidden = picture.getchannel("A").point(lambda alpha: 255 * (alpha == 0))
    picture.paste((*background, 0), mask=hidden)


def row_strips(height: int, width: int, pixels: int = _STRIP_PIXELS) -> Iterator[slice]:
    """Divide the rows of a picture into strips of few pixels, but at least a row."""
    step = max(1, pixels // max(1, width))
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def _problem(error: Exception) -> str:
    match error:
        case InputError():
            return str(error)
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return f"more than {LARGEST_PICTURE:,} pixels; scale it down first"
        case MemoryError():
            return "not enough memory; scale it down first"
        case UnidentifiedImageError():
            return "not a picture, or damaged at the start; give a PNG or JPEG file"
        case OSError(errno=int()):
            return f"{os_error_reason(error)}; give a picture file"
    return f"damaged or truncated ({one_line(error)}); give a complete file"


def _deep_grey(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Convert grey of more than 8 bits to mode F in 0..1; return it and its alpha, if any."""
    levels = np.empty((picture.height, picture.width), np.float32)
    for rows in row_strips(*levels.shape):
        levels[rows] = np.asarray(picture.crop((0, rows.start, picture.width, rows.stop)))
    key = picture.info.get("transparency")
    alpha = Image.fromarray((levels != key).astype(np.uint8) * 255) if key is not None else None
    finite = np.isfinite(levels)
    black = levels.min(where=finite, initial=0)
    white = levels.max(where=finite, initial=1 if picture.mode == "F" else 65_535)
    np.nan_to_num(levels, copy=False, posinf=white, neginf=black)
    levels -= black
    levels /= white - black
    return Image.fromarray(levels), alpha


def _alpha(picture: Image.Image) -> Image.Image | None:
    has_alpha = picture.has_transparency_data
    return _converted(picture, "RGBA").getchannel("A") if has_alpha else None


def _over(front: Image.Image, alpha: Image.Image, background: Colour | float) -> Image.Image:
    canvas = Image.new(front.mode, front.size, background)
    canvas.paste(front, mask=alpha)
    return canvas


def _in_srgb(picture: Image.Image) -> Image.Image:
    with contextlib.suppress(KeyError, OSError, ImageCms.PyCMSError):  # none, or a broken one
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        mode, convertible = _PROFILES[profile.profile.xcolor_space.strip()]
        if picture.mode in convertible:
            transform = ImageCms.buildTransform(
                profile, ImageCms.createProfile("sRGB"), mode, "RGB"
            )
            return transform.apply(_converted(picture, mode))
    return _converted(picture, "RGB")


def _converted(picture: Image.Image, mode: str) -> Image.Image:
    # Pillow would copy a picture that already has the mode.
    return picture if picture.mode == mode else picture.convert(mode)
