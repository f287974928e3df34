"""``fit-image digits``: generators of digits at any resolution."""

from __future__ import annotations

import click

from fit_image.cli.common.lazy_group import LazyGroup


@click.command(
    "digits",
    cls=LazyGroup,
    package=__name__,
    names=("train", "draw", "grid", "morph", "encode"),
    short_help="Draw digits at any size; train the generator.",
)
def command() -> None:
    """Draw handwritten digits at any size, or train a generator to draw others.

    A small network maps a place, and some numbers that stand for a digit, to a shade. One that
    the project has trained comes with the package: drawing needs neither data nor training.
    """
