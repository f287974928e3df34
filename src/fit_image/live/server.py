"""A server of one page for the browsers of this machine, which lives as long as its context."""

from __future__ import annotations

import contextlib
import errno
import getpass
import os
import secrets
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Self

from fit_image.errors import InputError, os_error_reason
from fit_image.live.board import Board
from fit_image.live.handler import Handler
from fit_image.live.larger import LargerDrawings
from fit_image.live.reel import Reel

ADDRESS = "127.0.0.1"

FIRST_PORT = 8300
"""Where the search for a free port begins."""

_PORTS = 20

_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_MOST_CONNECTIONS = 48

# So long a page that is open may take to fetch the last pictures, and connections to end.
_FAREWELL_SECONDS = 2.0
_END_SECONDS = 1.0


@dataclass(frozen=True)
class Asset:
    """A file of the page, and its media type."""

    content: bytes
    kind: str


class LiveServer(socketserver.ThreadingTCPServer):
    """Serves a `Board` on this machine alone, from threads that end with the context.

    Parameters
    ----------
    board : Board
    port : int, optional
        Default: a free one.

    Attributes
    ----------
    token : str
        The secret part of `url`.
    assets : dict of str to Asset
        The page's own files by name.
    closing : threading.Event
        Set when connections should end.

    Raises
    ------
    InputError
        If the port is in use, or may not be used.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 32
    # Where it is not POSIX, it would allow two programs on one port.
    allow_reuse_address = os.name == "posix"

    def __init__(self, board: Board, port: int | None = None) -> None:
        self.board = board
        self.token = secrets.token_urlsafe(16)
        self.closing = threading.Event()
        self._larger = LargerDrawings(self.closing)
        self._lock = threading.Lock()
        self._connections: dict[Any, threading.Thread | None] = {}
        self._watchers = 0
        self._nobody_watches = threading.Condition(self._lock)
        self._bind(port)
        self.assets = _assets()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def _bind(self, port: int | None) -> None:
        ports = [port] if port is not None else [*range(FIRST_PORT, FIRST_PORT + _PORTS), 0]
        for each in ports:
            try:
                super().__init__((ADDRESS, each), Handler)
                return
            except OSError as error:
                if port is not None or each == 0:
                    in_use = error.errno == errno.EADDRINUSE
                    reason = "it is in use" if in_use else os_error_reason(error)
                    raise InputError(
                        f"cannot use port {each}: {reason}; give another, or none",
                        fields=("serve",),
                    ) from error

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.port}/{self.token}/"

    @property
    def tunnel(self) -> str:
        """The command that makes the address valid on another machine."""
        try:
            user = f"{getpass.getuser()}@"
        except (ImportError, KeyError, OSError):  # a user without a name
            user = ""
        return f"ssh -L {self.port}:{ADDRESS}:{self.port} {user}{socket.gethostname()}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: Any = None, *error: object) -> None:
        orderly = kind is None or issubclass(kind, Exception)
        self.board.end()
        if orderly:
            self._wait_for_watchers(_FAREWELL_SECONDS)
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._end_connections()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Count a page that is open while the block lasts."""
        with self._lock:
            self._watchers += 1
        try:
            yield
        finally:
            with self._lock:
                self._watchers -= 1
                self._nobody_watches.notify_all()

    def draw_larger(self, reel: Reel, scale: int) -> bytes:
        """Return the drawing of a network as a PNG file; `FitImageError` if that is impossible."""
        return self._larger.draw(reel, scale)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread, if there is one for it."""
        with self._lock:
            if len(self._connections) >= _MOST_CONNECTIONS or self.closing.is_set():
                request.close()
                return
            self._connections[request] = None
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the system allows no more threads
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a connection."""
        with self._lock:
            self._connections[request] = threading.current_thread()
        super().process_request_thread(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        super().shutdown_request(request)
        with self._lock:
            self._connections.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a reader who has gone, or is too slow."""

    def _wait_for_watchers(self, seconds: float) -> None:
        with self._lock:
            self._nobody_watches.wait_for(lambda: not self._watchers, seconds)

    def _end_connections(self) -> None:
        with self._lock:
            connections = dict(self._connections)
        for request in connections:
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + _END_SECONDS
        for thread in connections.values():
            if thread is not None:
                thread.join(max(deadline - time.monotonic(), 0.0))


def _assets() -> dict[str, Asset]:
    """Return the files of the page; its style continues that of a sweep's report."""
    folder = files("fit_image.live") / "page"
    assets = {}
    for file in folder.iterdir():
        kind = _KINDS.get(file.name.rpartition(".")[2])
        if kind is not None:
            assets[file.name] = Asset(file.read_bytes(), f"{kind}; charset=utf-8")
    report = files("fit_image.apps.report") / "page.css"
    style = assets["live.css"]
    assets["live.css"] = Asset(report.read_bytes() + style.content, style.kind)
    return assets
