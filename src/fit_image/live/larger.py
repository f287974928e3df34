"""Larger drawings of networks that are learning, made of what they have learned so far."""

from __future__ import annotations

import itertools
import threading

import numpy as np

from fit_image.apps.painting_network import PaintingNetwork
from fit_image.errors import FitImageError, InputError
from fit_image.images.colours import to_uint8
from fit_image.images.io import encode_png
from fit_image.live.reel import Reel

MOST_PIXELS = 1 << 26
"""Of a drawing."""


class LargerDrawings:
    """Draws one picture at a time, with one thread: training goes on meanwhile.

    Parameters
    ----------
    closing : threading.Event
        Ends the drawing under way.
    """

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._drawing = threading.Lock()
        self._numbers = itertools.count(1)
        self._newest = 0

    def draw(self, reel: Reel, scale: int) -> bytes:
        """Return a PNG file, ``scale`` times as wide and high as the picture that is learned.

        Raises
        ------
        FitImageError
            If there is nothing to draw yet, the picture would be too large, another one is asked
            for, or the training has ended meanwhile.
        """
        self._newest = number = next(self._numbers)
        with self._drawing:
            try:
                network = _network(reel)
                width, height = (side * scale for side in network.size)
                if scale < 1 or width * height > MOST_PIXELS:
                    size = f"{width} x {height} pixels"
                    raise InputError(f"{size} are too many: at most {MOST_PIXELS:,}")
                picture = np.empty((height, width, network.channels), dtype=np.uint8)
                for first, strip in network.render_strips(width, height, threads=1):
                    if self._closing.is_set() or number != self._newest:
                        raise FitImageError("the drawing was broken off")
                    picture[first : first + len(strip)] = to_uint8(strip)
                return encode_png(picture)
            except MemoryError as error:
                raise FitImageError("not enough memory for a picture of this size") from error


def _network(reel: Reel) -> PaintingNetwork:
    return reel.network() if reel.network else PaintingNetwork.load(reel.directory.path)
