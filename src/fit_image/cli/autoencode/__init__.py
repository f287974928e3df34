"""``fit-image autoencode``: networks that redraw pictures from a code."""

from __future__ import annotations

import click

from fit_image.cli.common.lazy_group import LazyGroup


@click.command(
    "autoencode",
    cls=LazyGroup,
    package=__name__,
    names=("train", "apply", "grid", "features"),
    short_help="Redraw pictures from a compressed code.",
)
def command() -> None:
    """Train a network to redraw whole pictures from a few numbers, and use it.

    The network squeezes a picture through a bottleneck, and draws it again from what comes out.
    """
