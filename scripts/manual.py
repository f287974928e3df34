#!/usr/bin/env python3
"""Write the man page and the files of shell completion that are installed with the package.

They lie in ``share``, and are made from the commands; a test fails when they are out of date.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from fit_image.cli import cli
from fit_image.version import __version__
from options import DEFAULT_COMMAND, OWN_NAME, commands

SHARE = Path(__file__).resolve().parents[1] / "share"

COMPLETIONS = {
    "bash": f"bash-completion/completions/{OWN_NAME}",
    "zsh": f"zsh/site-functions/_{OWN_NAME}",
    "fish": f"fish/vendor_completions.d/{OWN_NAME}.fish",
}
"""Where each shell looks for them."""

EXIT_CODES = {
    "0": "done",
    "1": "failed: training diverged, a file could not be written, some pictures were damaged",
    "2": "wrong usage or input",
    "130, 143, 129": "interrupted by Ctrl-C, SIGTERM or a closed terminal",
}


def roff(text: str) -> str:
    """Return words that troff shows as they are, in one line."""
    text = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def entry(term: str, text: str) -> list[str]:
    """Return a term in bold and its explanation."""
    return [".TP", f"\\fB{roff(term)}\\fR", roff(text) or "\\&"]


def option_entry(option: click.Option, context: click.Context) -> list[str]:
    """Return an option with its help, as ``--help`` shows both."""
    record = option.get_help_record(context)
    return entry(*record) if record else []


def command_section(path: str, command: click.Command) -> Iterator[str]:
    """Yield the lines of a command: its call, its help, its options."""
    context = click.Context(command, info_name=path, max_content_width=78)
    usage = " ".join(command.collect_usage_pieces(context))
    if path == f"{OWN_NAME} {DEFAULT_COMMAND}":
        path, usage = OWN_NAME, "IMAGE [OPTIONS]"
    yield from (f".SS {roff(path)}", f"\\fB{roff(path)}\\fR {roff(usage)}")
    for paragraph in (command.help or "").replace("\b", "").split("\n\n"):
        yield from (".PP", roff(paragraph))
    for option in command.params:
        if isinstance(option, click.Option):
            yield from option_entry(option, context)


def man_page() -> str:
    """Return the man page of all commands."""
    lines = [
        f'.TH {OWN_NAME.upper()} 1 "" "{OWN_NAME} {__version__}" "User Commands"',
        ".SH NAME",
        f"{roff(OWN_NAME)} \\- teach a small neural network to paint a picture",
        ".SH SYNOPSIS",
        f"\\fB{roff(OWN_NAME)}\\fR IMAGE [OPTIONS]",
        ".br",
        f"\\fB{roff(OWN_NAME)}\\fR COMMAND [ARGS]...",
        ".SH DESCRIPTION",
    ]
    for paragraph in (cli.help or "").split("\n\n"):
        lines += [".PP", roff(paragraph)]
    lines.append(".SH COMMANDS")
    for path, command in commands(cli, OWN_NAME):
        lines += command_section(path, command)
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES.items():
        lines += entry(code, meaning)
    return "\n".join(lines) + "\n"


def completion(shell: str) -> str:
    """Return a shell's script that completes the command line."""
    kind = get_completion_class(shell)
    assert kind is not None
    variable = f"_{OWN_NAME.replace('-', '_').upper()}_COMPLETE"
    maker = kind(cli, {}, OWN_NAME, variable)
    return maker.source_template % maker.source_vars()


def files() -> dict[str, str]:
    """Return the text of each file by its path in ``share``."""
    made = {path: completion(shell) for shell, path in COMPLETIONS.items()}
    return {f"man/man1/{OWN_NAME}.1": man_page(), **made}


if __name__ == "__main__":
    for name, text in files().items():
        file = SHARE / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
