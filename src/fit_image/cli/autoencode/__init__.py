"""``fit-image autoencode``: auto-encoders of pictures."""

from __future__ import annotations

import click

from fit_image.cli.common.lazy_group import LazyGroup


@click.command(
    "autoencode",
    cls=LazyGroup,
    package=__name__,
    names=("train", "apply", "grid", "features"),
)
def command() -> None:
    """Train an auto-encoder on pictures, and use it.

    The network encodes a picture as a few numbers, its code, and redraws the picture from these.
    """
