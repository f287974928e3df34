"""``fit-image unjpeg``: networks that remove what JPEG has done to pictures."""

from __future__ import annotations

import click

from fit_image.cli.common.lazy_group import LazyGroup


@click.command(
    "unjpeg",
    cls=LazyGroup,
    package=__name__,
    names=("train", "apply", "score"),
    short_help="Remove JPEG artefacts; train the network.",
)
def command() -> None:
    """Remove what JPEG compression has done to pictures, or train a network to.

    A network paints every patch of a picture anew, without the noise around edges and the washed
    out colours. Two that the project has trained come with the package.
    """
