"""Options under headings in the help, and options whose value may be left out."""

from __future__ import annotations

import itertools
import re
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


class OptionalValueOption(HeadedOption):
    """An option of an `OptionalValueCommand` whose value may be left out.

    ``pattern`` is a regular expression that tells a value from an argument that follows the option;
    ``flag_value`` is the text of the value where none is given.
    """

    def __init__(self, *args: Any, pattern: str, flag_value: str, **attributes: Any) -> None:
        super().__init__(*args, is_flag=False, flag_value=flag_value, **attributes)
        self.pattern = re.compile(pattern)
        self.left_out = flag_value


class OptionalValueCommand(click.Command):
    """A command in which an option's value may be left out, also before an argument."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does, after a value has been put in where one is left out."""
        options = {
            name: param
            for param in self.get_params(ctx)
            if isinstance(param, OptionalValueOption)
            for name in param.opts
        }
        end = args.index("--") if "--" in args else len(args)
        words = [*args[:end], ""]
        for at, (word, following) in enumerate(itertools.pairwise(words)):
            if word in options and not options[word].pattern.fullmatch(following):
                words[at] = f"{word}={options[word].left_out}"
        return super().parse_args(ctx, [*words[:-1], *args[end:]])


class HeadedCommand(OptionalValueCommand):
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
