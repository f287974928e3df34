"""Options shared by the drawing commands."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common.options import Command, Real
from fit_image.cli.common.picture_options import seed_option
from fit_image.config.registry import PAPERS


def run_argument(command: Command) -> Command:
    """Add an optional argument ``run``: a folder or a model file."""
    return click.argument("run", metavar="[RUN]", required=False, type=click.Path(path_type=Path))(
        command
    )


def paper_option(command: Command) -> Command:
    """Add ``--paper``."""
    return click.option(
        "--paper",
        type=click.Choice(PAPERS),
        default="white",
        show_default=True,
        help="Background; 'learned' keeps that of the training pictures.",
    )(command)


def drawing_options(command: Command) -> Command:
    """Add ``--scale``, ``--spread``, ``--paper`` and ``--seed``."""
    for add in (
        seed_option(0, True, "Seed of the latent vectors."),
        paper_option,
        click.option(
            "--spread",
            type=Real(min=0, max=100),
            default=0.7,
            show_default=True,
            metavar="X",
            help="Variation within a class: 0 draws its mean, 1 varies as much as real pictures.",
        ),
        click.option(
            "--scale",
            type=Real(min=0, min_open=True, max=1e6),
            metavar="K",
            show_default="as in training",
            help="Range of x and y: -K to K along the shorter side; larger shows more around.",
        ),
    ):
        command = add(command)
    return command
