"""From any picture file to an upright Pillow picture in sRGB.

All that files differ in ends here: orientation, mode, depth, transparency and colour profile; and
all that can be wrong with them becomes one kind of error.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from fit_image.errors import InputError, one_line, os_error_reason
from fit_image.regular_file import check_regular

LARGEST_PICTURE = 1_000_000_000  # pixels that a picture to be read or written may have

# Colour space of a profile: the mode that it describes, the modes that become this one unharmed.
_PROFILES = {
    "RGB": ("RGB", {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"}),
    "GRAY": ("L", {"1", "L", "LA"}),
    "CMYK": ("CMYK", {"CMYK"}),
}

Colour = tuple[int, int, int]

_BAND_PIXELS = 1 << 18  # converted at once, to keep temporary arrays far below the picture itself
_limit_lock = threading.Lock()  # held while our size limit stands in the place of Pillow's


@contextlib.contextmanager
def our_limit() -> Iterator[None]:
    """Let `LARGEST_PICTURE` stand in the place of Pillow's limit, for one thread at a time.

    A picture beyond it raises an error of Pillow's; all its other warnings are left out.
    """
    with _limit_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, LARGEST_PICTURE
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = usual


@contextlib.contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[io.BufferedReader]:
    """Open a file for the ``with`` block in which a picture is made of it.

    There, `our_limit` holds.

    Raises
    ------
    InputError
        In one line with the name of the file, for all that goes wrong up to the end of the block.
    """
    path = Path(path)
    check_regular(path)
    try:
        with path.open("rb") as file, our_limit():
            yield file
    except Exception as error:  # damaged files make Pillow raise nearly every kind there is
        raise InputError(f"cannot read {one_line(path)}: {_problem(error)}") from error


def opened(file: io.BufferedReader) -> Image.Image:
    """Return the first picture in a file, loaded and upright, in whatever mode it is stored.

    Raises
    ------
    InputError
        If the file is empty or PostScript; Pillow raises much else, see `reading`.
    """
    if not file.peek(1):
        raise InputError("the file is empty; give a picture")
    picture = Image.open(file)
    if picture.format == "EPS":  # Pillow would run another program to draw it
        raise InputError("PostScript is no picture yet; export it as PNG")
    picture.load()
    with contextlib.suppress(Exception):  # damaged notes about a picture do not damage it
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def in_channels(picture: Image.Image, channels: str, behind: Colour) -> Image.Image:
    """Return a picture in sRGB with the channels asked for.

    Parameters
    ----------
    picture : PIL.Image.Image
        Of any mode. Its colour profile is applied, a broken one ignored.
    channels : str
        A key of `CHANNELS`. The grey of a colour is its luma (ITU-R BT.601).
    behind : (int, int, int)
        Red, green and blue (0..255) of what shows where the picture is transparent, unless that
        is kept.

    Returns
    -------
    PIL.Image.Image
        Of mode RGB, L or RGBA (straight alpha); of mode F in 0..1, and opaque, if grey is deeper
        than a byte.
    """
    if picture.mode[0] in "IF":
        grey, alpha = _deep_grey(picture)
        if alpha is None:
            return grey
        if channels == "grey":
            red, green, blue = behind
            return _over(grey, alpha, (0.299 * red + 0.587 * green + 0.114 * blue) / 255)
        flat = grey.point(lambda level: level * 255 + 0.5).convert("RGB")  # no alpha beside floats
    else:
        flat = _in_srgb(picture)
        has_alpha = picture.has_transparency_data
        alpha = _converted(picture, "RGBA").getchannel("A") if has_alpha else None
    if channels == "rgba":
        flat.putalpha(255 if alpha is None else alpha)
        return flat
    if alpha is not None:
        flat = _over(flat, alpha, behind)
    return _converted(flat, "L") if channels == "grey" else flat


def opaque(picture: Image.Image, behind: Colour) -> Image.Image:
    """Return a picture of up to 8 bits a channel in mode RGB, over a colour."""
    flat = _converted(picture, "RGB")
    if not picture.has_transparency_data:
        return flat
    alpha = _converted(picture, "RGBA").getchannel("A")
    return _over(flat, alpha, behind)


def cover_hidden(picture: Image.Image, behind: Colour) -> None:
    """Give the pixels of an RGBA picture that nobody can see one colour: files have any there."""
    hidden = picture.getchannel("A").point(lambda alpha: 255 * (alpha == 0))
    picture.paste((*behind, 0), mask=hidden)


def bands(height: int, width: int) -> Iterator[slice]:
    """Divide the rows of a picture into slices of few pixels, to be converted one by one."""
    step = max(1, _BAND_PIXELS // max(1, width))
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
            return "not a picture, or damaged from the start; give a PNG or JPEG file"
        case OSError(errno=int()):
            return f"{os_error_reason(error)}; give a picture file"
    return f"damaged or cut short ({one_line(error)}); give a whole file"


def _deep_grey(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return grey of more than 8 bits as mode F in 0..1, and its alpha if one grey is a key."""
    levels = np.empty((picture.height, picture.width), np.float32)
    for rows in bands(*levels.shape):
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


def _over(front: Image.Image, alpha: Image.Image, behind: Colour | float) -> Image.Image:
    canvas = Image.new(front.mode, front.size, behind)
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
    # Pillow would copy a picture that has the mode already.
    return picture if picture.mode == mode else picture.convert(mode)
