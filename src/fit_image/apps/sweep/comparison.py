"""``comparison.gif``: the trials of a sweep side by side, learning in step."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fit_image.animation import AnimationReport, write_film
from fit_image.apps.sweep.contact_sheet import Sheet
from fit_image.apps.sweep.folder import SweepFolder
from fit_image.apps.sweep.outcome import Group, Outcome, group_outcomes
from fit_image.decoding import Colour
from fit_image.frames import Film, Pixels, frame_paths, read_frame
from fit_image.image import parse_background

MOST_GROUPS = 24
"""Trials shown side by side; more would be too small to tell apart."""

_MOST_STEPS = 40  # a few megabytes
_FASTEST = 20.0  # pictures a second
_SHORTEST = 4.0  # seconds, the last picture's hold apart


@dataclass(frozen=True)
class _Take:
    """The frames of one trial, and when they were drawn.

    Attributes
    ----------
    label : str
    picture : object
        What it learns, the same for all that have the same target.
    target : Path
    behind : (int, int, int)
        Colour behind transparent frames.
    times : list of float
        Epochs or seconds, increasing.
    frames : list of Path
    psnr : list of float or None
        Of each frame.
    ending : str
        What is said of the last one.
    """

    label: str
    picture: object
    target: Path
    behind: Colour
    times: list[float]
    frames: list[Path]
    psnr: list[float | None]
    ending: str

    def at(self, moment: float) -> int | None:
        """Return the index of the latest frame, or None before the first."""
        index = bisect_right(self.times, moment) - 1
        return None if index < 0 else index

    def caption(self, index: int) -> str:
        psnr = self.psnr[index]
        words = [] if psnr is None else [f"{psnr:.2f} dB" if math.isfinite(psnr) else "exact"]
        if self.ending and index == len(self.frames) - 1:
            words.append(self.ending)
        return ", ".join(words)

    @property
    def best(self) -> float:
        return max((value for value in self.psnr if value is not None), default=-math.inf)


def write_comparison(
    folder: SweepFolder,
    outcomes: Sequence[Outcome],
    *,
    by: str = "epochs",
    on_frame: Callable[[int, int], None] | None = None,
) -> AnimationReport | None:
    """Make ``comparison.gif``: the target, and beside it one trial of each group as it learned.

    Each group of trials that differ in the seed only is shown by that of the lowest seed that has
    frames; of more than `MOST_GROUPS`, the best are shown. A trial that has ended keeps its last
    picture until the others have, too. Each picture of the sweep has its
    own rows, once for each way in which it was prepared.

    Parameters
    ----------
    folder : SweepFolder
    outcomes : sequence of Outcome
    by : str
        What they keep step in: ``epochs``, or ``seconds`` of training.
    on_frame : callable, optional
        Called in this thread with the pictures written so far, and their number.

    Returns
    -------
    AnimationReport or None
        None, and nothing is written, if no trial has a frame.

    Raises
    ------
    FitImageError
        If a frame or a target cannot be read, or the file not be written.
    ValueError
        If ``by`` is neither.
    """
    if by not in ("epochs", "seconds"):
        raise ValueError(f"trials keep step in epochs or seconds, not {by!r}")
    found = [_take(folder, group, by) for group in group_outcomes(outcomes)]
    takes = [take for take in found if take]
    if not takes:
        return None
    best = sorted(takes, key=lambda take: take.best, reverse=True)[:MOST_GROUPS]
    note = f"the best {MOST_GROUPS} of {len(takes)}" if len(takes) > MOST_GROUPS else ""
    shown = [take for take in takes if take in best]
    moments = _moments(max(take.times[-1] for take in shown), by)
    last = moments[-1]
    unit = "epoch {:.0f}" if by == "epochs" else "{:.2f} s" if last < 10 else "{:.1f} s"
    captions = [", ".join(filter(None, [unit.format(moment), note])) for moment in moments]
    film = Film(len(moments), _composer(shown, moments, captions), on_frame)
    fps = min(_FASTEST, len(moments) / _SHORTEST)
    return write_film(folder.comparison, film, fps=fps)


def _take(folder: SweepFolder, group: Group, by: str) -> _Take | None:
    """Return the frames of the lowest seed that has any, None if none has."""
    for outcome in group.outcomes:
        run = folder.run(outcome.trial)
        drawn = dict(frame_paths(run.frames)) if run else {}
        rows = {row.epoch: row for row in outcome.rows}
        # The untrained network has a frame, but no row.
        epochs = [epoch for epoch in drawn if epoch == 0 or epoch in rows]
        if run and epochs:
            seconds = [rows[epoch].seconds if epoch else 0.0 for epoch in epochs]
            return _Take(
                group.label,
                (run.manifest.picture.sha256, run.manifest.image),
                run.target,
                parse_background(run.manifest.image.background),
                seconds if by == "seconds" else list(map(float, epochs)),
                [drawn[epoch] for epoch in epochs],
                [rows[epoch].psnr if epoch else None for epoch in epochs],
                outcome.status if outcome.status in ("diverged", "failed") else "",
            )
    return None


def _moments(last: float, by: str) -> list[float]:
    """Return even steps to the last epoch or second; epochs are whole."""
    steps = np.linspace(0, last, _MOST_STEPS)
    return sorted(set((np.rint(steps) if by == "epochs" else steps).tolist()))


def _composer(
    takes: Sequence[_Take], moments: Sequence[float], captions: Sequence[str]
) -> Callable[[int], Pixels]:
    """Return the function that draws the picture of a moment, by its index."""
    kinds = list(dict.fromkeys(take.picture for take in takes))
    rows = [[take for take in takes if take.picture == kind] for kind in kinds]
    targets = [read_frame(row[0].target, row[0].behind) for row in rows]
    sheet = Sheet(
        [target.shape[1] / target.shape[0] for target in targets],
        [["target", *(take.label for take in row)] for row in rows],
    )
    base = sheet.image()
    for section, target in enumerate(targets):
        base.paste(sheet.scaled(target, section), sheet.place(section, 0))
    placed = [
        (take, section, number)
        for section, row in enumerate(rows)
        for number, take in enumerate(row, start=1)
    ]

    # Trials that have ended, or draw seldom, show the same frame many times.
    @lru_cache(maxsize=2 * len(takes))
    def tile(path: Path, behind: Colour, section: int) -> Image.Image:
        return sheet.scaled(read_frame(path, behind), section)

    def picture(index: int) -> Pixels:
        image = base.copy()
        draw = ImageDraw.Draw(image)
        sheet.write_heading(draw, captions[index])
        for take, section, number in placed:
            frame = take.at(moments[index])
            if frame is not None:
                place = sheet.place(section, number)
                image.paste(tile(take.frames[frame], take.behind, section), place)
                sheet.write_below(draw, section, number, take.caption(frame))
        return np.asarray(image)

    return picture
