"""Options shared by the drawing commands."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common.options import Command, Real, threads_option
from fit_image.cli.common.picture_options import seed_option
from fit_image.config.registry import PAPERS

paper_option = click.option(
    "--paper",
    type=click.Choice(PAPERS),
    default="white",
    show_default=True,
    help="Background; 'learned' keeps that of the training pictures.",
)

_OPTIONS = (
    click.argument("run", metavar="[RUN]", required=False, type=click.Path(path_type=Path)),
    click.option(
        "--scale",
        type=Real(min=0, min_open=True, max=1e6),
        metavar="K",
        show_default="as in training",
        help="Range of x and y: -K to K along the shorter side; larger shows more around.",
    ),
    click.option(
        "--spread",
        type=Real(min=0, max=100),
        default=0.7,
        show_default=True,
        metavar="X",
        help="Variation within a class: 0 draws its mean, 1 varies as much as real pictures.",
    ),
    paper_option,
    seed_option(0, True, "Seed of the latent vectors."),
    threads_option("all cores"),
)


def drawing_options(command: Command) -> Command:
    """Add an argument for a run or model file, and the options of all pictures drawn with it."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command
