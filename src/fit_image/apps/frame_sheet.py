"""Contact sheets of runs: the frames of some epochs, labelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fit_image.animation.film import Pixels, frame_paths, read_frame
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.run_kinds import KINDS, check_kind, kind_of
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.contact_sheet import NEAREST_SCALE, shorten, wrap_label
from fit_image.apps.sweep.results.seed_group import trial_labels
from fit_image.errors import InputError, one_line
from fit_image.images.decoding import parse_background
from fit_image.runs.directory import RunDirectory
from fit_image.runs.metrics import EpochMetrics

_USUAL_EPOCHS = 4

_TEXT, _EMPTY = (51, 51, 51), (236, 236, 238)
_GAP = 8
_HEADING, _LINE = 22, 16  # heights
_FONT_SIZES = (17, 13)  # of headings and of all else
_WIDTH, _TILE = 1000, (120, 240)  # of a sheet about, and of its pictures
_MOST_COLUMNS = 8  # side by side; more are wrapped
_TALLEST = 2.0  # height of a picture over its width
_MOST_LINES = 4  # of a column's title


@dataclass(frozen=True)
class ShownRun:
    """The frames of a run, or of a folder of frames.

    Attributes
    ----------
    name : str
    frames : mapping of int to Path
        By epoch, at least one.
    details : str
        What is known of it in a few words.
    rows : mapping of int to EpochMetrics
        By epoch.
    background : str
        The CSS colour behind transparent frames.
    """

    name: str
    frames: Mapping[int, Path]
    details: str = ""
    rows: Mapping[int, EpochMetrics] = field(default_factory=dict)
    background: str = "white"

    def picture(self, epoch: int) -> Image.Image | None:
        """Return the frame of an epoch; None if there is none."""
        file = self.frames.get(epoch)
        if file is None:
            return None
        return Image.fromarray(read_frame(file, parse_background(self.background)))

    def caption(self, epoch: int) -> str:
        """Return the quality and the training time of an epoch, as far as they are known."""
        if epoch not in self.frames:
            return "no frame"
        row = self.rows.get(epoch)
        if row is None:
            return ""
        psnr: float | None = getattr(row, "psnr", None)
        time = f"{row.seconds:.0f} s" if row.seconds >= 10 else f"{row.seconds:.2g} s"
        return time if psnr is None else f"{psnr:.1f} dB in {time}"


def read_runs(paths: Sequence[Path]) -> list[ShownRun]:
    """Return the shown runs: runs of any kind, the trials of sweeps, and folders of frames.

    Runs that learn one picture are named by what tells them apart, such as their layers; others
    by their folders.

    Raises
    ------
    InputError
        If a path is none of these, or has no frames.
    """
    found = [each for path in paths for each in _runs_in(path)]
    trials = [Trial(run.manifest) for _, run in found if isinstance(run, FitDirectory)]
    labels = trial_labels(trials)
    if len(labels) < len(trials):  # some are the same training
        labels = {}
    names = [path.resolve().name for path, _ in found]
    shown = []
    for (path, run), name in zip(found, names, strict=True):
        own = str(path) if names.count(name) > 1 else name
        shown.append(_show(path, run, one_line(own), labels))
    if not shown:
        raise InputError("no run has frames yet")
    return shown


def _runs_in(path: Path) -> Iterator[tuple[Path, RunDirectory | None]]:
    """Yield runs with their folders; None for one of frames alone."""
    if path.name == "frames" and kind_of(path.parent):
        path = path.parent
    if SweepDirectory.holds_sweep(path):
        sweep = SweepDirectory.open(path)
        for run in map(sweep.run, sweep.trials):
            if run and frame_paths(run.frames):
                yield run.path, run
        return
    kind = kind_of(path) if path.is_dir() else None
    if kind:
        yield path, kind.open(path)
    elif path.is_dir() and _frames_alone(path):
        yield path, None
    else:
        check_kind(path, None)
        yield path, KINDS[-1].open(path)


def _frames_alone(path: Path) -> dict[int, Path]:
    return dict(frame_paths(path) or frame_paths(path / "frames"))


def _show(path: Path, run: RunDirectory | None, name: str, labels: Mapping[str, str]) -> ShownRun:
    if run is None:
        return ShownRun(name, _frames_alone(path))
    frames = dict(frame_paths(run.frames))
    if not frames:
        raise InputError(f"{path} has no frames yet")
    rows = {row.epoch: row for row in run.metrics.read()}
    shown = ShownRun(name, frames, rows=rows, background=run.background)
    if isinstance(run, FitDirectory):
        trial = Trial(run.manifest)
        details = f"{trial.parameters:,} parameters"
        return replace(shown, name=labels.get(trial.key, name), details=details)
    return shown


def usual_epochs(runs: Sequence[ShownRun]) -> list[int]:
    """Return a few epochs of which there are frames, in equal ratios from 1 to the last."""
    known = np.array(sorted({epoch for run in runs for epoch in run.frames}))
    wanted = np.geomspace(1, max(known[-1], 1), _USUAL_EPOCHS)
    nearest = np.abs(known[:, np.newaxis] - wanted).argmin(axis=0)
    return sorted({*known[nearest].tolist()})


def check_epochs(runs: Sequence[ShownRun], epochs: Sequence[int]) -> None:
    """Raise `InputError` if no run has a frame of one of the epochs."""
    known = sorted({epoch for run in runs for epoch in run.frames})
    for epoch in epochs:
        if epoch not in known:
            nearest = min(known, key=lambda each: abs(each - epoch))
            problem = f"there is no frame of epoch {epoch}: the nearest is of epoch {nearest}"
            raise InputError(problem, fields=("epochs",))


@dataclass(frozen=True)
class _Line:
    """Pictures side by side or below each other: a run, or an epoch."""

    title: str
    details: str = ""


class FrameSheet:
    """A sheet of runs in columns and epochs in rows; of a single run, the epochs in columns.

    Parameters
    ----------
    runs : sequence of ShownRun
    epochs : sequence of int
    """

    def __init__(self, runs: Sequence[ShownRun], epochs: Sequence[int]) -> None:
        self._of_runs = [_Line(run.name, run.details) for run in runs]
        self._of_epochs = [_Line(f"epoch {epoch}") for epoch in epochs]
        self._runs, self._epochs, self._alone = runs, epochs, len(runs) == 1
        large, small = _FONT_SIZES
        self._large, self._small = ImageFont.load_default(large), ImageFont.load_default(small)
        columns, rows = self._of_runs, self._of_epochs
        if self._alone:
            columns, rows = rows, columns
        self._rows = rows
        bands = -(-len(columns) // _MOST_COLUMNS)
        across = -(-len(columns) // bands)
        self._bands = [columns[at : at + across] for at in range(0, len(columns), across)]
        # Beside the rows, their titles; a single run's is above.
        self._left = _GAP if self._alone else 2 * _GAP + max(map(self._length, rows))
        narrow, wide = _TILE
        tile = min(max((_WIDTH - self._left) // across - _GAP, narrow), wide)
        self._tile = tile, max(1, round(tile * min(self._tallest(), _TALLEST)))
        self._top = _GAP + (_HEADING + _LINE * bool(rows[0].details) if self._alone else 0)
        self._titles = max(_height(self._title(column)[1]) for column in columns)
        self._heading = self._titles + _LINE * any(column.details for column in columns)
        self._band = self._heading + len(rows) * self._pitch + _GAP
        self.size = (
            self._left + across * (tile + _GAP),
            self._top + len(self._bands) * self._band - _GAP,
        )

    def draw(self) -> Pixels:
        """Draw the sheet: uint8 (height, width, 3); `FitImageError` if a frame cannot be read."""
        sheet = Image.new("RGB", self.size, "white")
        draw = ImageDraw.Draw(sheet)
        if self._alone:
            (alone,) = self._rows
            room = self.size[0] - 2 * _GAP
            title = shorten(alone.title, self._large, room)
            draw.text((_GAP, _GAP), title, _TEXT, self._large, anchor="la")
            below = _GAP, _GAP + _HEADING - 2
            draw.text(below, shorten(alone.details, self._small, room), _TEXT, self._small)
        number = 0
        for band, columns in enumerate(self._bands):
            above = self._top + band * self._band
            for index, column in enumerate(columns):
                left = self._left + index * (self._tile[0] + _GAP)
                self._write_column(draw, left, above, column)
                for row in range(len(self._rows)):
                    at = left, above + self._heading + row * self._pitch
                    self._place(sheet, draw, at, *((row, number) if self._alone else (number, row)))
                number += 1
            if not self._alone:
                for row, line in enumerate(self._rows):
                    middle = above + self._heading + row * self._pitch + self._tile[1] // 2
                    place = self._left - _GAP, middle
                    draw.text(place, line.title, _TEXT, self._small, anchor="rm")
        return np.asarray(sheet)

    @property
    def _pitch(self) -> int:
        return self._tile[1] + _LINE + _GAP

    def _length(self, line: _Line) -> int:
        return int(self._small.getlength(line.title)) + 1

    def _tallest(self) -> float:
        """Return the largest height over width of the runs' frames."""
        ratios: list[float] = []
        for run in self._runs:
            height, width, _ = read_frame(next(iter(run.frames.values()))).shape
            ratios.append(height / width)
        return max(ratios)

    def _title(self, line: _Line) -> tuple[Any, list[str]]:
        """Return the font and the lines of a column's title."""
        room = self._tile[0] + _GAP // 2
        if self._large.getlength(line.title) <= room:
            return self._large, [line.title]
        return self._small, wrap_label(line.title, self._small, room, _MOST_LINES)

    def _write_column(self, draw: ImageDraw.ImageDraw, left: int, top: int, line: _Line) -> None:
        """Write the heading of a column."""
        middle, below = left + self._tile[0] // 2, top + self._titles
        font, lines = self._title(line)
        first = below - _height(lines)
        for number, text in enumerate(lines):
            draw.text((middle, first + number * _LINE), text, _TEXT, font, anchor="ma")
        draw.text((middle, below - 2), line.details, _TEXT, self._small, anchor="ma")

    def _place(
        self,
        sheet: Image.Image,
        draw: ImageDraw.ImageDraw,
        at: tuple[int, int],
        run_number: int,
        epoch_number: int,
    ) -> None:
        """Place the frame of a run and an epoch, with its caption below."""
        run, epoch = self._runs[run_number], self._epochs[epoch_number]
        (left, top), (wide, high) = at, self._tile
        picture = run.picture(epoch)
        if picture is None:
            draw.rectangle((left, top, left + wide - 1, top + high - 1), _EMPTY)
        else:
            scale = min(wide / picture.width, high / picture.height)
            size = [max(1, round(side * scale)) for side in picture.size]
            way = Image.Resampling.NEAREST if scale >= NEAREST_SCALE else Image.Resampling.LANCZOS
            shift = (wide - size[0]) // 2, (high - size[1]) // 2
            sheet.paste(picture.resize((size[0], size[1]), way), (left + shift[0], top + shift[1]))
        place = left + wide // 2, top + high + 1
        caption = shorten(run.caption(epoch), self._small, wide + _GAP)
        draw.text(place, caption, _TEXT, self._small, anchor="ma")


def _height(lines: Sequence[str]) -> int:
    return max(_HEADING, _LINE * len(lines) + 2)
