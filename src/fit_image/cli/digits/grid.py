"""``fit-image digits grid``: a row of pictures of each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fit_image.cli.common.picture_files import output_file, written
from fit_image.cli.common.picture_options import (
    check_network,
    check_target,
    columns_option,
    output_option,
    size_option,
)
from fit_image.cli.common.signals import Signals
from fit_image.cli.digits.drawing_options import drawing_options, load_model
from fit_image.errors import InputError


@click.command("grid", short_help="Draw a row of each class.")
@columns_option(10, "Pictures per class.")
@size_option("1080x1080", "Width and height of the grid in pixels, rounded down to equal tiles.")
@output_option(Path("grid.png"))
@drawing_options
@click.pass_obj
def command(
    signals: Signals,
    /,
    run: Path | None,
    shipped: str | None,
    columns: int,
    size: tuple[int, int],
    output: Path,
    spread: float,
    seed: int,
    **options: Any,
) -> None:
    """Draw a row of pictures of each class.

    RUN is the folder of a training run, or its model.npz. Default: a model that comes with
    fit-image.
    """
    import numpy as np

    from fit_image.apps.digits.directory import DigitsDirectory
    from fit_image.images.io import check_image_target, save_image

    signals.act_at_once()
    check_network(run, DigitsDirectory)
    model = load_model(run, shipped)
    classes = len(model.class_names)
    width, height = size[0] // columns, size[1] // classes
    if width < 1 or height < 1:
        raise InputError(
            f"--size: {size[0]}x{size[1]} pixels are too few for {columns}x{classes} pictures"
        )
    file = output_file(output)
    check_image_target(file, width * columns, height * classes, model.channels)
    check_target(DigitsDirectory, run, file)
    rng = np.random.default_rng(seed)
    rows = [model.sample([label] * columns, rng, spread) for label in range(classes)]
    save_image(file, model.draw_sheet(rows, width, height, **options))
    written(output, file)
