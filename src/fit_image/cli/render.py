"""``fit-image render``: draw a learned picture at any size, and beyond its borders."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.drawing import draw_strips
from fit_image.cli.common.picture_files import output_file, written
from fit_image.cli.common.picture_options import (
    check_network,
    check_target,
    output_option,
    size_option,
)
from fit_image.cli.common.signals import Signals
from fit_image.cli.display.displays import make_display


@click.command("render")
@options.path_argument("RUN_OR_MODEL")
@output_option(
    "<RUN>-<W>x<H>.png",
    "Picture to write; the suffix chooses the format; - for a PNG on standard output.",
)
@size_option(None)
@click.option(
    "--scale",
    type=options.Real(min=0, min_open=True, max=options.LARGEST_SIDE),
    metavar="K",
    show_default="1",
    help="Size as a multiple of the learned picture's.",
)
@click.option(
    "--region",
    type=options.REGION,
    default="0,0,1,1",
    show_default=True,
    metavar="X0,Y0,X1,Y1",
    help="Region to draw: left, top, right and bottom edge. 0,0,1,1 is the whole picture; "
    "-0.5,-0.5,1.5,1.5 extends beyond it.",
)
@options.threads_option("all cores")
@options.quiet_option
@click.pass_obj
def command(
    signals: Signals,
    /,
    path: Path,
    output: Path | None,
    size: tuple[int, int] | None,
    scale: float | None,
    region: tuple[float, float, float, float],
    threads: int | None,
    quiet: bool,
) -> None:
    """Draw a learned picture at any size, even beyond its edges.

    RUN_OR_MODEL is the folder of a run, or a model.npz file.
    """
    if size and scale:
        raise click.UsageError("--size and --scale exclude each other.")
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.apps.painting_network import PaintingNetwork
    from fit_image.images.io import Canvas, check_image_target, save_image

    signals.act_at_once()
    check_network(path, FitDirectory)
    network = PaintingNetwork.load(path)
    x0, y0, x1, y1 = region
    if not size:
        # A region keeps the picture's pixels per unit length.
        extents = (abs(x1 - x0), abs(y1 - y0))
        width, height = (
            max(1, round(side * extent * (scale or 1.0)))
            for side, extent in zip(network.size, extents, strict=True)
        )
    else:
        width, height = size
    name = path.resolve().name if path.is_dir() else path.stem
    output = output or Path(f"{name.removesuffix('-fit')}-{width}x{height}.png")
    file = output_file(output)
    check_image_target(file, width, height, network.channels)
    folder = path if path.is_dir() else path.parent
    inputs = []
    if FitDirectory.holds_run(folder):
        inputs = [Path(FitDirectory.open(folder).manifest.picture.path)]
    check_target(FitDirectory, path, file, *inputs)

    canvas = Canvas(width, height, network.channels)
    with make_display(quiet) as display:
        strips = network.render_strips(width, height, region, threads=threads)
        draw_strips(canvas, strips, display)
        save_image(file, canvas.image)
    written(output, file)
