"""Groups of commands that are imported when they are called: help must not wait for numerics."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands are the ``command`` of modules in its package; alone, it shows help.

    Parameters
    ----------
    package : str
        Of the modules.
    names : sequence of str
        Of the modules and the commands, in the order of the help.
    **attributes
        Of `click.Group`.
    """

    def __init__(self, *, package: str, names: Sequence[str], **attributes: Any) -> None:
        super().__init__(**attributes, invoke_without_command=True)
        self._package, self._names = package, names

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the help."""
        return list(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self._names:
            return None
        command: click.Command = importlib.import_module(f"{self._package}.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke the command that was asked for, or show the help."""
        result = super().invoke(ctx)
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())
        return result
