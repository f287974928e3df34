"""Animations of a recorded run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from fit_image.animation.bar import Bar, check_drawable, with_bar
from fit_image.animation.film import Film, frame_paths, size_with_target
from fit_image.animation.pacing import choose_frames
from fit_image.animation.size_limit import SizeLimit, evenly
from fit_image.animation.writers import (
    AnimationReport,
    check_loop,
    check_size,
    check_suffix,
    write_film,
)
from fit_image.config.animation import AnimationConfig
from fit_image.config.caption import Caption
from fit_image.errors import InputError
from fit_image.images.colours import to_uint8
from fit_image.images.decoding import parse_background
from fit_image.images.io import load_image
from fit_image.runs.directory import RunDirectory
from fit_image.runs.metrics import EpochMetrics


def animate(
    run: RunDirectory,
    path: Path,
    config: AnimationConfig,
    *,
    every: int = 1,
    on_frame: Callable[[int, int], None] | None = None,
) -> AnimationReport:
    """Write an animation of the frames of a run to ``path``, in the format of its suffix.

    Parameters
    ----------
    run : RunDirectory
    path : Path
    config : AnimationConfig
    every : int
        Take every so many frames only; the first and the last always.
    on_frame : callable, optional
        Called with the frames done and their number.

    Raises
    ------
    InputError
        If the run has no frames, or not the PSNR, the target or the numbers of a caption where
        these are asked for, or the suffix is not known.
    FitImageError
        If a frame cannot be read or the file not be written.
    """
    check_suffix(path)
    check_caption(config, run.row_type.columns())
    frames = dict(frame_paths(run.frames))
    if not frames:
        raise InputError(f"{run.path} has no frames yet")
    rows = {row.epoch: row for row in run.metrics.read()}
    epochs = sorted(frames)
    if config.pace == "visible" and "psnr" not in run.row_type.formats:
        raise InputError(f"pace visible needs PSNR, and a {run.description} has none: give even")
    psnr = [getattr(rows.get(epoch), "psnr", None) for epoch in epochs]
    chosen = choose_frames(epochs, psnr, pace=config.pace, every=every)
    target = None
    if config.with_target:
        if run.target is None:
            raise InputError(f"{run.path} is a {run.description}, which has no target to show")
        if not run.target.exists():
            raise InputError(f"{run.target} is missing: resume the run, which writes it again")
        target = to_uint8(load_image(run.target, background=run.background).levels)
    files = [frames[epoch] for epoch in chosen]
    film = Film.of_frames(files, target, on_frame, parse_background(run.background))
    numbers = {epoch: _numbers(epoch, rows.get(epoch)) for epoch in chosen}
    return _write(path, film, config, numbers)


def animate_frames(
    frames: Sequence[tuple[int, Path]],
    path: Path,
    config: AnimationConfig,
    *,
    every: int = 1,
    on_frame: Callable[[int, int], None] | None = None,
) -> AnimationReport:
    """Write an animation of frames of which nothing else is known, as `animate` does.

    ``frames`` are epochs and files, of `frame_paths`; `InputError` if PSNR, a target or a number
    other than the epoch is asked for.
    """
    check_suffix(path)
    check_caption(config, ("epoch",))
    if config.pace == "visible" or config.with_target:
        folder = frames[0][1].parent
        raise InputError(f"{folder} holds frames alone: neither PSNR nor a target can be shown")
    files = dict(frames)
    chosen = choose_frames(sorted(files), every=every)
    film = Film.of_frames([files[epoch] for epoch in chosen], None, on_frame)
    return _write(path, film, config, {epoch: {"epoch": epoch} for epoch in chosen})


def check_caption(config: AnimationConfig, columns: Collection[str]) -> None:
    """Raise `InputError` if a caption cannot be drawn, or has other numbers than ``columns``."""
    if config.caption is not None:
        caption = Caption.parse(config.caption)
        caption.check(columns)
        check_drawable(caption.example())


def check_animation_size(path: Path, width: int, height: int, config: AnimationConfig) -> None:
    """Raise `InputError` if the format of ``path`` cannot show a picture of this size so."""
    check_loop(path, config.loop)
    if config.with_target:
        width, height = size_with_target(width, height)
    captions = None if config.caption is None else [Caption.parse(config.caption).example()]
    bar = Bar(width, height, captions, [0.0] if config.progress_line else None)
    check_size(path, bar.width, height + bar.height)


def _numbers(epoch: int, row: EpochMetrics | None) -> dict[str, float | None]:
    """Return the numbers of an epoch; of the untrained network, nothing is measured."""
    if row is None:
        return {"epoch": epoch, "seconds": None if epoch else 0.0}
    return {"epoch": epoch, **{name: getattr(row, name) for name in row.formats}}


def _write(
    path: Path,
    film: Film,
    config: AnimationConfig,
    numbers: Mapping[int, Mapping[str, float | None]],
) -> AnimationReport:
    """Write a film with the bar that is asked for; ``numbers`` are those of each frame's epoch."""
    captions = progress = None
    if config.caption is not None:
        captions = list(map(Caption.parse(config.caption).text, numbers.values()))
    if config.progress_line:
        progress = [epoch / max(1, *numbers) for epoch in numbers]
    film = with_bar(film, captions, progress)
    limit = None
    if config.max_bytes is not None:
        psnr = [each.get("psnr") for each in numbers.values()]
        limit = SizeLimit(config.max_bytes, partial(_visible_frames, psnr))
    return write_film(path, film, fps=config.fps, hold=config.hold, loop=config.loop, limit=limit)


def _visible_frames(psnr: Sequence[float | None], most: int) -> Sequence[int]:
    """Return the indices of at most so many frames, at visible steps; the rest of them evenly."""
    chosen = choose_frames(range(len(psnr)), psnr, pace="visible", most=most)
    if len(chosen) > most:  # nothing is known of the PSNR
        return evenly(len(psnr))(most)
    return sorted({*chosen, *evenly(len(psnr))(most - len(chosen))})
