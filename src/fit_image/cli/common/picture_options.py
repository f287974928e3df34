"""Options of the commands that draw pictures, and checks of their outputs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fit_image.cli.common.options import SIZE, Command, Whole
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.runs.directory import RunDirectory


def output_option(
    default: Path | str,
    text: str = "File to write; its suffix sets the format.",
    metavar: str = "FILE",
) -> Callable[[Command], Command]:
    """Add ``--output``, with a default or a description of it."""
    described = isinstance(default, str)
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar=metavar,
        default=None if described else default,
        show_default=default if described else True,
        help=text,
    )


def size_option(
    default: str | None, text: str = "Width and height in pixels.", shown: str | bool = True
) -> Callable[[Command], Command]:
    """Add ``--size``, with a default or a description of it."""
    return click.option(
        "--size", type=SIZE, default=default, show_default=shown, metavar="WxH", help=text
    )


def columns_option(default: int, text: str) -> Callable[[Command], Command]:
    """Add ``--columns``."""
    return click.option(
        "--columns",
        type=Whole(min=1, max=1000),
        default=default,
        show_default=True,
        metavar="N",
        help=text,
    )


def seed_option(default: int | None, shown: str | bool, text: str) -> Callable[[Command], Command]:
    """Add ``--seed``."""
    return click.option(
        "--seed",
        type=Whole(min=0, max=2**63 - 1),
        default=default,
        show_default=shown,
        metavar="N",
        help=text,
    )


def quality_option(
    default: int | None, shown: str | bool, text: str
) -> Callable[[Command], Command]:
    """Add ``--quality``, that of JPEG."""
    return click.option(
        "--quality",
        type=Whole(1, 100),
        default=default,
        show_default=shown,
        metavar="N",
        help=text,
    )


effort_option = click.option(
    "--effort",
    type=Whole(1, 9),
    default=1,
    show_default=True,
    metavar="N",
    help="1 for the small network; 2 for the large one, in two and a half times the time; from 3 "
    "on, it sees N - 1 turned and mirrored versions of the picture, and the mean is taken.",
)


def check_effort(model: Path | None, effort: int) -> None:
    """Raise a usage error if more effort is asked of a user's own network."""
    if model and effort > 1:
        raise click.UsageError("--effort is for the networks of fit-image: it excludes RUN.")


def check_network(path: Path | None, kind: type[RunDirectory]) -> None:
    """Raise `InputError`, naming the command that serves, if a network is of another kind.

    ``path`` is the folder of a run, or a model file; None for the model of the package.
    """
    from fit_image.storage.npz import is_archive

    if path and not kind.holds_run(path) and not is_archive(path, kind.model_kind):
        from fit_image.apps.run_kinds import check_kind

        check_kind(path, kind)


def check_target(
    kind: type[RunDirectory], network: Path | None, target: Path, *inputs: Path
) -> None:
    """Raise `InputError` unless ``target`` can be written without loss; see `check_output`."""
    from fit_image.storage.atomic import check_destination

    check_destination(target)
    check_output(kind, network, target, *inputs)


def check_output(
    kind: type[RunDirectory], network: Path | None, output: Path, *inputs: Path
) -> None:
    """Raise `InputError` if an output is a network, a file of its run, or an input.

    Parameters
    ----------
    kind : type
        Kind of folder that ``network`` may be.
    network : Path or None
        Folder of a run, or a model file; None for the model of the package.
    output : Path
    *inputs : Path
    """
    for path in (*inputs, *([network] if network else [])):
        if output.exists() and path.exists() and output.samefile(path):
            raise InputError(f"{output} is an input of this command: give another name")
    if network:
        folder = network if network.is_dir() else network.parent
        if kind.holds_run(folder):
            kind.check_output(folder, output)


def check_distinct(output: Path | None, other: Path | None, option: str) -> None:
    """Raise `InputError` if ``-o`` and another option name the same file to be written."""
    if output and other and os.path.realpath(output) == os.path.realpath(other):
        raise InputError(f"{option} and -o name the same file: give another name")
