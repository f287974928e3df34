"""``fit-image digits``: generators of digits at any resolution."""

from __future__ import annotations

import click

from fit_image.cli.common.lazy_group import LazyGroup


@click.command(
    "digits",
    cls=LazyGroup,
    package=__name__,
    names=("train", "draw", "grid", "morph", "encode"),
)
def command() -> None:
    """Draw handwritten digits at any size, or train a generator on other pictures.

    A small network maps coordinates and a latent vector, which stands for a digit, to a grey level.
    A trained one comes with the package: drawing needs neither data nor training.
    """
