"""``fit-image animate``: make an animation from the frames of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.display import Step, describe_animation, make_display
from fit_image.cli.common.signals import Signals
from fit_image.config.fit import RecordConfig


@click.command("animate", short_help="Make an animation from the frames of a run.")
@options.path_argument("RUN")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    show_default="RUN/animation.gif",
    help="Animation to write: .gif, .webp, .png, .mp4 or .webm.",
)
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
    FitDirectory.check_spared(path, output, Path(run.manifest.picture.path))
    display = make_display(quiet)
    record = replace(RecordConfig(), fps=fps, with_target=with_target, pace=pace)
    with display:
        report = animate(
            run,
            output,
            record,
            every=every,
            on_frame=lambda done, total: display.step(
                Step(done / total, (f"making {output.name}", f"frame {done}/{total}"))
            ),
        )
    display.message(describe_animation(report))
    click.echo(output)
