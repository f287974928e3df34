"""``fit-image autoencode``: networks that redraw pictures from a code."""

from __future__ import annotations

import importlib

import click

_COMMANDS = ("train", "apply", "grid", "features")


class Autoencode(click.Group):
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
    "autoencode",
    cls=Autoencode,
    invoke_without_command=True,
    short_help="Redraw pictures from a compressed code.",
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Train a network to redraw whole pictures from a few numbers, and use it.

    The network squeezes a picture through a bottleneck, and draws it again from what comes out.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
