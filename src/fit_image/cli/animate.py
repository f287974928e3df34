"""``fit-image animate``: make an animation from the frames of a run."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.display import describe_animation, make_display
from fit_image.cli.common.drawing import showing_frames
from fit_image.cli.common.picture_options import output_option
from fit_image.cli.common.signals import Signals
from fit_image.config.fit import RecordConfig


@click.command("animate")
@options.path_argument("RUN")
@output_option("RUN/animation.gif", "Animation to write: .gif, .webp, .png, .mp4 or .webm.")
@options.fps_option
@options.with_target_option
@options.pace_option
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Use every Nth frame, and always the first and the last.",
)
@options.quiet_option
@click.pass_obj
def command(
    signals: Signals,
    /,
    path: Path,
    output: Path | None,
    fps: float,
    with_target: bool,
    pace: str,
    every: int,
    quiet: bool,
) -> None:
    """Make an animation from the frames of a run, finished or not."""
    from fit_image.animation.writers import check_suffix
    from fit_image.apps.fit.animate import animate
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.storage.atomic import check_destination

    signals.act_at_once()
    output = output or path / "animation.gif"
    check_suffix(output)
    run = FitDirectory.open(path)
    check_destination(output)
    FitDirectory.check_output(path, output, Path(run.manifest.picture.path))
    record = RecordConfig(fps=fps, with_target=with_target, pace=pace)
    with make_display(quiet) as display:
        shown = showing_frames(display, output)
        report = animate(run, output, record, every=every, on_frame=shown)
        display.message(describe_animation(report))
    click.echo(output)
