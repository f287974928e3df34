"""The optional argument RUN: a trained network, or the one that comes with the package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click


def split_model(paths: Sequence[Path], metavar: str) -> tuple[Path | None, Path]:
    """Return the path of the network, None for the shipped one, and the other path."""
    if len(paths) == 1 and not _is_network(paths[0]):
        return None, paths[0]
    if len(paths) == 2:
        return paths[0], paths[1]
    raise click.UsageError(f"Give {metavar}, or RUN and {metavar}.")


def split_pictures(paths: Sequence[Path]) -> tuple[Path | None, Sequence[Path]]:
    """Return the path of the network, None for the shipped one, and those of the pictures."""
    if not paths or (len(paths) == 1 and _is_network(paths[0])):
        raise click.UsageError("Give PICTURE, or RUN and PICTURE.")
    networks = [path for path in paths if _is_network(path)]
    if networks and networks != [paths[0]]:
        raise click.UsageError(f"RUN comes first, and once: {networks[-1]} is one, too.")
    return (paths[0], paths[1:]) if networks else (None, paths)


def _is_network(path: Path) -> bool:
    from fit_image.storage.npz import ZIP_MAGIC, first_bytes

    if not path.is_dir():
        return path.suffix == ".npz" or first_bytes(path, len(ZIP_MAGIC)) == ZIP_MAGIC
    from fit_image.apps.run_kinds import kind_of
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory

    return SweepDirectory.holds_sweep(path) or kind_of(path) is not None
