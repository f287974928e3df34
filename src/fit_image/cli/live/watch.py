"""``--watch``: the newest frame of a training in the terminal, beside the target."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fit_image.animation.film import frame_paths, read_frame
from fit_image.cli.live.blocks import BlockPanel
from fit_image.cli.live.canvas import Canvas, Panel
from fit_image.cli.live.kitty import PIXELS_PER_COLUMN, KittyPanel
from fit_image.cli.live.spec import WatchSpec, has_true_colour, is_multiplexed
from fit_image.images.decoding import parse_background
from fit_image.images.scaling import thumbnail
from fit_image.runs.manifest import Result
from fit_image.runs.observer import News, Observer, Training

Pixels = npt.NDArray[np.uint8]

_LINES_BELOW = 2
"""For the bar, and for the shell's line above."""


class Screen(Protocol):
    """The part of the terminal that shows panels above the bar."""

    def size(self) -> tuple[int, int]:
        """Return the columns and lines of the terminal."""

    def show(self, panels: Sequence[Panel]) -> None:
        """Draw panels over those before."""

    def leave(self) -> None:
        """Leave the panels where they are."""


class Watch(Observer):
    """Shows the newest frame on a screen."""

    def __init__(self, screen: Screen, spec: WatchSpec) -> None:
        self._screen = screen
        self._spec = spec
        self._background = (255, 255, 255)
        self._frame: Pixels | None = None
        self._target: Pixels | None = None
        self._target_panel: Panel | None = None
        self._shown_in: tuple[int, int] | None = None

    def begin(self, training: Training) -> None:
        directory = training.directory
        self._background = parse_background(directory.background)
        if directory.target is not None:
            self._target = read_frame(directory.target, self._background)
        frames = frame_paths(directory.frames) if training.rows else []
        self._frame = read_frame(frames[-1][1], self._background) if frames else None

    def advance(self, news: News) -> None:
        self.show(None if news.drawn is None else news.drawn.frame)

    def show(self, frame: Pixels | None) -> None:
        """Show a frame or, if that is None, the one before where the terminal's size is new."""
        size = self._screen.size()
        if frame is None and (self._frame is None or size == self._shown_in):
            return
        self._frame = frame = self._frame if frame is None else frame
        assert frame is not None
        self._shown_in = size
        self._screen.show(self._panels(frame, *size))

    def end(self, result: Result | None) -> None:
        self._screen.leave()

    def _panels(self, frame: Pixels, columns: int, lines: int) -> list[Panel]:
        """Return the frame, and the target where there is room."""
        room = columns - 1  # the last column makes some terminals wrap
        height, width, _ = frame.shape
        wide, high = fit_cells(width, height, min(self._spec.columns, room), lines - _LINES_BELOW)
        if self._target is None or 2 * wide + Canvas.gap > room:
            return [self._panel(frame, wide, high)]
        beside = self._target_panel
        if beside is None or (beside.columns, beside.lines) != (wide, high):
            beside = self._target_panel = self._panel(self._target, wide, high)
        return [self._panel(frame, wide, high), beside]

    def _panel(self, pixels: Pixels, columns: int, lines: int) -> Panel:
        if self._spec.kitty and not is_multiplexed():
            height, width, _ = pixels.shape
            scale = min(columns * PIXELS_PER_COLUMN / width, 1.0)
            size = max(round(width * scale), 1), max(round(height * scale), 1)
            # Numbers of this process alone, so that pictures of earlier ones stay.
            number = 2 * os.getpid() + (pixels is self._target)
            small = thumbnail(pixels, *size, self._background)
            return KittyPanel(small, columns, lines, number)
        small = thumbnail(pixels, columns, 2 * lines, self._background)
        return BlockPanel.of(small, true_colour=has_true_colour())


def fit_cells(width: int, height: int, columns: int, lines: int) -> tuple[int, int]:
    """Return columns and lines for a picture, at most those given; a cell is twice as high as wide.

    At least 1 each.
    """
    columns = min(columns, round(2 * max(lines, 1) * width / height))
    columns = max(columns, 1)
    return columns, min(max(round(columns * height / width / 2), 1), max(lines, 1))
