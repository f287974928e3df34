"""``comparison.gif``: the trials of a sweep side by side, synchronised."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fit_image.animation.bar import WHITE, with_bar
from fit_image.animation.film import Film, Pixels
from fit_image.animation.size_limit import SizeLimit, evenly
from fit_image.animation.writers import AnimationReport, write_film
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.results.contact_sheet import ContactSheet
from fit_image.apps.sweep.results.frames import TrialFrames
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.apps.sweep.results.seed_group import group_by_seed
from fit_image.config.animation import AnimationConfig

MAX_GROUPS = 24
"""Maximum number of trials side by side; more would be too small."""

_MAX_STEPS = 40  # a few megabytes
_MAX_FPS = 20.0
_MIN_SECONDS = 4.0  # without the last frame's hold


def write_comparison(
    folder: SweepDirectory,
    outcomes: Sequence[Outcome],
    path: Path | None = None,
    *,
    by: str = "epochs",
    config: AnimationConfig | None = None,
    fps: float | None = None,
    max_groups: int = MAX_GROUPS,
    on_frame: Callable[[int, int], None] | None = None,
) -> AnimationReport | None:
    """Write ``comparison.gif`` or ``path``: the target, and beside it one trial of each group.

    Each group of trials that differ only in the seed is represented by the lowest seed that has
    frames. A trial that has ended keeps its last frame until all have ended. Each picture of the
    sweep has rows of its own, once for each way of preparing it.

    Parameters
    ----------
    by : str
        Synchronise by ``epochs``, or by ``seconds`` of training.
    config : AnimationConfig, optional
        For its ``loop``, ``hold``, ``progress_line`` and ``max_bytes``. Default: that of the sweep.
    fps : float, optional
        Frames per second. Default: as many as make it last some seconds.
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
    groups = group_by_seed(outcomes)
    frames = [TrialFrames.of(folder, group.label, group.outcomes) for group in groups]
    found = [each for each in frames if each]
    if not found:
        return None
    best = sorted(found, key=lambda each: each.best_psnr, reverse=True)[:max_groups]
    note = f"the best {max_groups} of {len(found)}" if len(found) > max_groups else ""
    shown = [each for each in found if each in best]
    moments = _moments(max(_times(each, by)[-1] for each in shown), by)
    last = moments[-1]
    unit = "epoch {:.0f}" if by == "epochs" else "{:.2f} s" if last < 10 else "{:.1f} s"
    captions = [", ".join(filter(None, [unit.format(moment), note])) for moment in moments]
    film = Film(len(moments), _composer(shown, by, moments, captions), on_frame)
    fps = fps or min(_MAX_FPS, len(moments) / _MIN_SECONDS)
    config = config or folder.animation
    if config.progress_line:
        film = with_bar(film, None, [moment / (last or 1) for moment in moments], WHITE)
    path = path or folder.comparison
    limit = None if config.max_bytes is None else SizeLimit(config.max_bytes, evenly(len(film)))
    return write_film(path, film, fps=fps, hold=config.hold, loop=config.loop, limit=limit)


def _times(frames: TrialFrames, by: str) -> list[float]:
    """Return the epoch or seconds of each frame, increasing."""
    return [row.seconds if by == "seconds" else float(row.epoch) for row in frames.rows]


def _moments(last: float, by: str) -> list[float]:
    """Return even steps to the last epoch or second; epochs are integers."""
    steps = np.linspace(0, last, _MAX_STEPS)
    return sorted(set((np.rint(steps) if by == "epochs" else steps).tolist()))


def _composer(
    trials: Sequence[TrialFrames], by: str, moments: Sequence[float], captions: Sequence[str]
) -> Callable[[int], Pixels]:
    """Return a function that draws the frame of a moment by its index."""
    sections: dict[object, list[TrialFrames]] = {}
    for frames in trials:
        sections.setdefault(frames.outcome.trial.target, []).append(frames)
    rows = list(sections.values())
    targets = [row[0].read(row[0].target) for row in rows]
    sheet = ContactSheet(
        [target.shape[1] / target.shape[0] for target in targets],
        [["target", *(frames.label for frames in row)] for row in rows],
    )
    base = sheet.image()
    for section, target in enumerate(targets):
        base.paste(sheet.scaled(target, section), sheet.position(section, 0))
    placed = [
        (frames, _times(frames, by), section, number)
        for section, row in enumerate(rows)
        for number, frames in enumerate(row, start=1)
    ]

    # A trial that has ended, or with few frames, shows the same frame many times.
    @lru_cache(maxsize=2 * len(trials))
    def tile(frames: TrialFrames, index: int, section: int) -> Image.Image:
        return sheet.scaled(frames.read(frames.files[index]), section)

    def picture(index: int) -> Pixels:
        image = base.copy()
        draw = ImageDraw.Draw(image)
        sheet.write_heading(draw, captions[index])
        for frames, times, section, number in placed:
            latest = bisect_right(times, moments[index]) - 1
            if latest >= 0:
                position = sheet.position(section, number)
                image.paste(tile(frames, latest, section), position)
                sheet.write_caption(draw, section, number, _caption(frames, latest))
        return np.asarray(image)

    return picture


def _caption(frames: TrialFrames, index: int) -> str:
    psnr, status = frames.rows[index].psnr, frames.outcome.status
    words = [] if psnr is None else [_decibels(psnr)]
    unseen = frames.rows[index].unseen_psnr
    if unseen is not None:
        words.append(f"{_decibels(unseen)} unseen")
    if status in ("diverged", "failed", "stopped") and index == len(frames.rows) - 1:
        words.append(status)
    return ", ".join(words)


def _decibels(psnr: float) -> str:
    return f"{psnr:.2f} dB" if math.isfinite(psnr) else "exact"
