"""``fit-image dream``: pictures of random networks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fit_image.cli.common import options
from fit_image.cli.common.config_options import is_given
from fit_image.cli.common.drawing import animate_loop, draw_strips
from fit_image.cli.common.picture_files import STREAM, output_file, written
from fit_image.cli.common.picture_options import (
    check_distinct,
    output_option,
    seed_option,
    size_option,
)
from fit_image.cli.common.signals import Signals
from fit_image.cli.display.displays import make_display
from fit_image.cli.export import check_export, export_network, is_export
from fit_image.config.layer_spec import Hidden, parse_layers
from fit_image.config.registry import ACTIVATIONS
from fit_image.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_MAX_LATENT = 10_000
_MAX_TILES = 10_000


def _grid(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"0*([1-9][0-9]{0,8})[xX]0*([1-9][0-9]{0,8})", text)
    if not match:
        raise InputError(f"{text!a} is not a number of columns and of rows such as 4x3.")
    return int(match[1]), int(match[2])


@click.command("dream")
@output_option(
    "dream.png",
    "Picture to write; its suffix sets the format. Or the network, as fit-image export writes it: "
    ".html, .glsl, .onnx, .safetensors or .py.",
)
@click.option(
    "--layers",
    type=options.LAYERS,
    default="8x64",
    show_default=True,
    metavar="SPEC",
    help="Hidden layers, as in fit-image IMAGE.",
)
@click.option(
    "--residual",
    metavar="BxLxU",
    help="Residual blocks, the same as --layers residual:BxLxU, such as 24x4x6.",
)
@click.option(
    "--stddev",
    "deviations",
    type=options.Numbers(),
    default="0.6",
    show_default=True,
    metavar="STD,...",
    help="Standard deviation of weights and biases; several are drawn side by side.",
)
@click.option(
    "--activation",
    type=options.ACTIVATION,
    default="tanh",
    show_default=True,
    metavar="NAME",
    help=f"Activation of hidden layers without one in --layers: {', '.join(ACTIVATIONS)}, or an "
    "expression, expr: ...",
)
@click.option(
    "--inputs",
    default="x,y,r",
    show_default=True,
    metavar="x,y,r",
    help="Inputs of the network: any of x, y and r, the distance from the centre.",
)
@click.option(
    "--latent",
    type=options.Whole(min=0, max=_MAX_LATENT),
    metavar="N",
    show_default="0, 8 with --animate",
    help="Number of latent inputs: random numbers, the same for all pixels.",
)
@click.option(
    "--scale",
    type=options.POSITIVE,
    default=1.0,
    show_default=True,
    metavar="K",
    help="Range of x and y: -K to K along the shorter side.",
)
@size_option(
    None, "Width and height of the whole picture in pixels.", "1080x1080, 540x540 with --animate"
)
@click.option(
    "--color",
    type=options.Word(["rgb", "grey"]),
    default="rgb",
    show_default=True,
    help="Colour or grey.",
)
@seed_option(0, True, "Seed of the weights; in a grid, of the first picture.")
@click.option(
    "--grid",
    type=options.Parsed("CxR", _grid),
    metavar="CxR",
    show_default="1x1, or a column for each --stddev",
    help="Columns and rows of pictures, each with the next seed.",
)
@click.option(
    "--animate",
    "animation",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Animation to write, of a closed path through the latent space: .gif, .avif, .webp, .png, "
    ".mp4 or .webm.",
)
@click.option(
    "--frames",
    type=options.Whole(min=2, max=100_000),
    default=120,
    show_default=True,
    metavar="N",
    help="Frames of the animation.",
)
@options.fps_option
@options.threads_option("all cores")
@options.quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    output: Path | None,
    layers: tuple[Hidden, ...],
    residual: str | None,
    deviations: tuple[float, ...],
    activation: str,
    inputs: str,
    latent: int | None,
    scale: float,
    size: tuple[int, int] | None,
    color: str,
    seed: int,
    grid: tuple[int, int] | None,
    animation: Path | None,
    frames: int,
    fps: float,
    threads: int | None,
    quiet: bool,
) -> None:
    """Draw the output of an untrained network, with random weights.

    The picture is a function of the coordinates, so it can be drawn at any size.
    """
    signals: Signals = ctx.obj
    for name in ("frames", "fps"):
        if is_given(ctx, name) and not animation:
            raise click.UsageError(f"--{name} needs --animate.")
    if residual is not None:
        if is_given(ctx, "layers"):
            raise click.UsageError("--layers and --residual exclude each other.")
        layers = parse_layers(f"residual:{residual}")
    if latent is None:
        latent = 8 if animation else 0
    if animation and not latent:
        raise click.UsageError("--animate moves through the latent space: it needs --latent.")
    width, height = size or ((540, 540) if animation else (1080, 1080))
    columns, rows = grid or (len(deviations), 1)
    if columns * rows > _MAX_TILES:
        raise InputError(f"--grid: {columns * rows:,} pictures are more than {_MAX_TILES:,}")

    from fit_image.animation.writers import check_size, check_suffix
    from fit_image.apps.dream import Dream, Dreamer, Sheet
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.images.io import Canvas, check_image_target, save_image
    from fit_image.storage.atomic import check_destination

    signals.act_at_once()
    file = None
    if output and is_export(output):
        if columns * rows > 1:
            raise InputError(f"{output} holds one network: give one --stddev, and no --grid")
        if size and not animation:
            raise click.UsageError("--size is for pictures: a network has none.")
        check_export(FitDirectory, None, output)
    elif output or not animation:
        output = output or Path("dream.png")
        file = output_file(output)
        check_image_target(file, width, height, 1 if color == "grey" else 3)
        check_destination(file)
    if animation:
        check_suffix(animation)
        check_destination(animation)
        check_size(animation, width, height)
        check_distinct(output, animation, "--animate")
    dreams = [
        Dream(
            layers=layers,
            deviation=deviations[index % len(deviations)],
            activation=activation,
            inputs=tuple(name.strip() for name in inputs.split(",")),
            latent=latent,
            scale=scale,
            channels=color,
            seed=seed + index // len(deviations),
        )
        for index in range(columns * rows)
    ]
    dreamers = [Dreamer(dream, threads=threads) for dream in dreams]
    sheet = Sheet(dreamers, columns, width, height)

    def frame(index: int) -> npt.NDArray[np.uint8]:
        for dreamer in dreamers:
            dreamer.turn(index / frames)
        return sheet.picture()

    if output and is_export(output):
        from fit_image.apps.export.subject import dream_subject

        export_network(dream_subject(dreamers[0], output.stem), output, quiet)
    with make_display(quiet) as display:
        if file:
            canvas = Canvas(width, height, sheet.channels)
            draw_strips(canvas, sheet.strips(), display)
            save_image(file, canvas.image)
        if animation:
            animate_loop(animation, map(frame, range(frames)), frames, display, fps=fps)
    if output and file:
        written(output, file)
    if animation:
        click.echo(animation, err=output == STREAM)
