"""``fit-image animate``: make an animation from the frames of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.cli.common import options
from fit_image.cli.common.config_options import config_of, is_given
from fit_image.cli.common.drawing import showing_frames
from fit_image.cli.common.picture_options import output_option
from fit_image.cli.common.texts import describe_animation
from fit_image.cli.display.displays import Display, make_display
from fit_image.config.animation import AnimationConfig
from fit_image.config.fit import option_of
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.animation.writers import AnimationReport


def _animation_options(command: options.Command) -> options.Command:
    for add in reversed(options.animation_options(shown="as in the run")):
        command = add(command)
    return command


@click.command("animate")
@options.path_argument("RUN")
@output_option(
    "RUN/animation.gif, of a sweep RUN/comparison.gif",
    "Animation to write: .gif, .avif, .webp, .png, .mp4 or .webm.",
)
@_animation_options
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
    every: int,
    quiet: bool,
    **given: Any,
) -> None:
    """Make an animation from the frames of a run, finished or not.

    RUN is the folder of a run, of any command that trains, or a folder of frames. Of the folder of
    a sweep, the trials are shown side by side. Options not given are as in the run.
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
            for name in ("pace", "caption", "with_target", "every"):
                if is_given(ctx, name):
                    option = option_of(name)
                    raise click.UsageError(f"{option} is for one run, and {path} holds a sweep.")
            report = _animate_sweep(ctx, path, output, given, display)
        else:
            report = _animate_run(ctx, path, output, given, display)
        display.message(describe_animation(report))
    click.echo(output)


def _animate_sweep(
    ctx: click.Context, path: Path, output: Path, given: dict[str, Any], display: Display
) -> AnimationReport:
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.results.comparison import write_comparison
    from fit_image.apps.sweep.results.outcome import read_outcomes

    folder = SweepDirectory.open(path)
    for trial in folder.trials:
        picture = Path(trial.manifest.picture.path)
        FitDirectory.check_output(folder.run_path(trial), output, picture)
    report = write_comparison(
        folder,
        read_outcomes(folder),
        output,
        config=config_of(ctx, AnimationConfig, given, folder.animation),
        fps=given["fps"] if is_given(ctx, "fps") else None,
        on_frame=showing_frames(display, output),
    )
    if report is None:
        raise InputError(f"{path} has no frames yet")
    return report


def _animate_run(
    ctx: click.Context, path: Path, output: Path, given: dict[str, Any], display: Display
) -> AnimationReport:
    from fit_image.animation.film import frame_paths
    from fit_image.apps.run_kinds import KINDS, check_kind, kind_of
    from fit_image.runs.animate import animate, animate_frames
    from fit_image.runs.manifest import OF_DATA

    kind = kind_of(path) if path.is_dir() else None
    frames = [] if kind or not path.is_dir() else frame_paths(path) or frame_paths(path / "frames")
    shown, every = showing_frames(display, output), ctx.params["every"]
    if frames:
        if output in [file for _, file in frames]:
            raise InputError(f"{output} is one of the frames: give another name")
        config = config_of(ctx, AnimationConfig, given, OF_DATA)
        return animate_frames(frames, output, config, every=every, on_frame=shown)
    if kind is None:
        check_kind(path, None)
    run = (kind or KINDS[-1]).open(path)
    run.check_output(path, output, Path(run.manifest.source.path))
    config = config_of(ctx, AnimationConfig, given, run.manifest.animation)
    return animate(run, output, config, every=every, on_frame=shown)
