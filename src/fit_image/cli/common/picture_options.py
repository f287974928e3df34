"""Options shared by the commands that draw pictures with a trained network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fit_image.cli.common.options import SIZE, Command
from fit_image.cli.common.output_guard import check_output

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
    default: str, text: str = "Width and height in pixels."
) -> Callable[[Command], Command]:
    """Add ``--size``."""
    return click.option(
        "--size", type=SIZE, default=default, show_default=True, metavar="WxH", help=text
    )


def columns_option(default: int, text: str) -> Callable[[Command], Command]:
    """Add ``--columns``."""
    return click.option(
        "--columns",
        type=click.IntRange(min=1, max=1000),
        default=default,
        show_default=True,
        metavar="N",
        help=text,
    )


def seed_option(default: int | None, shown: str | bool, text: str) -> Callable[[Command], Command]:
    """Add ``--seed``."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0, max=2**63 - 1),
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
        type=click.IntRange(1, 100),
        default=default,
        show_default=shown,
        metavar="N",
        help=text,
    )


def check_target(
    kind: type[RunDirectory], network: Path | None, target: Path, *inputs: Path
) -> None:
    """Raise `InputError` unless ``target`` can be written without loss; see `check_output`."""
    from fit_image.storage.atomic import check_destination

    check_destination(target)
    check_output(kind, network, target, *inputs)
