"""``--serve`` on the command line: the same results, and a page that shows them."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import threading
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from fit_image.apps.fit.manifest import FitManifest, Picture
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.sweep.execution.executor import Advanced, Ended, Started
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.cli import cli
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig
from fit_image.live.board import Board, Seen
from fit_image.live.server import LiveServer
from fit_image.live.sweep_page import MOST_TRIALS, SweepPage
from kinds import FIT, KINDS, gradient
from shell import Shell, wait_until

PICTURE = Picture("/cat.png", "0" * 64, 24, 16)
TRIAL = Trial(FitManifest(PICTURE, FitConfig(layers="1x4"), ImageConfig(), RecordConfig()))
TRAININGS = ("fit", "digits", "autoencode", "unjpeg")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Reader(threading.Thread):
    """A page that is open from the beginning to the end: what it was told, and what it fetched."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.news, self.rows, self.pictures = url, [], {}, {}
        self.start()

    def run(self):
        # Where the program is killed, the connection is lost in the middle of anything.
        with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
            self.follow()

    def follow(self):
        with urllib.request.urlopen(f"{self.url}events") as events:
            for line in events:
                if line.startswith(b"data: "):
                    self.take(json.loads(line[6:]))

    def take(self, news):
        self.news.append(news)
        for reel in news["reels"]:
            if reel.get("again"):
                self.rows[reel["key"]] = []
            self.rows[reel["key"]] += reel["rows"]
            epochs = [row[0] for row in self.rows[reel["key"]] if row[2]]
            if epochs and len(self.pictures) < 3:
                with urllib.request.urlopen(f"{self.url}frame/{reel['key']}/{epochs[-1]}") as file:
                    self.pictures[reel["key"], epochs[-1]] = file.read()

    @property
    def facts(self):
        return next(reel["facts"] for news in self.news for reel in news["reels"] if reel["facts"])


@pytest.fixture
def readers(monkeypatch):
    """The pages of all servers, opened as soon as these listen."""
    opened, enter = [], LiveServer.__enter__

    def enter_and_open(server):
        enter(server)
        opened.append(Reader(server.url))
        return server

    monkeypatch.setattr(LiveServer, "__enter__", enter_and_open)
    return opened


@pytest.mark.parametrize("name", TRAININGS)
def test_a_page_changes_nothing_and_shows_everything(name, readers, tmp_path):
    kind = KINDS[name]
    (tmp_path / "data").mkdir()
    data = kind.make_data(tmp_path / "data")
    options = (*kind.options, "--epochs", 2, "--threads", 1)
    kind.shell.succeed(data, *options, "-o", "alone")
    result = kind.shell.succeed(data, *options, "-o", "served", "--serve")
    assert result.stdout == "served\n"
    assert re.search(r"^watch it at http://127\.0\.0\.1:\d+/\S+/$", result.stderr, re.MULTILINE)
    assert re.search(r"^from another machine, .*: ssh -L \d+:127", result.stderr, re.MULTILINE)

    alone, served = (kind.checkpoint(tmp_path / each) for each in ("alone", "served"))
    assert alone.keys() == served.keys()
    assert all(alone[key].tobytes() == served[key].tobytes() for key in alone)

    (reader,) = readers
    reader.join(20)
    last = reader.news[-1]
    assert last["over"]
    assert last["standing"]["state"] == "done"
    assert [row[0] for row in reader.rows["run"]] == [0, 1, 2]
    for (_, epoch), picture in reader.pictures.items():
        assert (tmp_path / f"served/frames/epoch-{epoch:06d}.png").read_bytes() == picture
    assert reader.facts["epochs"] == 2
    assert len(reader.facts["columns"]) == len(reader.rows["run"][0]) - 3
    assert all(network["layers"] for network in reader.facts["networks"])
    assert not [thread for thread in threading.enumerate() if thread is reader]


def test_the_parameters_are_those_of_the_networks(readers, tmp_path):
    data = gradient(tmp_path)
    options = ("--layers", "residual:8x3x2,8:sine", "--encoding", "positional:3", "--epochs", 1)
    result = Shell().succeed(data, *options, "--animation", "none", "--json", "--serve")
    readers[0].join(20)
    (network,) = readers[0].facts["networks"]
    assert network["parameters"] == json.loads(result.stdout)["parameters"]
    assert [layer["units"] for layer in network["layers"]][:2] == ["2", "12"]
    assert (
        sum(each["parameters"] * each["times"] for each in network["layers"])
        == (network["parameters"])
    )


def test_a_run_that_goes_on_shows_its_past(readers, tmp_path):
    data = gradient(tmp_path)
    Shell().succeed(data, *FIT, "--epochs", 2, "-o", "run")
    Shell().succeed(data, *FIT, "--epochs", 4, "-o", "run", "--resume", "--serve")
    readers[0].join(20)
    assert [row[0] for row in readers[0].rows["run"]] == [0, 1, 2, 3, 4]


def test_stop_and_keep(readers, tmp_path, monkeypatch):
    data = gradient(tmp_path)
    tell_of = Board.tell_of

    def stop_soon(board, key, **standing):
        tell_of(board, key, **standing)
        if standing.get("epochs", 0) >= 1:
            board.ask_to_stop()

    monkeypatch.setattr(Board, "tell_of", stop_soon)
    result = Shell().succeed(data, *FIT, "--epochs", 1_000_000, "-o", "run", "--serve")
    assert "of 1000000; to go on: fit-image" in result.stderr
    readers[0].join(20)
    assert readers[0].news[-1]["standing"]["state"] == "interrupted"
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Board, "tell_of", tell_of)
    epochs = json.loads((tmp_path / "run/run.json").read_text())["result"]["epochs"]
    Shell().succeed(data, *FIT, "--epochs", epochs + 2, "-o", "run", "--resume")


def test_a_sweep_shows_all_trials(readers, tmp_path):
    data = gradient(tmp_path)
    layers = ("--layers", "1x4", "--layers", "2x4", "--layers", "3x4")
    options = (*layers, "--epochs", 2, "-j", 1, "-o", "sweep", "--animation", "none")
    Shell("sweep").succeed(data, *options, "--serve")
    (reader,) = readers
    reader.join(20)
    last = reader.news[-1]
    assert last["standing"]["state"] == "done"
    assert last["standing"]["trials"] == last["standing"]["ended"] == 3
    assert len(last["reels"]) == 3
    assert all([row[0] for row in rows] == [0, 1, 2] for rows in reader.rows.values())
    assert {reel["label"] for news in reader.news for reel in news["reels"] if "label" in reel} == {
        *("1x4", "2x4", "3x4")
    }


def test_a_sweep_that_is_stopped_keeps_what_it_has(readers, tmp_path, monkeypatch):
    data = gradient(tmp_path)
    monkeypatch.setattr(Board, "put", lambda board, reel, put=Board.put: _stop(board, reel, put))
    options = ("--layers", "1x4", "--layers", "2x4", "--epochs", 100_000, "-j", 1, "-o", "sweep")
    result = Shell("sweep").succeed(data, *options, "--animation", "none", "--serve")
    assert "stopped; 2 trials are left; to go on: fit-image sweep --resume" in result.stderr
    assert (tmp_path / "sweep" / "results.csv").exists()
    readers[0].join(20)
    assert readers[0].news[-1]["standing"]["state"] == "interrupted"


def _stop(board, reel, put):
    put(board, reel)
    board.ask_to_stop()


@pytest.mark.parametrize("words", [(), ("sweep",)])
def test_a_port_in_use_is_a_line_and_leaves_nothing(words, tmp_path):
    data = gradient(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = Shell(*words).fail(data, "--layers", "1x4", "--serve", port, "-o", "out")
    assert line == (
        f"fit-image: cannot use port {port}: it is in use; give another, or none (--serve)"
    )


def test_other_mistakes_are_found_first(tmp_path):
    data = gradient(tmp_path)
    line = Shell().fail(data, "--serve", "--max-pixels", "none", "--animation", "film.xyz")
    assert ".xyz" in line
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text("{}")
    assert "already holds a run" in Shell().fail(data, *FIT, "--serve", "-o", "out")


def test_ports_are_checked(tmp_path):
    data = gradient(tmp_path)
    assert "--serve" in Shell().fail(data, "--serve", "65536")
    assert "--serve" in Shell().fail(data, "--serve=x")


def test_a_value_may_be_left_out_before_the_picture(readers, tmp_path):
    data = gradient(tmp_path)
    Shell().succeed("--serve", data, *FIT, "--epochs", 1, "-o", "run", "-q")
    assert readers


def test_the_address_is_printed_even_quietly_and_nothing_else(tmp_path):
    data = gradient(tmp_path)
    result = Shell().succeed(data, *FIT, "--epochs", 1, "-o", "run", "-q", "--serve")
    first, second = result.stderr.splitlines()
    assert first.startswith("watch it at http://127.0.0.1:")
    assert second.startswith("from another machine, first: ssh -L ")


def test_an_error_is_told_on_the_page(readers, tmp_path):
    data = gradient(tmp_path)
    options = ("--init-scale", 1e6, "--lr", 1e6, "--epochs", 3, "-o", "run")
    result = CliRunner().invoke(cli, [str(data), *map(str, (*FIT, *options)), "--serve"])
    assert result.exit_code != 0
    readers[0].join(20)
    assert readers[0].news[-1]["standing"]["state"] in ("failed", "diverged")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_signals_end_a_run_with_a_page_open(signum, tmp_path):
    data = gradient(tmp_path)
    process = Shell().start(data, *FIT, "--epochs", 1_000_000, "-o", "run", "--serve")
    url = process.stderr.readline().split()[-1]
    reader = Reader(url)
    wait_until(lambda: len(reader.rows.get("run", ())) > 2)
    process.send_signal(signum)
    _, stderr = process.communicate(timeout=60)
    reader.join(20)
    if signum == signal.SIGINT:
        assert process.returncode == 130
        assert "--resume" in stderr
        assert readers_state(reader) == "interrupted"
    assert "Traceback" not in stderr
    Shell().succeed(data, *FIT, "--epochs", epochs_of(tmp_path) + 1, "-o", "run", "--resume")


def readers_state(reader):
    return reader.news[-1]["standing"]["state"]


def epochs_of(tmp_path):
    rows = (tmp_path / "run/metrics.csv").read_text().splitlines()
    return int(rows[-1].split(",")[0])


def test_of_many_trials_the_page_shows_the_best_and_those_that_learn():
    trials = [TRIAL.with_seed(seed) for seed in range(MOST_TRIALS + 3)]
    labels = {each.key: f"seed {each.seed}" for each in trials}
    rows = (FitMetrics(1, 0.1, 15.0, 1.0),)
    outcomes = [Outcome(trials[0], "done", rows), Outcome(trials[1], "waiting")]
    board = Board({})
    page = SweepPage(board, SweepDirectory(Path("sweep"), trials), labels, outcomes)
    news = board.news(Seen())
    assert news["standing"]["ended"] == 1
    (reel,) = news["reels"]
    assert (reel["label"], reel["standing"]["state"]) == ("seed 0", "done")
    for each in trials[1:]:
        page.update(Started(each), 1, 0.0)
        page.update(Advanced(each, 1, 0.5, 1.0, {5: 11.0, 7: 12.0}.get(each.seed, 20.0)), 1, 0.0)
        page.update(Ended(each, "done"), 1, 0.0)
    reels = board.news(Seen())["reels"]
    assert len(reels) == MOST_TRIALS
    assert {trials[seed].key for seed in (0, 5, 7)}.isdisjoint(reel["key"] for reel in reels)
    assert len({reel["facts"]["series"] for reel in reels}) == MOST_TRIALS


def test_more_trials_that_learn_than_there_are_places_are_left_out():
    trials = [TRIAL.with_seed(seed) for seed in range(MOST_TRIALS + 3)]
    board = Board({})
    folder = SweepDirectory(Path("sweep"), trials)
    page = SweepPage(board, folder, {each.key: "" for each in trials}, [])
    for each in trials:
        page.update(Started(each), 0, 0.0)
        page.update(Advanced(each, 1, 0.5, 1.0, None), 0, 0.0)
    assert len(board.news(Seen())["reels"]) == MOST_TRIALS
    for each in trials:
        page.update(Ended(each, "done"), 1, 0.0)
