"""Restoring a picture file: all that is not its pixels stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fit_image.apps.unjpeg.model import Restorer
from fit_image.decoding import one_line, reading
from fit_image.errors import InputError

_KEPT = ("exif", "icc_profile", "dpi")

_GAP = 8

# By mode: that in which a picture is restored; with transparency, RGBA.
_MODES = {"L": "L", "1": "L", "RGB": "RGB", "P": "RGB", "LA": "RGBA", "RGBA": "RGBA"}


@dataclass(frozen=True, eq=False)
class Restored:
    """A restored picture.

    Attributes
    ----------
    picture : PIL.Image.Image
        Of mode L, RGB or RGBA.
    before : PIL.Image.Image
        The picture as it was, in the same mode.
    """

    picture: Image.Image
    before: Image.Image

    def side_by_side(self) -> Image.Image:
        """Return the picture as it was, and restored, with a gap in between."""
        width, height = self.picture.size
        sheet = Image.new("RGB", (2 * width + _GAP, height), "white")
        for left, each in ((0, self.before), (width + _GAP, self.picture)):
            sheet.paste(each.convert("RGBA"), (left, 0), each.convert("RGBA"))
        return sheet


def restore_file(
    path: Path,
    restorer: Restorer,
    *,
    threads: int | None = None,
    on_rows: Callable[[int, int], None] = lambda done, total: None,
) -> Restored:
    """Restore a picture file.

    Grey stays grey, alpha and the colour profile are kept, and so are EXIF data: a picture that is
    shown turned by them will be, again.

    Raises
    ------
    InputError
        If the file is no picture, or one whose pixels are neither grey nor red, green and blue.
    """
    before = _read(path)
    opaque = before.copy()
    if before.mode == "RGBA":
        opaque.putalpha(255)
    levels = np.asarray(opaque.convert("RGB"))
    restored = Image.fromarray(restorer.restore(levels, threads=threads, on_rows=on_rows))
    if before.mode == "L":
        restored = restored.convert("L")
    elif before.mode == "RGBA":
        restored.putalpha(before.getchannel("A"))
    return Restored(restored, before)


def kept_of(picture: Image.Image) -> dict[str, Any]:
    """Return what is to be written beside the pixels, as options of Pillow's ``save``."""
    return {name: picture.info[name] for name in _KEPT if picture.info.get(name)}


def _read(path: Path) -> Image.Image:
    with reading(path) as file:
        if not file.peek(1):
            raise InputError("the file is empty; give a picture")
        picture = Image.open(file)
        picture.load()
    if picture.mode not in _MODES:
        raise InputError(
            f"cannot restore {one_line(path)}: its pixels are {picture.mode}; convert it to RGB "
            "or grey of 8 bits first"
        )
    mode = "RGBA" if "transparency" in picture.info else _MODES[picture.mode]
    converted = picture.convert(mode)
    converted.info = dict(picture.info)
    return converted
