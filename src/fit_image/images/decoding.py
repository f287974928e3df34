"""Decode any picture file to an upright Pillow image in sRGB.

Orientation, mode, depth, transparency and colour profile are resolved here; whatever is wrong with
a file becomes an `InputError`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageColor, ImageOps, UnidentifiedImageError

from fit_image.errors import InputError, excerpt, one_line, os_error_reason
from fit_image.images.formats.identify import FileKind, UnsupportedKindError
from fit_image.images.formats.limits import LARGEST_PICTURE, pixel_limit
from fit_image.images.formats.opening import NO_DATA, OpenedImage, Remark, image_size, open_image
from fit_image.images.formats.tiff_pixels import Grey
from fit_image.storage.atomic import check_regular

# Colour space of a profile: the mode it describes, and the modes that convert to it without loss.
_PROFILES = {
    "RGB": ("RGB", {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"}),
    "GRAY": ("L", {"1", "L", "LA"}),
    "CMYK": ("CMYK", {"CMYK"}),
}

Colour = tuple[int, int, int]

_WHITE_OF_16_BITS = 65_535
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
        fields = error.fields if isinstance(error, InputError) else ()
        message = f"cannot read {one_line(path)}: {_problem(error)}"
        raise InputError(message, fields=fields) from error


def count_kinds(paths: Iterable[Path]) -> tuple[Counter[FileKind], list[Path]]:
    """Count the files of each kind that cannot be read; return the others, damaged ones, too."""
    kinds: Counter[FileKind] = Counter()
    others = []
    for path in paths:
        try:
            with path.open("rb") as file, pixel_limit():
                image_size(file)
        except UnsupportedKindError as error:
            kinds[error.kind] += 1
        except Exception:  # as in `reading`
            others.append(path)
        else:
            others.append(path)
    return kinds, others


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file in hexadecimal; `InputError` if it cannot be read."""
    with reading(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class UprightImage(NamedTuple):
    """An upright picture, its alpha channel if it is transparent anywhere, and remarks.

    The image is of any mode, not yet in sRGB; with more than 8 bits, of mode F in 0..1.
    """

    image: Image.Image
    alpha: Image.Image | None
    remarks: list[Remark]


def open_upright(file: BinaryIO, frame: int = 1) -> UprightImage:
    """Load a picture in a file and turn it upright.

    Raises
    ------
    InputError
        If the file is empty, of an unsupported kind or has fewer frames; for other problems Pillow
        raises, see `reading`.
    """
    return upright(open_image(file, frame))


def upright(opened: OpenedImage) -> UprightImage:
    """Turn an opened picture upright; it may be changed in place."""
    picture, remarks = opened.image, opened.remarks
    with contextlib.suppress(Exception):  # damaged metadata do not damage the picture
        ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode[0] in "IF":
        picture, alpha = _deep_grey(picture, opened.grey, remarks)
    else:
        alpha = _alpha(picture)
    if alpha is not None and alpha.getextrema()[1] == 0:
        remarks.append(Remark("wholly transparent", "wholly transparent"))
    return UprightImage(picture, alpha, remarks)


def parse_background(text: str) -> Colour:
    """Parse an opaque CSS colour to red, green and blue, 0..255; `InputError` if invalid."""
    with contextlib.suppress(ValueError):
        red, green, blue, *alpha = ImageColor.getrgb(text)
        if max(red, green, blue) <= 255 and alpha in ([], [255]):
            return red, green, blue
    wanted = "an opaque colour such as white, #fa0 or rgb(1,2,3)"
    raise InputError(f"background must be {wanted}, not {excerpt(text)}", fields=("background",))


def convert_channels(upright: UprightImage, channels: str, background: Colour) -> Image.Image:
    """Convert a picture to sRGB with the given channels.

    Its colour profile is applied, a broken one ignored with a remark; the grey of a colour is its
    luma (ITU-R BT.601). ``background`` lies behind transparent pixels, unless alpha is kept. The
    result has mode RGB, L or RGBA (straight alpha); mode F in 0..1, and no alpha, if the grey has
    more than 8 bits.
    """
    picture, alpha, remarks = upright
    if picture.mode == "F":
        if alpha is None:
            return picture
        if channels == "grey":
            red, green, blue = background
            return _over(picture, alpha, (0.299 * red + 0.587 * green + 0.114 * blue) / 255)
        # Pillow has no mode of floats with alpha.
        flat = picture.point(lambda level: level * 255 + 0.5).convert("RGB")
    else:
        flat = _in_srgb(picture, remarks)
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


def _deep_grey(
    picture: Image.Image, grey: Grey, remarks: list[Remark]
) -> tuple[Image.Image, Image.Image | None]:
    """Convert grey of more than 8 bits to mode F in 0..1; return it and its alpha, if any."""
    levels = np.empty((picture.height, picture.width), np.float32)
    for rows in row_strips(*levels.shape):
        strip = np.asarray(picture.crop((0, rows.start, picture.width, rows.stop)))
        levels[rows] = strip.view(np.uint32) if grey.unsigned else strip
    if "icc_profile" in picture.info:
        text = "its colour profile is ignored, as that of grey of more than 8 bits"
        remarks.append(Remark(text, text))
    key = picture.info.get("transparency", grey.no_data)
    usual = 1 if picture.mode == "F" else grey.white or _WHITE_OF_16_BITS
    counted = np.isfinite(levels)
    alpha = None
    if key is not None:
        shown = ~np.isnan(levels) if math.isnan(key) else levels != np.float32(key)
        alpha = Image.fromarray(shown.astype(np.uint8) * 255)
        if grey.no_data is not None:
            counted &= shown
            levels[~shown] = np.nan
    lowest = float(levels.min(where=counted, initial=math.inf))
    highest = float(levels.max(where=counted, initial=-math.inf))
    if key is None and not counted.all():
        text = f"{levels.size - np.count_nonzero(counted):,} of {levels.size:,} values"
        remarks.append(Remark(f"{text} are NaN or infinite", "some values are NaN or infinite"))
    beyond = lowest < 0 or highest > usual
    own = (lowest < 0 and usual > 1) if grey.no_data is None else (beyond or usual > 1)
    if own and lowest < highest:
        black, white = lowest, highest
    else:
        black, white = min(lowest, 0.0), max(highest, float(usual))
    remarks += _range_remarks(grey, (lowest, highest), (black, white), usual)
    np.nan_to_num(levels, copy=False, nan=0, posinf=white, neginf=black)
    levels -= black
    levels /= white - black
    if grey.inverted:
        np.subtract(1, levels, out=levels)
    return Image.fromarray(levels), alpha


def _range_remarks(
    grey: Grey, values: tuple[float, float], shown: tuple[float, float], usual: float
) -> Iterator[Remark]:
    """Yield what must be said about the values of a picture, and those that are black and white."""
    black, white = (f"{number:,.7g}" for number in shown)
    if grey.no_data is not None:
        text = f"its no-data value, {grey.no_data:g}, is transparent; "
        yield Remark(f"{text}black to white is {black} to {white}", NO_DATA)
    elif shown != (0, usual):
        text = f"black to white is {black} to {white}, the range of its values"
        advice = "a no-data value among them must be marked by GDAL's tag 42113"
        yield Remark(f"{text}; {advice}", "black to white is the range of its values")
    elif 0 < values[1] <= usual / 4:
        dark = f"its values reach only {values[1]:,.7g} of {white}"
        depth = f", as if {math.ceil(math.log2(values[1] + 1))} bits were stored in 16"
        summary = "dark, as its values reach a quarter of white at most"
        yield Remark(f"{dark}{depth if usual == _WHITE_OF_16_BITS else ''}: scale them up", summary)


def _alpha(picture: Image.Image) -> Image.Image | None:
    has_alpha = picture.has_transparency_data
    return _converted(picture, "RGBA").getchannel("A") if has_alpha else None


def _over(front: Image.Image, alpha: Image.Image, background: Colour | float) -> Image.Image:
    canvas = Image.new(front.mode, front.size, background)
    canvas.paste(front, mask=alpha)
    return canvas


def _in_srgb(picture: Image.Image, remarks: list[Remark]) -> Image.Image:
    if not picture.info.get("icc_profile"):
        return _converted(picture, "RGB")
    with contextlib.suppress(Exception):  # of a broken profile, many kinds
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        mode, convertible = _PROFILES[profile.profile.xcolor_space.strip()]
        if picture.mode in convertible:
            transform = ImageCms.buildTransform(
                profile, ImageCms.createProfile("sRGB"), mode, "RGB"
            )
            return transform.apply(_converted(picture, mode))
    text = "its colour profile is damaged or does not fit, and is ignored"
    remarks.append(Remark(text, text))
    return _converted(picture, "RGB")


def _converted(picture: Image.Image, mode: str) -> Image.Image:
    # Pillow would copy a picture that already has the mode.
    return picture if picture.mode == mode else picture.convert(mode)
