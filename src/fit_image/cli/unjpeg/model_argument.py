"""The network that a command uses: that of a training, or the one that comes with the package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click


def network_and(paths: Sequence[Path], what: str) -> tuple[Path | None, Path]:
    """Return the network's path, None for the shipped one, and the other path.

    Raises
    ------
    click.UsageError
        If there are not one or two.
    """
    if len(paths) == 1:
        return None, paths[0]
    if len(paths) == 2:
        return paths[0], paths[1]
    raise click.UsageError(f"Give {what}, or RUN and {what}.")
