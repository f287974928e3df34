"""``fit-image unjpeg``: networks that remove what JPEG has done to pictures."""

from __future__ import annotations

import importlib

import click

_COMMANDS = ("train", "apply", "score")


class Unjpeg(click.Group):
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
    "unjpeg",
    cls=Unjpeg,
    invoke_without_command=True,
    short_help="Remove JPEG artefacts; train the network.",
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Remove what JPEG compression has done to pictures, or train a network to.

    A network paints every patch of a picture anew, without the noise around edges and the washed
    out colours. One that the project has trained comes with the package.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
