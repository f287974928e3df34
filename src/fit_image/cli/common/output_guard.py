"""Protection of inputs and runs from being overwritten by an output."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.runs.directory import RunDirectory


def check_output(
    kind: type[RunDirectory], network: Path | None, output: Path, *inputs: Path
) -> None:
    """Check that an output does not overwrite a network, a file of its run, or an input.

    Parameters
    ----------
    kind : type
        Kind of folder that ``network`` may be.
    network : Path or None
        Folder of a run, or a model file; None for the model of the package.
    output : Path
    *inputs : Path

    Raises
    ------
    InputError
        If ``output`` is one of these files, under whatever name.
    """
    for path in (*inputs, *([network] if network else [])):
        if output.exists() and path.exists() and output.samefile(path):
            raise InputError(f"{output} is an input of this command: give another name")
    if network:
        folder = network if network.is_dir() else network.parent
        if kind.holds_run(folder):
            kind.check_spared(folder, output)


def check_distinct(output: Path | None, other: Path | None, option: str) -> None:
    """Raise `InputError` if ``-o`` and another option name the same file to be written."""
    if output and other and os.path.realpath(output) == os.path.realpath(other):
        raise InputError(f"{option} and -o name the same file: give another name")
