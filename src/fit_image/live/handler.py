"""Answers to requests: the page, its pictures, its events, and its buttons."""

from __future__ import annotations

import json
import re
import secrets
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from fit_image.errors import FitImageError
from fit_image.live.board import Seen
from fit_image.version import __version__

if TYPE_CHECKING:
    from fit_image.live.server import LiveServer

_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
"""Names of this machine; a tunnel may have another port. All others may be an attack by DNS."""

_SECONDS_BETWEEN_NEWS = 0.2
_SECONDS_BETWEEN_SIGNS = 10.0

# Pauses are so many times the processor's time that the news took, which is taken from training.
_REST = 49

_CHUNK = 1 << 16

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    server_version = f"fit-image/{__version__}"
    sys_version = ""
    timeout: ClassVar[float] = 20.0  # seconds for a request, or for a reader to take in more

    server: LiveServer

    def do_GET(self) -> None:
        """Answer GET."""
        match self._checked_path():
            case None:
                pass
            case [""] if not urlsplit(self.path).path.endswith("/"):
                # The page's own links are relative to its folder.
                self.send_response(HTTPStatus.PERMANENT_REDIRECT)
                self.send_header("Location", f"/{self.server.token}/")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case [""]:
                self._send_asset("live.html")
            case ["events"]:
                self._send_events()
            case ["target", key]:
                reel = self.server.board.reel(key)
                self._send_picture(reel.directory.target if reel else None)
            case ["frame", key, epoch] if re.fullmatch("[0-9]{1,15}", epoch, re.ASCII):
                reel = self.server.board.reel(key)
                self._send_picture(reel.frame(int(epoch)) if reel else None)
            case ["larger", key, scale] if re.fullmatch("[0-9]{1,2}", scale, re.ASCII):
                self._send_larger(key, int(scale))
            case [name]:
                self._send_asset(name)
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "nothing is here")

    def do_POST(self) -> None:
        """Answer POST."""
        self.close_connection = True  # what may follow, a body, is not read
        path = self._checked_path()
        origin = self.headers.get("Origin")
        if path is None:
            return
        if origin is not None and urlsplit(origin).netloc != self.headers["Host"]:
            self._refuse(HTTPStatus.FORBIDDEN, "only the page itself may do that")
        elif path == ["stop"]:
            self.server.board.ask_to_stop()
            self._send(b"", "text/plain")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "nothing is here")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the terminal shows the training."""

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def _checked_path(self) -> list[str] | None:
        """Return the parts of the path behind the token; None if the request was refused."""
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            self._refuse(HTTPStatus.FORBIDDEN, "ask for localhost or 127.0.0.1")
            return None
        _, token, *parts = (urlsplit(self.path).path + "/").split("/")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND, "use the whole address that fit-image has printed")
            return None
        return parts[:-1] or [""]

    def _send_asset(self, name: str) -> None:
        asset = self.server.assets.get(name)
        if asset is None:
            self._refuse(HTTPStatus.NOT_FOUND, "nothing is here")
        else:
            self._send(asset.content, asset.kind, "no-cache")

    def _send_picture(self, file: Path | None) -> None:
        try:
            content = file.read_bytes() if file else None
        except OSError:
            content = None
        if content is None:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such picture")
        else:
            # Of one token, frames that are drawn again are the same.
            self._send(content, "image/png", "private, max-age=86400, immutable")

    def _send_larger(self, key: str, scale: int) -> None:
        reel = self.server.board.reel(key)
        try:
            picture = self.server.draw_larger(reel, scale) if reel else None
        except FitImageError as error:
            self._refuse(HTTPStatus.CONFLICT, str(error))
            return
        if picture is None:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such picture")
        else:
            self._send(picture, "image/png", "no-store")

    def _send_events(self) -> None:
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        board, seen, version = self.server.board, Seen(), -1
        with self.server.watching():
            while not self.server.closing.is_set():
                began = time.thread_time()
                now = board.wait(version, _SECONDS_BETWEEN_SIGNS)
                if now == version and not board.over:
                    self.wfile.write(b":\n\n")  # a sign of life, which finds lost connections
                    continue
                version = now
                news = board.news(seen)
                text = json.dumps(news, allow_nan=False, separators=(",", ":"))
                self.wfile.write(f"data: {text}\n\n".encode())
                if news["over"]:
                    self.rfile.read(1)  # until the page has all it wants, and hangs up
                    return
                rest = max((time.thread_time() - began) * _REST, _SECONDS_BETWEEN_NEWS)
                self.server.closing.wait(rest)

    def _send(self, content: bytes, kind: str, caching: str = "no-store") -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", caching)
        self.end_headers()
        for first in range(0, len(content), _CHUNK):  # the timeout is one of a write
            self.wfile.write(content[first : first + _CHUNK])

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        content = f"fit-image: {reason}\n".encode("utf-8", "backslashreplace")
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
