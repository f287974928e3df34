"""``fit-image digits morph``: an animation from digit to digit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fit_image.cli.common.drawing import animate_loop
from fit_image.cli.common.options import Whole, fps_option, quiet_option
from fit_image.cli.common.picture_options import (
    check_network,
    check_target,
    output_option,
    size_option,
)
from fit_image.cli.common.signals import Signals
from fit_image.cli.digits.drawing_options import drawing_options, load_model
from fit_image.cli.display.compilation import announcing_compilation
from fit_image.cli.display.displays import make_display
from fit_image.config.registry import WALKS


@click.command("morph", short_help="Animate the change from digit to digit.")
@click.option(
    "--labels",
    default="0,1,2,3,4,5,6,7,8,9",
    show_default=True,
    metavar="NAME,...",
    help="Classes to visit in this order, and back to the first.",
)
@click.option(
    "--walk",
    "kind",
    type=click.Choice(WALKS),
    default="sinusoidal",
    show_default=True,
    help="Even steps, or smaller ones near each digit.",
)
@click.option(
    "--steps",
    type=Whole(min=1, max=10_000),
    default=20,
    show_default=True,
    metavar="N",
    help="Frames from one digit to the next.",
)
@size_option("540x540")
@output_option(Path("morph.gif"))
@fps_option
@drawing_options
@quiet_option
@click.pass_obj
def command(
    signals: Signals,
    /,
    run: Path | None,
    shipped: str | None,
    labels: str,
    kind: str,
    steps: int,
    size: tuple[int, int],
    output: Path,
    spread: float,
    seed: int,
    fps: float,
    quiet: bool,
    **options: Any,
) -> None:
    """Animate how each digit turns into the next, and the last into the first.

    RUN is the folder of a training run, or its model.npz. Default: a model that comes with
    fit-image.
    """
    import numpy as np

    from fit_image.animation.writers import check_size, check_suffix
    from fit_image.apps.digits.directory import DigitsDirectory
    from fit_image.apps.digits.model import walk

    signals.act_at_once()
    check_network(run, DigitsDirectory)
    width, height = size
    check_suffix(output)
    check_target(DigitsDirectory, run, output)
    check_size(output, width, height)
    model = load_model(run, shipped)
    visited = [model.label(name.strip()) for name in labels.split(",")]
    anchors = model.sample(visited, np.random.default_rng(seed), spread)
    pictures = (
        model.draw_sheet([latents[np.newaxis]], width, height, **options)
        for latents in walk(anchors, steps, kind)
    )
    with make_display(quiet) as display, announcing_compilation(display):
        animate_loop(output, pictures, len(visited) * steps, display, fps=fps)
    click.echo(output)
