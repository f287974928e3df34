"""Divide a film into scenes with a palette each, and paint its frames with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.animation.film import Film, Pixels, numbered
from fit_image.animation.palette import Palette
from fit_image.animation.quantization import Quantization, choose_colours
from fit_image.images.decoding import row_strips

_SAMPLE_PIXELS = 100_000
_EVEN_FRAMES = 48
_EARLY_FRAMES = 24  # a picture changes fastest in its first epochs
_LAST_SHARE = 0.2  # of the sample, for the last frame, which is shown longest

# A palette is 768 bytes in every frame that does not have the film's own.
_MOST_SCENES = 8
_SCENE_PIXELS = 10_000  # of a frame, for each scene

# Scenes are told apart by how many pixels of a frame have which colour, both roughly.
_GRID = 64
_HISTOGRAM_BITS = 4  # per channel

# A pixel keeps its colour until another is nearer by this RGB distance (of 0..441). Without it,
# half the pixels of a still but noisy picture shimmer; at twice this, smooth areas show traces of
# earlier frames.
_HYSTERESIS = 6.0


class Scene(NamedTuple):
    """Successive frames with one palette, from the frame ``first`` to the next scene."""

    first: int
    quantization: Quantization


class Painted(NamedTuple):
    """A frame in the colours of a palette.

    Attributes
    ----------
    indices : ndarray of uint8, shape (height, width)
    changed : ndarray of bool, shape (height, width)
        Pixels whose colour is another than in the frame before. The others keep theirs, which need
        not be in the palette, whatever their index.
    colours : ndarray of uint8, shape (n, 3)
        The palette; one and the same array in all frames of a scene.
    """

    indices: Pixels
    changed: npt.NDArray[np.bool_]
    colours: Pixels


def find_scenes(film: Film, most_colours: int) -> list[Scene]:
    """Divide a film into scenes of about equal change, each with a palette from its pixels.

    The way back has the scenes of the way there.

    Raises
    ------
    FitImageError
        If a frame cannot be read.
    """
    even = np.linspace(0, film.last, _EVEN_FRAMES)
    early = np.geomspace(1, film.last + 1, _EARLY_FRAMES) - 1
    chosen = sorted({*np.rint(np.concatenate([even, early])).astype(int).tolist()})
    random = np.random.default_rng(0)
    each = int(_SAMPLE_PIXELS * (1 - _LAST_SHARE)) // len(chosen)
    samples, histograms = [], []
    for index in chosen:
        frame = film.frame(index)
        histograms.append(_histogram(frame))
        pixels = frame.reshape(-1, 3)
        count = each + int(_SAMPLE_PIXELS * _LAST_SHARE) * (index == film.last)
        if len(pixels) > count:
            pixels = pixels[random.integers(0, len(pixels), count)]
        samples.append(pixels)
    scenes = []
    for part in _parts(histograms, film.width * film.height // _SCENE_PIXELS):
        pixels = np.concatenate(samples[part])
        scenes.append(Scene(chosen[part.start], choose_colours(pixels, most_colours)))
    if len(film) > film.last + 1:
        way_back = [
            Scene(2 * film.last - later.first + 1, earlier.quantization)
            for earlier, later in pairwise(scenes)
        ]
        scenes += reversed(way_back)
    return scenes


def _histogram(frame: Pixels) -> npt.NDArray[np.float64]:
    height, width, _ = frame.shape
    pixels = frame[:: max(1, height // _GRID), :: max(1, width // _GRID)].reshape(-1, 3)
    coarse = pixels.astype(np.int32) >> (8 - _HISTOGRAM_BITS)
    keys = coarse[:, 0] << 2 * _HISTOGRAM_BITS | coarse[:, 1] << _HISTOGRAM_BITS | coarse[:, 2]
    return np.bincount(keys, minlength=1 << 3 * _HISTOGRAM_BITS) / len(pixels)


def _parts(histograms: Sequence[npt.NDArray[np.float64]], most: int) -> list[slice]:
    """Divide a sequence into at least one part and at most ``most``, of about equal change."""
    changes = [np.abs(b - a).sum() for a, b in pairwise(histograms)]
    passed = np.concatenate([[0.0], np.cumsum(changes)])
    count = min(max(most, 1), _MOST_SCENES)
    numbers = np.minimum(passed * count // max(passed[-1], 1e-9), count - 1)
    starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(histograms)]
    return [slice(*ends) for ends in pairwise(starts)]


def paint(frames: Iterable[Pixels], scenes: Sequence[Scene]) -> Iterator[Painted]:
    """Paint successive frames, uint8 (height, width, 3), with the palettes of their scenes.

    Against shimmering, a pixel keeps the colour that it shows until another is nearer by a margin,
    across scenes too.
    """
    upcoming = list(reversed(scenes))
    shown: Pixels | None = None
    for number, frame in numbered(frames):
        if upcoming and number >= upcoming[-1].first:
            palette = Palette(upcoming.pop().quantization)
        height, width, _ = frame.shape
        indices = np.empty((height, width), np.uint8)
        changed = np.ones((height, width), bool)
        is_first = shown is None
        if shown is None:
            shown = np.empty_like(frame)
        for rows in row_strips(height, width):
            wanted = palette.dithered(frame[rows], rows.start)
            indices[rows] = palette.nearest(wanted)
            colours = palette.colours[indices[rows]]
            if not is_first:
                margin = _distance(wanted, shown[rows]) - _distance(wanted, colours)
                changed[rows] = margin > _HYSTERESIS
            np.copyto(shown[rows], colours, where=changed[rows, :, np.newaxis])
        del frame, wanted, colours
        yield Painted(indices, changed, palette.colours)
        del indices, changed  # before the next frame is read


def _distance(pixels: Pixels, others: Pixels) -> npt.NDArray[np.float32]:
    difference = np.subtract(pixels, others, dtype=np.int16).astype(np.float32)
    squares: npt.NDArray[np.float32] = np.einsum("ijk,ijk->ij", difference, difference)
    return np.sqrt(squares, out=squares)
