"""Options under headings in the help: ``Picture``, ``Network``, ``Learning`` and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

HEADINGS = ("Picture", "Network", "Learning", "Stopping", "Trials", "Recording", "Run")
"""In the order of the help; options without a heading come first, under ``Options``."""


class HeadedOption(click.Option):
    """An option that the help shows under one of `HEADINGS`."""

    def __init__(self, *args: Any, heading: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.heading = heading


class HeadedCommand(click.Command):
    """A command whose help groups its options by `HeadedOption.heading`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self.get_params(ctx), ctx, formatter)


def headed_option(
    heading: str, *declarations: str, **attributes: Any
) -> Callable[[Command], Command]:
    """Return `click.option` with one of `HEADINGS`."""
    return click.option(*declarations, cls=HeadedOption, heading=heading, **attributes)


def write_options(
    params: Iterable[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Write the help of options, with a section for each heading."""
    sections: dict[str, list[tuple[str, str]]] = {name: [] for name in ("Options", *HEADINGS)}
    for param in params:
        record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
        if record:
            sections[heading_of(param)].append(record)
    for heading, records in sections.items():
        if records:
            with formatter.section(heading):
                formatter.write_dl(records)


def heading_of(param: click.Parameter) -> str:
    """Return the heading of an option; ``Options`` if it has none."""
    if isinstance(param, HeadedOption):
        return param.heading
    # click creates these itself.
    return "Run" if {"--help", "--version"} & {*param.opts} else "Options"
