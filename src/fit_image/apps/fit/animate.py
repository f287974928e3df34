"""Animations of a recorded run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fit_image.animation.film import frame_paths
from fit_image.animation.pacing import choose_frames
from fit_image.animation.writers import AnimationReport, write_animation
from fit_image.apps.fit.directory import FitDirectory
from fit_image.config.fit import RecordConfig
from fit_image.errors import InputError
from fit_image.images.io import load_image, to_uint8


def animate(
    run: FitDirectory,
    path: Path,
    record: RecordConfig,
    *,
    every: int = 1,
    on_frame: Callable[[int, int], None] | None = None,
) -> AnimationReport:
    """Write an animation of the frames of a run to ``path``, in the format of its suffix.

    Parameters
    ----------
    run : FitDirectory
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
        If the run has no frames, or the suffix is not known.
    FitImageError
        If a frame cannot be read or the file not be written.
    """
    frames = dict(frame_paths(run.frames))
    if not frames:
        raise InputError(f"{run.path} has no frames yet")
    psnr = {row.epoch: row.psnr for row in run.metrics.read()}
    epochs = sorted(frames)
    chosen = choose_frames(
        epochs, [psnr.get(epoch) for epoch in epochs], pace=record.pace, every=every
    )
    background = run.manifest.image.background
    target = None
    if record.with_target:
        if not run.target.exists():
            raise InputError(f"{run.target} is missing: resume the run, which writes it again")
        target = to_uint8(load_image(run.target, background=background).levels)
    return write_animation(
        path,
        [frames[epoch] for epoch in chosen],
        fps=record.fps,
        target=target,
        on_frame=on_frame,
        background=background,
    )
