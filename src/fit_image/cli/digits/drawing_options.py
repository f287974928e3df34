"""Options shared by the drawing commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fit_image.cli.common.options import Command, Real, threads_option
from fit_image.cli.common.picture_options import seed_option
from fit_image.config.registry import DIGIT_MODELS, PAPERS

if TYPE_CHECKING:
    from fit_image.apps.digits.model import DigitModel

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
        "--model",
        "shipped",
        type=click.Choice(DIGIT_MODELS),
        show_default=DIGIT_MODELS[0],
        help="Which model that comes with fit-image draws; 'article' is one trained as in the "
        "article. Not with a RUN.",
    ),
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
        help="Variation of latents: 0 draws means of normals only, 1 varies as real pictures do.",
    ),
    paper_option,
    seed_option(0, True, "Seed of the latent vectors."),
    threads_option("all cores"),
)


def load_model(run: Path | None, shipped: str | None) -> DigitModel:
    """Load the model of a run, or one of those that come with fit-image."""
    from fit_image.apps.digits.model import DigitModel

    if run and shipped:
        raise click.UsageError(f"RUN ({run}) and --model exclude each other")
    return DigitModel.load(run) if run else DigitModel.shipped(shipped or DIGIT_MODELS[0])


def drawing_options(command: Command) -> Command:
    """Add an argument for a run or model file, and the options of all pictures drawn with it."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command
