"""``fit-image animate``: make an animation from the frames of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fit_image.cli.common import options
from fit_image.cli.common.config_options import is_given
from fit_image.cli.common.display import Display, describe_animation, make_display
from fit_image.cli.common.drawing import showing_frames
from fit_image.cli.common.picture_options import output_option
from fit_image.config.fit import RecordConfig
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.animation.writers import AnimationReport


@click.command("animate")
@options.path_argument("RUN")
@output_option(
    "RUN/animation.gif, of a sweep RUN/comparison.gif",
    "Animation to write: .gif, .webp, .png, .mp4 or .webm.",
)
@options.fps_option
@options.with_target_option
@options.pace_option
@click.option(
    "--every",
    type=options.Whole(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Use every Nth frame, and always the first and the last.",
)
@options.quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    path: Path,
    output: Path | None,
    fps: float,
    with_target: bool,
    pace: str,
    every: int,
    quiet: bool,
) -> None:
    """Make an animation from the frames of a run, finished or not.

    RUN is the folder of a run, of any command that trains, or a folder of frames. Of the folder of
    a sweep, the trials are shown side by side.
    """
    from fit_image.animation.writers import check_suffix
    from fit_image.apps.run_kinds import kind_of
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.storage.atomic import check_destination

    ctx.obj.act_at_once()
    if path.name == "frames" and path.is_dir() and kind_of(path.parent):
        path = path.parent
    is_sweep = SweepDirectory.holds_sweep(path)
    output = output or path / ("comparison.gif" if is_sweep else "animation.gif")
    check_suffix(output)
    if path.is_dir():
        check_destination(output)
    with make_display(quiet) as display:
        if is_sweep:
            for name in ("pace", "every"):
                if is_given(ctx, name):
                    raise click.UsageError(f"--{name} is for one run, and {path} holds a sweep.")
            report = _animate_sweep(path, output, fps if is_given(ctx, "fps") else None, display)
        else:
            record = RecordConfig(fps=fps, with_target=with_target, pace=pace)
            report = _animate_run(path, output, record, every, display)
        display.message(describe_animation(report))
    click.echo(output)


def _animate_sweep(
    path: Path, output: Path, fps: float | None, display: Display
) -> AnimationReport:
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.results.comparison import write_comparison
    from fit_image.apps.sweep.results.outcome import read_outcomes

    folder = SweepDirectory.open(path)
    for trial in folder.trials:
        picture = Path(trial.manifest.picture.path)
        FitDirectory.check_output(folder.run_path(trial), output, picture)
    shown = showing_frames(display, output)
    report = write_comparison(folder, read_outcomes(folder), output, fps=fps, on_frame=shown)
    if report is None:
        raise InputError(f"{path} has no frames yet")
    return report


def _animate_run(
    path: Path, output: Path, record: RecordConfig, every: int, display: Display
) -> AnimationReport:
    from fit_image.animation.film import frame_paths
    from fit_image.apps.run_kinds import KINDS, check_kind, kind_of
    from fit_image.runs.animate import animate, animate_frames

    kind = kind_of(path) if path.is_dir() else None
    frames = [] if kind or not path.is_dir() else frame_paths(path) or frame_paths(path / "frames")
    shown = showing_frames(display, output)
    if frames:
        if output in [file for _, file in frames]:
            raise InputError(f"{output} is one of the frames: give another name")
        return animate_frames(frames, output, record, every=every, on_frame=shown)
    if kind is None:
        check_kind(path, None)
    run = (kind or KINDS[-1]).open(path)
    run.check_output(path, output, Path(run.manifest.source.path))
    return animate(run, output, record, every=every, on_frame=shown)
