"""What commands that write a file must leave alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.training_folder import TrainingFolder


def check_spared(
    kind: type[TrainingFolder], network: Path | None, output: Path, *inputs: Path
) -> None:
    """Refuse to write over a network, what its training needs, or what else is read.

    Parameters
    ----------
    kind : type
        Of the trainings whose folder ``network`` may be.
    network : Path or None
        The folder of a training, or a model file; None if it comes with the package.
    output : Path
    inputs : Path

    Raises
    ------
    InputError
        If ``output`` is one of these, under whatever name.
    """
    for path in (*inputs, *([network] if network else [])):
        if output.exists() and path.exists() and output.samefile(path):
            raise InputError(f"{output} is what it would be made from: give another name")
    if network:
        folder = network if network.is_dir() else network.parent
        if kind.holds_run(folder):
            kind.check_spared(folder, output)


def check_apart(output: Path | None, other: Path | None, option: str) -> None:
    """Raise `InputError` if ``-o`` and another option name the same file to be written."""
    if output and other and os.path.realpath(output) == os.path.realpath(other):
        raise InputError(f"{option} and -o name the same file: give another name")
