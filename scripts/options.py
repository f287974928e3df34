#!/usr/bin/env python3
"""Print docs/options.md: every command and option, as the program itself describes them.

Renew the page with ``python scripts/options.py > docs/options.md``.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from fit_image.cli import cli

INTRODUCTION = """\
# Options

Every command with its arguments and options, their defaults and permitted values. The same text is
shown by `--help`. This page is generated from the commands: `python scripts/options.py >
docs/options.md` renews it, and a test fails when the two differ.

`fit-image IMAGE [OPTIONS]` trains a network; options may stand before or after the picture. A
picture whose name is that of a command is given with a folder, as in `./render`. Further reading:
[components](components.md) for activations, encodings, optimizers and schedules,
[choosing](choosing.md) for layers and epochs, [scripting](scripting.md) for exit codes and output,
[file formats](file-formats.md) for pictures and animations.
"""

OWN_NAME = "fit-image"
DEFAULT_COMMAND = "fit"


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command below a group with the words that call it."""
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, in a cell of a table."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for character in "|*_":
        text = text.replace(character, f"\\{character}")
    return text


def spelling(option: click.Option, context: click.Context) -> str:
    """Return an option's names and the placeholder of its value."""
    names = [*option.opts, *option.secondary_opts]
    value = "" if option.is_flag else f" {option.make_metavar(context)}"
    names[-1] += value
    return ", ".join(f"`{name}`".replace("|", "\\|") for name in names)


def row(option: click.Option, context: click.Context) -> str:
    """Return an option's line of the table."""
    extra = option.get_help_extra(context)
    default = str(extra.get("default", "")).removeprefix("(").removesuffix(")")
    if "required" in extra:
        default = "required"
    elif option.is_flag:
        default = default or "off"
    values = f" `{extra['range']}`" if "range" in extra else ""
    meaning = escaped(option.help or "") + values
    return f"| {spelling(option, context)} | {escaped(default) or 'none'} | {meaning} |"


def section(path: str, command: click.Command, skip: frozenset[str] = frozenset()) -> list[str]:
    """Return the section of a command, without the options whose names are in ``skip``."""
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    call = f"{path} {usage}"
    if path == f"{OWN_NAME} {DEFAULT_COMMAND}":
        path, call = OWN_NAME, f"{OWN_NAME} IMAGE [OPTIONS]"
    lines = [f"## {path}", "", f"`{call}`", "", escaped(command.get_short_help_str(200))]
    if skip:
        names = ", ".join(f"`{name}`" for name in sorted(skip))
        shared = f"Shares these options with [{OWN_NAME}](#{OWN_NAME}); most take several values"
        lines += ["", f"{shared}: {names}."]
    tables: dict[str, list[str]] = {}
    for option in command.params:
        if isinstance(option, click.Option) and option.opts[-1] not in skip:
            heading = getattr(option, "heading", "")  # as in the help
            tables.setdefault(heading, []).append(row(option, context))
    for heading, rows in tables.items():
        lines += ["", f"**{heading}**"] if heading else []
        lines += ["", "| option | default | meaning |", "|---|---|---|", *rows]
    return [*lines, ""]


def descriptions(command: click.Command) -> dict[str, str | None]:
    """Return the help of each option of a command."""
    return {each.opts[-1]: each.help for each in command.params if isinstance(each, click.Option)}


def page() -> str:
    """Return the text of docs/options.md."""
    lines = [INTRODUCTION]
    fitting: dict[str, str | None] = {}
    for path, command in commands(cli, OWN_NAME):
        skip: frozenset[str] = frozenset()
        if path == f"{OWN_NAME} {DEFAULT_COMMAND}":
            fitting = descriptions(command)
        elif path == f"{OWN_NAME} sweep":
            own = descriptions(command)
            skip = frozenset(name for name in own if own[name] == fitting.get(name, object()))
        lines += section(path, command, skip)
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
