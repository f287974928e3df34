"""``fit-image unjpeg``: networks that remove JPEG artefacts."""

from __future__ import annotations

import click

from fit_image.cli.common.lazy_group import LazyGroup


@click.command(
    "unjpeg",
    cls=LazyGroup,
    package=__name__,
    names=("train", "apply", "score"),
)
def command() -> None:
    """Remove JPEG artefacts from pictures, or train a network for it.

    A network repaints each patch of a picture without ringing around edges and washed-out colours.
    Two trained networks come with the package.
    """
