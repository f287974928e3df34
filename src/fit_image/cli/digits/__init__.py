"""``fit-image digits``: generators of digits at any resolution."""

from __future__ import annotations

import importlib

import click

_COMMANDS = ("train", "draw", "grid", "morph", "encode")


class Digits(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command


@click.command(
    "digits",
    cls=Digits,
    invoke_without_command=True,
    short_help="Draw digits at any size; train the generator.",
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Draw handwritten digits at any size, or train a generator to draw others.

    A small network maps a place, and some numbers that stand for a digit, to a shade. One that
    the project has trained comes with the package: drawing needs neither data nor training.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
