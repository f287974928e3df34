"""Animations of a recorded run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fit_image.animation.film import frame_paths
from fit_image.animation.pacing import choose_frames
from fit_image.animation.writers import AnimationReport, write_animation
from fit_image.config.fit import RecordConfig
from fit_image.errors import InputError
from fit_image.images.io import load_image, to_uint8
from fit_image.runs.directory import RunDirectory


def animate(
    run: RunDirectory,
    path: Path,
    record: RecordConfig,
    *,
    every: int = 1,
    on_frame: Callable[[int, int], None] | None = None,
) -> AnimationReport:
    """Write an animation of the frames of a run to ``path``, in the format of its suffix.

    Parameters
    ----------
    run : RunDirectory
    path : Path
    record : RecordConfig
        For its ``fps``, ``with_target`` and ``pace``.
    every : int
        Take every so many frames only; the first and the last always.
    on_frame : callable, optional
        Called with the frames done and their number.

    Raises
    ------
    InputError
        If the run has no frames, no PSNR or no target where these are asked for, or the suffix is
        not known.
    FitImageError
        If a frame cannot be read or the file not be written.
    """
    frames = dict(frame_paths(run.frames))
    if not frames:
        raise InputError(f"{run.path} has no frames yet")
    psnr = {row.epoch: getattr(row, "psnr", None) for row in run.metrics.read()}
    epochs = sorted(frames)
    if record.pace == "visible" and "psnr" not in run.metrics_type.formats:
        raise InputError(f"pace visible needs PSNR, and a {run.description} has none: give even")
    chosen = choose_frames(
        epochs, [psnr.get(epoch) for epoch in epochs], pace=record.pace, every=every
    )
    target = None
    if record.with_target:
        if run.target is None:
            raise InputError(f"{run.path} is a {run.description}, which has no target to show")
        if not run.target.exists():
            raise InputError(f"{run.target} is missing: resume the run, which writes it again")
        target = to_uint8(load_image(run.target, background=run.background).levels)
    return write_animation(
        path,
        [frames[epoch] for epoch in chosen],
        fps=record.fps,
        hold=run.hold,
        target=target,
        on_frame=on_frame,
        background=run.background,
    )


def animate_frames(
    frames: Sequence[tuple[int, Path]],
    path: Path,
    record: RecordConfig,
    *,
    every: int = 1,
    on_frame: Callable[[int, int], None] | None = None,
) -> AnimationReport:
    """Write an animation of frames of which nothing else is known, as `animate` does.

    ``frames`` are epochs and files, of `frame_paths`; `InputError` if PSNR or a target is asked
    for.
    """
    if record.pace == "visible" or record.with_target:
        folder = frames[0][1].parent
        raise InputError(f"{folder} holds frames alone: neither PSNR nor a target can be shown")
    files = dict(frames)
    chosen = choose_frames(sorted(files), every=every)
    return write_animation(
        path,
        [files[epoch] for epoch in chosen],
        fps=record.fps,
        hold=RunDirectory.hold,
        on_frame=on_frame,
    )
