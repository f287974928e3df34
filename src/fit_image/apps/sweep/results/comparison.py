"""``comparison.gif``: the trials of a sweep side by side, synchronised."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fit_image.animation.film import Film, Pixels, frame_paths, read_frame
from fit_image.animation.writers import AnimationReport, write_film
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.results.contact_sheet import ContactSheet
from fit_image.apps.sweep.results.outcome import Outcome, SeedGroup, group_by_seed
from fit_image.images.decoding import Colour
from fit_image.images.io import parse_background

MAX_GROUPS = 24
"""Maximum number of trials side by side; more would be too small."""

_MAX_STEPS = 40  # a few megabytes
_MAX_FPS = 20.0
_MIN_SECONDS = 4.0  # without the last frame's hold


@dataclass(frozen=True)
class _TrialFrames:
    """Frames of one trial with their times.

    Attributes
    ----------
    label : str
    picture : object
        Identity of the target, equal for trials of one section.
    target : Path
    behind : (int, int, int)
        Background of transparent frames.
    times : list of float
        Epoch or seconds of each frame, increasing.
    frames : list of Path
    psnr : list of float or None
        PSNR of each frame in dB.
    ending : str
        Added to the caption of the last frame.
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
    folder: SweepDirectory,
    outcomes: Sequence[Outcome],
    *,
    by: str = "epochs",
    max_groups: int = MAX_GROUPS,
    on_frame: Callable[[int, int], None] | None = None,
) -> AnimationReport | None:
    """Write ``comparison.gif``: the target, and beside it one trial of each group.

    Each group of trials that differ only in the seed is represented by the lowest seed that has
    frames. A trial that has ended keeps its last frame until all have ended. Each picture of the
    sweep has rows of its own, once for each way of preparing it.

    Parameters
    ----------
    folder : SweepDirectory
    outcomes : sequence of Outcome
    by : str
        Synchronise by ``epochs``, or by ``seconds`` of training.
    max_groups : int
        If there are more groups, the best are shown.
    on_frame : callable, optional
        Called in this thread with the number of frames written, and of all frames.

    Returns
    -------
    AnimationReport or None
        None if no trial has a frame; then nothing is written.

    Raises
    ------
    FitImageError
        If a frame or a target cannot be read, or the file cannot be written.
    ValueError
        If ``by`` is neither.
    """
    if by not in ("epochs", "seconds"):
        raise ValueError(f"by must be 'epochs' or 'seconds', not {by!r}")
    found = [_load_frames(folder, group, by) for group in group_by_seed(outcomes)]
    available = [each for each in found if each]
    if not available:
        return None
    best = sorted(available, key=lambda each: each.best, reverse=True)[:max_groups]
    note = f"the best {max_groups} of {len(available)}" if len(available) > max_groups else ""
    shown = [each for each in available if each in best]
    moments = _moments(max(each.times[-1] for each in shown), by)
    last = moments[-1]
    unit = "epoch {:.0f}" if by == "epochs" else "{:.2f} s" if last < 10 else "{:.1f} s"
    captions = [", ".join(filter(None, [unit.format(moment), note])) for moment in moments]
    film = Film(len(moments), _composer(shown, moments, captions), on_frame)
    fps = min(_MAX_FPS, len(moments) / _MIN_SECONDS)
    return write_film(folder.comparison, film, fps=fps)


def _load_frames(folder: SweepDirectory, group: SeedGroup, by: str) -> _TrialFrames | None:
    """Return the frames of the lowest seed that has any, None if there are none."""
    for outcome in group.outcomes:
        run = folder.run(outcome.trial)
        drawn = dict(frame_paths(run.frames)) if run else {}
        rows = {row.epoch: row for row in outcome.rows}
        # The untrained network has a frame, but no metrics.
        epochs = [epoch for epoch in drawn if epoch == 0 or epoch in rows]
        if run and epochs:
            seconds = [rows[epoch].seconds if epoch else 0.0 for epoch in epochs]
            return _TrialFrames(
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
    """Return even steps to the last epoch or second; epochs are integers."""
    steps = np.linspace(0, last, _MAX_STEPS)
    return sorted(set((np.rint(steps) if by == "epochs" else steps).tolist()))


def _composer(
    trials: Sequence[_TrialFrames], moments: Sequence[float], captions: Sequence[str]
) -> Callable[[int], Pixels]:
    """Return a function that draws the frame of a moment by its index."""
    kinds = list(dict.fromkeys(each.picture for each in trials))
    rows = [[each for each in trials if each.picture == kind] for kind in kinds]
    targets = [read_frame(row[0].target, row[0].behind) for row in rows]
    sheet = ContactSheet(
        [target.shape[1] / target.shape[0] for target in targets],
        [["target", *(each.label for each in row)] for row in rows],
    )
    base = sheet.image()
    for section, target in enumerate(targets):
        base.paste(sheet.scaled(target, section), sheet.position(section, 0))
    placed = [
        (each, section, number)
        for section, row in enumerate(rows)
        for number, each in enumerate(row, start=1)
    ]

    # A trial that has ended, or with few frames, shows the same frame many times.
    @lru_cache(maxsize=2 * len(trials))
    def tile(path: Path, behind: Colour, section: int) -> Image.Image:
        return sheet.scaled(read_frame(path, behind), section)

    def picture(index: int) -> Pixels:
        image = base.copy()
        draw = ImageDraw.Draw(image)
        sheet.write_heading(draw, captions[index])
        for each, section, number in placed:
            frame = each.at(moments[index])
            if frame is not None:
                position = sheet.position(section, number)
                image.paste(tile(each.frames[frame], each.behind, section), position)
                sheet.write_caption(draw, section, number, each.caption(frame))
        return np.asarray(image)

    return picture
