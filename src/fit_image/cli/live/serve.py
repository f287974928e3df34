"""``--serve``: a page that shows what is learned while it is learned."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fit_image.live.board import Board

ANY_PORT = 0
"""The value of ``--serve`` without one."""


@contextlib.contextmanager
def serving(port: int | None, words: Sequence[str], title: str) -> Iterator[Board | None]:
    """Serve a page while the block lasts, and print its address; None without a port.

    Parameters
    ----------
    port : int or None
        Of ``--serve``.
    words : sequence of str
        Of the command.
    title : str
        What is learned.

    Raises
    ------
    InputError
        If the port is in use, or may not be used.
    """
    if port is None:
        yield None
        return
    from fit_image.live.board import Board
    from fit_image.live.server import LiveServer

    board = Board({"kicker": " ".join(words), "title": title})
    with LiveServer(board, None if port == ANY_PORT else port) as server:
        # Not a matter of --quiet: without its address, nobody can see the page.
        click.echo(f"watch it at {server.url}", err=True)
        click.echo(f"from another machine, first: {server.tunnel}", err=True)
        yield board
