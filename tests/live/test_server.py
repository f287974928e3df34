"""The server: who may ask for what, and that nobody who asks harms a training."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.fit.architecture import make_network
from fit_image.errors import FitImageError, InputError
from fit_image.images.colours import to_uint8
from fit_image.live.larger import MOST_PIXELS, LargerDrawings
from fit_image.live.server import LiveServer
from runs import frame, make_board, make_run, reel_of, write_epoch


@pytest.fixture
def run(tmp_path):
    run = make_run(tmp_path / "run")
    write_epoch(run, 1)
    return run


@pytest.fixture
def reel(run):
    return reel_of(run)


@pytest.fixture
def server(reel):
    with LiveServer(make_board(reel)) as server:
        yield server


def ask(server, path, method="GET", token=None, **headers):
    """Return the response to a request, with its content."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    token = server.token if token is None else token
    connection.request(method, f"/{token}/{path}" if token else path, headers=headers)
    response = connection.getresponse()
    response.content = response.read()
    connection.close()
    return response


class Events:
    """A connection that reads events."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        self.connection.request("GET", f"/{server.token}/events")
        self.response = self.connection.getresponse()

    def next(self):
        """Return the next message; None at the end."""
        while line := self.response.readline():
            if line.startswith(b"data: "):
                return json.loads(line[6:])
        return None

    def close(self):
        self.response.close()
        self.connection.close()


def test_the_page_is_complete_in_itself(server):
    page = ask(server, "")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for name in ("live.css", "live.js", "charts.js", "pictures.js"):
        assert ask(server, name).status == 200
    assert b"http:" not in page.content.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"<script>" not in page.content


def test_nothing_but_loopback_is_listened_on(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.url.startswith(f"http://127.0.0.1:{server.port}/")
    assert f"-L {server.port}:127.0.0.1:{server.port} " in server.tunnel


def test_answers_say_what_a_browser_may_do_with_them(server):
    for path in ("", "live.js", "frame/run/1", "nothing"):
        headers = ask(server, path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers
        assert "Python" not in headers["Server"]


@pytest.mark.parametrize("path", ["/", "/live.js", "/events", "/frame/run/1", "/x/", "//", "*"])
def test_without_the_token_there_is_nothing(server, path):
    assert ask(server, path, token="").status == 404
    assert ask(server, path, "POST", token="").status == 404


def test_another_token_is_none(server):
    for token in ("x" * len(server.token), server.token[:-1], f"{server.token}x", "%00", "ü"):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        request = f"GET /{token}/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connection.sendall(request.encode("utf-8"))
        assert connection.recv(100).startswith(b"HTTP/1.1 404 ")
        connection.close()
    with LiveServer(make_board()) as other:
        assert other.token != server.token


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1:8123", "[::1]:80"])
def test_a_tunnel_may_have_another_port(server, host):
    assert ask(server, "", Host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "a:b:c"]
)
def test_names_of_other_machines_are_refused(server, host):
    assert ask(server, "", Host=host).status == 403
    assert ask(server, "stop", "POST", Host=host).status == 403
    assert not server.board.stop_asked.is_set()


@pytest.mark.parametrize("lines", ["", "Host: localhost\r\nHost: evil.example\r\n"])
def test_there_must_be_one_host(server, lines):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    connection.sendall(f"GET /{server.token}/ HTTP/1.1\r\n{lines}\r\n".encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 403 ")
    connection.close()


def test_only_the_page_itself_may_stop_a_training(server):
    host = f"127.0.0.1:{server.port}"
    for origin in ("http://evil.example", "null", f"http://localhost:{server.port}"):
        assert ask(server, "stop", "POST", Origin=origin).status == 403
    assert ask(server, "stop").status == 404
    assert not server.board.stop_asked.is_set()
    assert ask(server, "stop", "POST", Origin=f"http://{host}").status == 200
    assert server.board.stop_asked.is_set()


def test_pictures_are_the_files_of_the_run(server, run):
    for path, file in (
        ("target/run", run.target),
        ("frame/run/0", run.frames / "epoch-000000.png"),
        ("frame/run/1", run.frames / "epoch-000001.png"),
    ):
        response = ask(server, path)
        assert response.status == 200
        assert response.content == file.read_bytes()
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(response.content))), frame(1))


@pytest.mark.parametrize(
    "path",
    [
        *("frame/run/2", "frame/run/x", "frame/run/", "frame/run", "frame/other/1", "target/other"),
        *("frame/run/../../run.json", "frame/run/..%2F..%2Frun.json", "frame/run/1/2", "target"),
        *(
            "../../etc/passwd",
            "%2e%2e/run.json",
            "target/run/1",
            "frame/run/-1",
            "frame/run/%D9%A1",
        ),
        *("frame/run/%D9%A1", "larger/run/100", "larger/other/2", "larger/run/-1", "larger/run"),
    ],
)
def test_nothing_else_is_there(server, path):
    assert ask(server, path).status == 404


def test_other_methods_are_not_known(server):
    for method in ("PUT", "DELETE", "OPTIONS"):
        assert ask(server, "", method).status == 501


def test_events_tell_what_happens_as_it_happens(server, run):
    events = Events(server)
    assert events.response.headers["Content-Type"] == "text/event-stream"
    first = events.next()
    assert first["facts"]["title"] == "cat.png"
    assert [row[0] for row in first["reels"][0]["rows"]] == [0, 1]
    write_epoch(run, 2)
    server.board.tell_of("run", share=0.2)
    second = events.next()
    assert [row[0] for row in second["reels"][0]["rows"]] == [2]
    assert not second["over"]
    server.board.tell(state="done")
    server.board.end()
    while not (last := events.next())["over"]:
        pass
    assert last["standing"]["state"] == "done"
    events.close()


def live_threads():
    return {thread for thread in threading.enumerate() if thread.is_alive()}


def test_the_end_comes_with_pages_open_and_slow_readers(reel, run):
    before = live_threads()
    board = make_board(reel)
    with LiveServer(board) as server:
        page = Events(server)
        page.next()
        # One that asks for events and never reads them, one that never asks, one that goes.
        silent = socket.create_connection(("127.0.0.1", server.port))
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        silent.sendall(f"GET /{server.token}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        idle = socket.create_connection(("127.0.0.1", server.port))
        Events(server).close()
        for number in range(2000):
            board.tell(noise="x" * 4000, number=number)
        write_epoch(run, 2)
        board.tell(state="done")
        reader = threading.Thread(target=lambda: [None for _ in iter(page.next, None)])
        reader.start()
    reader.join(20)
    page.close()
    assert not {thread for thread in live_threads() - before if thread is not reader}
    silent.close()
    idle.close()


def test_an_interruption_does_not_wait_for_pages(reel, monkeypatch):
    server = LiveServer(make_board(reel))
    monkeypatch.setattr(server, "_wait_for_watchers", pytest.fail)
    server.__enter__()
    events = Events(server)
    server.__exit__(KeyboardInterrupt)
    events.close()


def test_a_port_in_use_is_told_in_a_line(server):
    with pytest.raises(InputError, match=f"cannot use port {server.port}: it is in use"):
        LiveServer(make_board(), server.port)


def test_servers_beside_each_other_have_ports_of_their_own(server):
    with LiveServer(make_board()) as other:
        assert other.port != server.port
        assert ask(other, "").status == ask(server, "").status == 200


def test_where_there_are_no_threads_a_connection_is_closed(server, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        assert connection.recv(1) == b""
        connection.close()
    assert ask(server, "").status == 200


def test_there_is_a_limit_of_connections(server, monkeypatch):
    monkeypatch.setattr("fit_image.live.server._MOST_CONNECTIONS", 2)
    some = [Events(server) for _ in range(2)]
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    assert connection.recv(1) == b""
    for each in some:
        assert each.next()
        each.close()
    connection.close()


# Larger drawings


@pytest.fixture
def network(run):
    return make_network(run.manifest.fit, (24, 16), 3)


def test_a_larger_picture_is_what_the_network_draws(server, reel, network):
    reel.network = lambda: network
    response = ask(server, "larger/run/3")
    assert response.status == 200
    picture = np.asarray(Image.open(io.BytesIO(response.content)))
    assert np.array_equal(picture, to_uint8(network.render(72, 48)))


def test_without_a_network_at_hand_that_of_the_folder_is_drawn(server, run, network):
    response = ask(server, "larger/run/2")
    assert response.status == 409
    assert response.content.endswith(b"model.npz does not exist\n")
    network.save(run.model)
    picture = np.asarray(Image.open(io.BytesIO(ask(server, "larger/run/2").content)))
    assert np.array_equal(picture, to_uint8(network.render(48, 32)))


def test_pictures_that_are_too_large_are_refused(server, reel, network):
    network.size = (2000, 2000)
    reel.network = lambda: network
    response = ask(server, "larger/run/8")
    assert response.status == 409
    assert f"at most {MOST_PIXELS:,}".encode() in response.content


def test_the_end_and_a_newer_wish_break_a_drawing_off(reel, network):
    closing = threading.Event()
    drawings = LargerDrawings(closing)

    def asked_again():
        reel.network = lambda: network
        drawn = threading.Thread(target=drawings.draw, args=(reel, 1))
        drawn.start()
        others.append(drawn)
        while drawings._newest == 1:
            pass
        return network

    others = []
    reel.network = asked_again
    with pytest.raises(FitImageError, match="broken off"):
        drawings.draw(reel, 2)
    others[0].join(20)
    closing.set()
    reel.network = lambda: network
    with pytest.raises(FitImageError, match="broken off"):
        drawings.draw(reel, 2)
