"""``fit-image units``: what every hidden unit of a network draws."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fit_image.cli.common import options
from fit_image.cli.common.config_options import is_given
from fit_image.cli.common.drawing import showing_frames
from fit_image.cli.common.picture_files import output_file, written
from fit_image.cli.common.picture_options import (
    check_network,
    check_target,
    output_option,
    size_option,
)
from fit_image.cli.common.texts import describe_animation
from fit_image.cli.display.compilation import announcing_compilation
from fit_image.cli.display.displays import Display, ProgressStep, make_display
from fit_image.config.animation import AnimationConfig
from fit_image.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.apps.hidden_layers import LayerAnswers
    from fit_image.apps.units.drawing import UnitSheet

# Most pixels of a sheet's sides.
_PICTURE, _FRAME = (1800, 1400), (1200, 900)

(_pace_option,) = options.animation_options("pace")


@click.command("units")
@options.path_argument("RUN_OR_MODEL")
@output_option(
    "units.png, units.gif with --animate",
    "File to write; its suffix sets the format; - for a PNG on standard output.",
)
@click.option(
    "--layer",
    type=options.Whole(min=1),
    metavar="N",
    show_default="all",
    help="Draw the units of one hidden layer; 1 is the first.",
)
@click.option(
    "--signed",
    is_flag=True,
    help="Draw outputs above zero in orange, and below zero in blue, instead of in grey.",
)
@size_option(
    None,
    "Width and height of the whole picture in pixels.",
    "as the units need, up to 1800x1400, 1200x900 with --animate",
)
@click.option(
    "--animate",
    is_flag=True,
    help="Animate how the units came to what they draw, over the epochs of the run's frames; the "
    "picture is learned again for that.",
)
@click.option(
    "--every",
    type=options.Whole(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="With --animate, use every Nth of these epochs, and always the first and the last.",
)
@options.fps_option
@_pace_option
@options.threads_option("all cores")
@options.quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    path: Path,
    output: Path | None,
    layer: int | None,
    signed: bool,
    size: tuple[int, int] | None,
    animate: bool,
    every: int,
    fps: float,
    pace: str,
    threads: int | None,
    quiet: bool,
) -> None:
    """Draw what each hidden unit of a network gives over the picture, a row for each layer.

    RUN_OR_MODEL is the folder of a run, or a model.npz file. Black is a unit's least output, for
    ReLUs zero, and white its largest. Units that never answer are crossed out, and counted: ReLUs
    whose output is nowhere above zero, and others whose output is the same everywhere.
    """
    for name in ("every", "fps", "pace"):
        if is_given(ctx, name) and not animate:
            raise click.UsageError(f"--{name} needs --animate.")
    from fit_image.animation.writers import check_size, check_suffix
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.apps.hidden_layers import layer_answers
    from fit_image.apps.painting_network import PaintingNetwork
    from fit_image.apps.units.drawing import UnitSheet
    from fit_image.apps.units.earlier import choose_epochs
    from fit_image.images.io import check_image_target, save_image
    from fit_image.runs.animate import animate_frames

    ctx.obj.act_at_once()
    check_network(path, FitDirectory)
    if animate and not FitDirectory.holds_run(path):
        raise InputError(f"{path} has no epochs: --animate needs the folder of a run")
    network = PaintingNetwork.load(path)
    within = _FRAME if animate else _PICTURE
    sheet = UnitSheet(network, layer=layer, size=size, within=within, signed=signed, title=animate)
    if animate:
        output = file = output or Path("units.gif")
        check_suffix(file)
        check_size(file, *sheet.size)
    else:
        output = output or Path("units.png")
        file = output_file(output)
        check_image_target(file, *sheet.size)
    folder = path if path.is_dir() else path.parent
    run = FitDirectory.open(folder) if FitDirectory.holds_run(folder) else None
    check_target(FitDirectory, path, file, *([Path(run.manifest.picture.path)] if run else []))
    with make_display(quiet) as display, announcing_compilation(display):
        answers = layer_answers(network, threads)
        shown = answers if layer is None else answers[layer - 1 : layer]
        display.message(_summary(shown))
        if run and animate:
            epochs = choose_epochs(run, pace, every)
            with tempfile.TemporaryDirectory(prefix="fit-image-") as frames:
                drawn = _draw_epochs(run, epochs, sheet, Path(frames), display, threads)
                config = AnimationConfig(fps=fps, hold=run.manifest.animation.hold)
                shown_frames = showing_frames(display, file)
                report = animate_frames(drawn, file, config, on_frame=shown_frames)
            display.message(describe_animation(report, limited=False))
        else:
            save_image(file, sheet.draw(network, answers=answers, threads=threads))
    written(output, file)


def _draw_epochs(
    run: FitDirectory,
    epochs: Sequence[int],
    sheet: UnitSheet,
    folder: Path,
    display: Display,
    threads: int | None,
) -> list[tuple[int, Path]]:
    """Draw the units after each epoch into a folder, and return epochs and files."""
    from fit_image.animation.film import frame_path
    from fit_image.apps.units.earlier import networks_of_epochs
    from fit_image.images.io import encode_png
    from fit_image.storage.atomic import write_bytes

    psnr = {row.epoch: row.psnr for row in run.metrics.read()}
    for epoch, network in networks_of_epochs(run, epochs, threads):
        if network:
            known = psnr.get(epoch)
            title = f"epoch {epoch}" if known is None else f"epoch {epoch}, {known:.1f} dB"
            picture = sheet.draw(network, title, threads=threads)
            write_bytes(frame_path(folder, epoch), encode_png(picture))
        last = epochs[-1]
        step = (f"learning again epoch {min(epoch + 1, last)}/{last}",)
        display.step(ProgressStep(epoch / max(last, 1), step))
    return [(epoch, frame_path(folder, epoch)) for epoch in epochs]


def _summary(answers: Sequence[LayerAnswers]) -> str:
    from fit_image.apps.hidden_layers import describe_silent

    silent = describe_silent(each.to_json() for each in answers)
    return f"{silent} never answer" if silent else "all units answer"
