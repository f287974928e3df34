"""Pictures in notebooks: objects that show themselves, as PNG and as HTML."""

from __future__ import annotations

import base64
import html
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.images.io import encode_png
from fit_image.images.scaling import size_within, thumbnail

LARGEST = 500_000
"""Pixels of a picture in a notebook, which is kept in the notebook's file."""

_WIDTHS = (240, 720)  # in CSS pixels
_WHITE = (255, 255, 255)


class Shown(NamedTuple):
    """A picture (uint8, height x width x channels), if any, and a line that an object shows."""

    picture: npt.NDArray[np.uint8] | None
    caption: str


class ShownInNotebooks(ABC):
    """Shows itself where a notebook shows the value of a cell."""

    @abstractmethod
    def shown(self) -> Shown:
        """Return the picture and the line that a notebook shows."""

    def _repr_png_(self) -> bytes | None:
        picture = self.shown().picture
        return None if picture is None else _png(picture)

    def _repr_html_(self) -> str:
        picture, caption = self.shown()
        lines = [f"<div>{html.escape(caption)}</div>"]
        if picture is not None:
            lines.insert(0, _image(picture, caption))
        return "".join(lines)


def _png(picture: npt.NDArray[np.uint8]) -> bytes:
    height, width = picture.shape[:2]
    if width * height > LARGEST:
        picture = thumbnail(picture, *size_within((width, height), LARGEST), _WHITE)
    return encode_png(picture)


def _image(picture: npt.NDArray[np.uint8], caption: str) -> str:
    data = base64.b64encode(_png(picture)).decode()
    least, most = _WIDTHS
    width = min(max(picture.shape[1], least), most)
    style = f"width:{width}px;max-width:100%;height:auto"
    if picture.shape[1] < width:
        style += ";image-rendering:pixelated"
    text = html.escape(caption, quote=True)
    return f'<img src="data:image/png;base64,{data}" alt="{text}" style="{style}">'
