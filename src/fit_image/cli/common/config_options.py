"""The options of trainings on a set of pictures: those of the configuration, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from fit_image.cli.common import options
from fit_image.cli.common.options import Command
from fit_image.cli.common.picture_options import output_option

ConfigType = TypeVar("ConfigType")

# Neither is there a target beside the sheets that these trainings draw, nor a PSNR.
SHOWN_BY_TRAININGS = ("fps", "caption", "progress_line", "loop", "hold", "max_bytes")


def config_options(
    config_type: type[Any],
    types: Mapping[str, Any] | None = None,
    shown: Mapping[str, str] | None = None,
) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for every field of a configuration.

    ``types`` and ``shown`` are ``kind`` and ``shown`` of `options.field_option`, where the field
    does not tell.
    """
    types, shown = types or {}, shown or {}

    def add_all(command: Command) -> Command:
        for name in [each.name for each in reversed(fields(config_type))]:
            kind, text = types.get(name), shown.get(name)
            command = options.field_option(config_type, name, kind=kind, shown=text)(command)
        return command

    return add_all


def config_of(
    ctx: click.Context,
    config_type: type[ConfigType],
    given: Mapping[str, Any],
    earlier: ConfigType | None,
) -> ConfigType:
    """Return the configuration asked for; of a resumed training, what is not given is as before."""
    names = [each.name for each in fields(config_type) if each.name in given]  # type: ignore[arg-type]
    if earlier is None:
        return config_type(**{name: given[name] for name in names})
    explicit = {name: given[name] for name in names if is_given(ctx, name)}
    return replace(earlier, **explicit)  # type: ignore[type-var]


def is_given(ctx: click.Context, name: str) -> bool:
    """Return whether the user gave an option, and it is not its default."""
    return ctx.get_parameter_source(name) is not ParameterSource.DEFAULT


def training_options(*, output: str, epochs: int, epochs_help: str) -> Callable[[Command], Command]:
    """Return a decorator that adds ``--output`` and ``--epochs``, with their defaults."""
    add_output = output_option(Path(output), "Folder for all results.", "DIR")
    add_epochs = click.option(
        "--epochs",
        type=options.Whole(min=1, max=1_000_000),
        default=epochs,
        show_default=True,
        metavar="N",
        help=epochs_help,
    )
    return lambda command: add_output(add_epochs(command))


def session_options(command: Command) -> Command:
    """Add the options that say how a session of such a training runs."""
    for add in reversed(
        (
            *options.animation_options(*SHOWN_BY_TRAININGS, hold=1.0),
            options.like_option,
            click.option("--resume", is_flag=True, help="Continue the run in the output folder."),
            click.option("--overwrite", is_flag=True, help="Replace the run in the output folder."),
            options.threads_option("all cores"),
            options.watch_option,
            options.serve_option,
            options.json_option,
            options.quiet_option,
        )
    ):
        command = add(command)
    return command
