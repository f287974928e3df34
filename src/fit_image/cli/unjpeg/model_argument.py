"""The optional argument RUN: a trained network, or the one that comes with the package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click


def split_model(paths: Sequence[Path], metavar: str) -> tuple[Path | None, Path]:
    """Return the path of the network, None for the shipped one, and the other path."""
    if len(paths) == 1:
        return None, paths[0]
    if len(paths) == 2:
        return paths[0], paths[1]
    raise click.UsageError(f"Give {metavar}, or RUN and {metavar}.")
