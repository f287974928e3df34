"""``fit-image digits grid``: a row of pictures of each class."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.picture_options import (
    check_target,
    columns_option,
    output_option,
    size_option,
)
from fit_image.cli.common.signals import Signals
from fit_image.cli.digits.drawing_options import drawing_options, run_argument
from fit_image.errors import InputError


@click.command("grid", short_help="Draw a row of each class.")
@run_argument
@columns_option(10, "Pictures per class.")
@size_option("1080x1080", "Width and height of the grid in pixels, rounded down to equal tiles.")
@output_option(Path("grid.png"))
@drawing_options
@options.threads_option("all cores")
@click.pass_obj
def command(
    signals: Signals,
    /,
    run: Path | None,
    columns: int,
    size: tuple[int, int],
    output: Path,
    scale: float | None,
    spread: float,
    paper: str,
    seed: int,
    threads: int | None,
) -> None:
    """Draw a row of pictures of each class.

    RUN is the folder of a training run, or its model.npz. Default: the model that comes with
    fit-image.
    """
    import numpy as np

    from fit_image.apps.digits.contact_sheet import draw_sheet
    from fit_image.apps.digits.directory import DigitsDirectory
    from fit_image.apps.digits.model import DigitModel
    from fit_image.images.io import check_image_target, save_image

    signals.act_at_once()
    model = DigitModel.load(run)
    classes = len(model.class_names)
    width, height = size[0] // columns, size[1] // classes
    if width < 1 or height < 1:
        raise InputError(
            f"--size: {size[0]}x{size[1]} pixels are too few for {columns}x{classes} pictures"
        )
    check_image_target(output, width * columns, height * classes, model.channels)
    check_target(DigitsDirectory, run, output)
    rng = np.random.default_rng(seed)
    rows = [model.sample([label] * columns, rng, spread) for label in range(classes)]
    sheet = draw_sheet(model, rows, width, height, paper=paper, scale=scale, threads=threads)
    save_image(output, sheet)
    click.echo(output)
