"""The options of trainings on a set of pictures: those that are the configuration, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from fit_image.cli.common import options
from fit_image.cli.common.options import Command, Real
from fit_image.config.fit import option_of

ConfigType = TypeVar("ConfigType")


def config_options(
    config_type: type[Any],
    types: Mapping[str, Any] | None = None,
    shown: Mapping[str, str] | None = None,
) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for every field of a configuration.

    Parameters
    ----------
    config_type : type
        A dataclass of `fit_image.config.settings.setting`; fields that are not bool, int, float
        or text have a type in ``types``. Of flags that may change when a run goes on, there is the
        opposite, too.
    types : mapping of str to click type, optional
        Of those that are no plain numbers or flags.
    shown : mapping of str to str, optional
        What the help says for a default that says nothing.
    """
    types, shown = types or {}, shown or {}

    def add_all(command: Command) -> Command:
        for field in reversed(fields(config_type)):
            declared = option_of(field.name)
            if isinstance(field.default, bool) and field.metadata["may_change"]:
                declared = f"{declared}/--no-{declared.removeprefix('--')}"
            limits = field.metadata["limits"] or (0, None)
            kind = _kind(field.default, types.get(field.name), shown.get(field.name), limits)
            add: Callable[[Any], Any] = click.option(
                declared, field.name, help=field.metadata["help"], **kind
            )
            command = add(command)
        return command

    return add_all


def _kind(
    default: Any, given: Any, text: str | None, limits: tuple[float, float | None]
) -> dict[str, Any]:
    if isinstance(default, bool):
        return {"is_flag": True, "default": default}
    if given is None:
        least, most = limits
        if isinstance(default, int):
            given = click.IntRange(int(least), None if most is None else int(most))
        else:
            given = Real(least, most)
    metavar = {
        click.types.IntParamType: "N",
        click.types.FloatParamType: "X",
    }
    letter = next((name for kind, name in metavar.items() if isinstance(given, kind)), None)
    return {"type": given, "default": default, "show_default": text or True, "metavar": letter}


def config_of(
    ctx: click.Context,
    config_type: type[ConfigType],
    given: Mapping[str, Any],
    earlier: ConfigType | None,
) -> ConfigType:
    """Return the configuration asked for; of a resumed training, what is not given is as before."""
    names = [field.name for field in fields(config_type)]  # type: ignore[arg-type]
    if earlier is None:
        return config_type(**{name: given[name] for name in names})
    explicit = {name: given[name] for name in names if is_given(ctx, name)}
    return replace(earlier, **explicit)  # type: ignore[type-var]


def is_given(ctx: click.Context, name: str) -> bool:
    """Return whether the user gave an option, and it is not its default."""
    return ctx.get_parameter_source(name) is not ParameterSource.DEFAULT


def training_options(*, output: str, epochs: int, epochs_help: str) -> Callable[[Command], Command]:
    """Return a decorator that adds ``--output`` and ``--epochs``, with their defaults."""

    def add_all(command: Command) -> Command:
        add_epochs = click.option(
            "--epochs",
            type=click.IntRange(min=1, max=1_000_000),
            default=epochs,
            show_default=True,
            metavar="N",
            help=epochs_help,
        )
        add_output = click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path),
            default=Path(output),
            show_default=True,
            metavar="DIR",
            help="Folder for all results.",
        )
        return add_output(add_epochs(command))

    return add_all


def session_options(command: Command) -> Command:
    """Add the options that say how a session of such a training runs."""
    for add in reversed(
        (
            options.fps_option,
            click.option("--resume", is_flag=True, help="Go on with the training in the folder."),
            click.option("--overwrite", is_flag=True, help="Replace the training in the folder."),
            options.threads_option("all cores"),
            options.json_option,
            options.quiet_option,
        )
    ):
        command = add(command)
    return command
