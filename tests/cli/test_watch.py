"""``--watch``: the newest frame in the terminal, drawn over itself."""

from __future__ import annotations

import base64
import math
import os
import re
import signal
import zlib
from functools import partial

import numpy as np
import pytest
from PIL import Image

from fit_image.cli.common import train_command
from fit_image.cli.display.displays import Display, ProgressStep, make_display
from fit_image.cli.display.picture_bar import PictureBar
from fit_image.cli.live.blocks import PALETTE, BlockPanel, to_256
from fit_image.cli.live.canvas import Canvas
from fit_image.cli.live.spec import WatchSpec, has_true_colour, parse_watch
from fit_image.cli.live.watch import Watch, fit_cells
from fit_image.errors import InputError
from fit_image.runs.observer import News
from fit_image.runs.progress import Status
from fit_image.runs.trainer import EpochEnd
from kinds import KINDS

COMMANDS = ("fit", "digits", "autoencode", "unjpeg")


class Terminal:
    """A terminal that understands what is written to it, and no more."""

    encoding = "utf-8"

    def __init__(self, columns=60, lines=24):
        self.columns, self.lines = columns, lines
        self.rows, self.row, self.column = [{}], 0, 0
        self.lower, self.upper = None, None
        self.cursor_hidden = False
        self.written = 0

    def fileno(self):
        return 2

    def flush(self):
        pass

    def write(self, text):
        self.written += len(text)
        for match in re.finditer(r"\x1b\[(\?)?([0-9;]*)([A-Za-z])|([^\x1b])", text):
            private, numbers, command, character = match.groups()
            if character:
                self._put(character)
            elif private:
                if numbers == "25":
                    self.cursor_hidden = command == "l"
                else:
                    assert numbers == "2026"
            else:
                self._obey(command, [int(n) for n in numbers.split(";") if n])

    def _put(self, character):
        if character == "\n":
            self.row, self.column = self.row + 1, 0
            while len(self.rows) <= self.row:
                self.rows.append({})
        elif character == "\r":
            self.column = 0
        else:
            if self.column == self.columns:
                self._put("\n")
            self.rows[self.row][self.column] = (character, self.upper, self.lower)
            self.column += 1

    def _obey(self, command, numbers):
        number = numbers[0] if numbers else 1
        match command:
            case "A":
                self.row = max(self.row - number, len(self.rows) - self.lines, 0)
            case "B":
                assert self.row + number < len(self.rows)
                self.row += number
            case "G":
                self.column = number - 1
            case "K":
                for column in [c for c in self.rows[self.row] if c >= self.column]:
                    del self.rows[self.row][column]
            case "J":
                assert self.column == 0
                self.rows[self.row :] = [{}]
            case "m":
                self._colour(numbers)
            case _:
                raise AssertionError(command)

    def _colour(self, numbers):
        if numbers in ([], [0]):
            self.lower = self.upper = None
        while len(numbers) > 2:
            kind, form, *rest = numbers
            colour, numbers = (tuple(rest[:3]), rest[3:]) if form == 2 else (rest[0], rest[1:])
            if kind == 38:
                self.lower = colour
            else:
                assert kind == 48
                self.upper = colour

    def text(self):
        """Return the rows as text."""
        return [
            "".join(row.get(c, " ")[0] for c in range(max(row, default=-1) + 1))
            for row in self.rows
        ]

    def picture(self, left=0):
        """Return the pixels of the half blocks from a column on, up to one that is none."""
        pixels = []
        for row in self.rows:
            cells = []
            while row.get(left + len(cells), (None,))[0] == "▄":
                cells.append(row[left + len(cells)][1:])
            if cells:
                pixels += [[upper for upper, _ in cells], [lower for _, lower in cells]]
        return np.array(pixels)


@pytest.fixture
def terminal(monkeypatch):
    """Return a terminal, which is that of stderr once it is attached."""
    made = Terminal()
    made.attach = lambda: monkeypatch.setattr("sys.stderr", made)
    monkeypatch.setattr(
        os, "get_terminal_size", lambda _: os.terminal_size((made.columns, made.lines))
    )
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    return made


def random_pixels(height, width, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def ended(epoch, frame):
    return News(Status(epoch, 1, 1, 0.0), [], EpochEnd(epoch, None, frame))


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("80", WatchSpec(80)),
        ("kitty", WatchSpec(40, kitty=True)),
        ("kitty:120", WatchSpec(120, kitty=True)),
    ],
)
def test_values(text, spec):
    assert parse_watch(text) == spec


@pytest.mark.parametrize("text", ["", "3", "401", "wide", "kitty:", "kitty80", ":80", "80:kitty"])
def test_wrong_values(text):
    with pytest.raises(InputError, match="columns"):
        parse_watch(text)


@pytest.mark.parametrize(
    ("term", "colorterm", "expected"),
    [
        ("xterm-256color", "truecolor", True),
        ("tmux-256color", "24bit", True),
        ("xterm-direct", "", True),
        ("xterm-kitty", "", True),
        ("xterm-256color", "", False),
        ("screen", "", False),
        ("xterm", "yes", False),
    ],
)
def test_colours_are_those_that_the_terminal_says_it_has(term, colorterm, expected):
    assert has_true_colour({"TERM": term, "COLORTERM": colorterm}) is expected
    assert not has_true_colour({})


def oklab(colour):
    """Return L, a and b by the formulas of Ottosson (2020)."""
    r, g, b = (
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in (level / 255 for level in colour)
    )
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def test_the_nearest_of_256_colours():
    pixels = random_pixels(8, 8)
    pixels[0] = np.arange(8)[:, None] * 33  # greys
    numbers = to_256(pixels)[..., 0]
    places = [oklab(colour) for colour in PALETTE.tolist()]
    for colour, number in zip(pixels.reshape(-1, 3).tolist(), numbers.flat, strict=True):
        distances = [math.dist(oklab(colour), place) for place in places]
        assert distances[number - 16] <= min(distances) + 1e-5
    assert PALETTE[196 - 16].tolist() == [255, 0, 0]
    assert PALETTE[244 - 16].tolist() == [128, 128, 128]


@pytest.mark.parametrize("true_colour", [True, False])
def test_pixels_are_half_blocks(true_colour, terminal):
    pixels = random_pixels(6, 5)
    canvas = Canvas()
    terminal.write(canvas.draw([BlockPanel.of(pixels, true_colour=true_colour)], 60, 0))
    expected = pixels if true_colour else to_256(pixels)[..., 0]
    assert np.array_equal(terminal.picture(), expected)
    assert terminal.row == 3
    assert not terminal.cursor_hidden


def test_only_what_changes_is_drawn_again(terminal):
    pixels = random_pixels(20, 10)
    canvas = Canvas()
    of = partial(BlockPanel.of, true_colour=True)
    terminal.write(canvas.draw([of(pixels), of(pixels)], 60, 0))
    changed = pixels.copy()
    changed[7, 3] ^= 255
    before = terminal.written
    terminal.write(canvas.draw([of(changed), of(pixels)], 60, 0))
    assert terminal.written - before < 150
    assert np.array_equal(terminal.picture(), changed)
    assert np.array_equal(terminal.picture(12), pixels)


def test_the_picture_stays_above_the_bar_and_messages_above_both(terminal):
    terminal.attach()
    bar = PictureBar()
    bar.message("before")
    bar.step(ProgressStep(0.25, ("epoch 1/4",)))
    for seed in (1, 2):
        bar.show([BlockPanel.of(random_pixels(4, 5, seed), true_colour=True)])
    text = terminal.text()
    assert text[0] == "before"
    assert text[1:3] == ["▄" * 5] * 2
    assert "25%" in text[3]
    assert "epoch 1/4" in text[3]
    bar.message("between")
    assert terminal.text() == ["before", "between", ""]
    bar.show([BlockPanel.of(random_pixels(4, 5), true_colour=True)])
    bar.leave()
    bar.message("after")
    assert terminal.text() == ["before", "between", "▄" * 5, "▄" * 5, "after", ""]


def test_after_a_suspension_the_picture_stands_below_what_the_shell_wrote(terminal):
    before = signal.getsignal(signal.SIGCONT)
    terminal.attach()
    with PictureBar() as bar:
        for _ in range(2):
            bar.show([BlockPanel.of(random_pixels(4, 5), true_colour=True)])
            terminal.write("^Z\nstopped\nfg\n")
            os.kill(os.getpid(), signal.SIGCONT)
        bar.show([BlockPanel.of(random_pixels(4, 5), true_colour=True)])
        bar.leave()
    blocks = ["▄" * 5] * 2
    text = terminal.text()
    assert [text[at : at + 2] for at in (0, 5, 10)] == [blocks] * 3
    assert text[3:5] == text[8:10] == ["stopped", "fg"]
    assert signal.getsignal(signal.SIGCONT) == before


@pytest.mark.parametrize("columns", [30, 7, 60, 90])
def test_a_terminal_of_another_width_shows_the_picture_once(columns, terminal):
    terminal.attach()
    bar = PictureBar()
    bar.message("before")
    bar.step(ProgressStep(0.5, ("epoch 2/4",)))
    bar.show([BlockPanel.of(random_pixels(4, 20), true_colour=True)])
    # The terminal wraps lines that are too long for it.
    wrapped = []
    for row in terminal.rows:
        for first in range(0, max(max(row, default=0) + 1, 1), columns):
            wrapped.append({c - first: row[c] for c in row if first <= c < first + columns})
    terminal.rows, terminal.columns = wrapped, columns
    terminal.row, terminal.column = len(wrapped) - 1, 0
    width = min(20, columns - 1)
    bar.show([BlockPanel.of(random_pixels(4, width), true_colour=True)])
    text = terminal.text()
    assert len(text) == -(-len("before") // columns) + 3
    assert text[-3:-1] == ["▄" * width] * 2


@pytest.mark.parametrize(
    ("picture", "room", "cells"),
    [
        ((300, 200), (40, 50), (40, 13)),
        ((200, 300), (40, 50), (40, 30)),
        ((200, 300), (40, 20), (27, 20)),
        ((10, 1000), (40, 20), (1, 20)),
        ((1000, 10), (40, 20), (40, 1)),
        ((5, 5), (40, 0), (2, 1)),
    ],
)
def test_a_picture_fits(picture, room, cells):
    assert fit_cells(*picture, *room) == cells


class Screen:
    """A terminal's size, and the panels shown last."""

    def __init__(self, columns, lines):
        self.columns, self.lines = columns, lines
        self.shown, self.count = None, 0

    def size(self):
        return self.columns, self.lines

    def show(self, panels):
        self.shown, self.count = panels, self.count + 1

    def leave(self):
        pass


def test_the_target_stands_beside_where_there_is_room():
    screen = Screen(83, 50)
    watch = Watch(screen, WatchSpec())
    watch._target = random_pixels(20, 20)
    frame = random_pixels(20, 20, 2)
    watch.advance(ended(1, frame))
    assert [(panel.columns, panel.lines) for panel in screen.shown] == [(40, 20)] * 2
    screen.columns = 82
    watch.advance(News(Status(2, 1, 2, 0.0), [], None))
    assert [(panel.columns, panel.lines) for panel in screen.shown] == [(40, 20)]
    watch.advance(News(Status(2, 1, 2, 0.0), [], None))
    assert screen.count == 2  # neither the frame nor the terminal has changed


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_frames(channels, monkeypatch):
    screen = Screen(60, 50)
    watch = Watch(screen, WatchSpec(8))
    monkeypatch.setenv("COLORTERM", "truecolor")
    watch._background = (10, 20, 30)
    frame = np.full((8, 8, channels), 100, np.uint8)
    frame[..., -1] = 0 if channels == 4 else 100
    watch.advance(ended(1, frame))
    expected = (10, 20, 30) if channels == 4 else (100, 100, 100)
    assert (screen.shown[0].cells == (*expected, *expected)).all()


def test_kitty_is_sent_the_picture(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.delenv("TMUX", raising=False)
    screen, canvas = Screen(60, 50), Canvas()
    watch = Watch(screen, WatchSpec(20, kitty=True))
    frame = random_pixels(90, 150)
    watch.advance(ended(1, frame))
    text = canvas.draw(screen.shown, 60, 0)
    commands = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert len(commands) > 1
    assert all(len(data) <= 4096 for _, data in commands)
    assert [keys[-3:] for keys, _ in commands] == ["m=1"] * (len(commands) - 1) + ["m=0"]
    keys = dict(pair.split("=") for pair in commands[0][0].split(","))
    assert (keys["a"], keys["c"], keys["r"], keys["C"]) == ("T", "20", "6", "1")
    data = zlib.decompress(base64.b64decode("".join(data for _, data in commands)))
    shape = int(keys["v"]), int(keys["s"]), 3
    assert np.array_equal(np.frombuffer(data, np.uint8).reshape(shape), frame)
    assert f"a=d,d=I,i={keys['i']}," in canvas.erase(60, 0)


@pytest.mark.parametrize("environment", [{"TMUX": "/tmp/tmux"}, {"TERM": "screen"}])
def test_multiplexers_are_sent_half_blocks(environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    screen = Screen(60, 50)
    Watch(screen, WatchSpec(20, kitty=True)).advance(ended(1, random_pixels(9, 9)))
    assert type(screen.shown[0]) is BlockPanel


@pytest.fixture
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_folder")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_training_shows_its_last_frame(name, tmp_path, terminal, monkeypatch):
    kind = KINDS[name]
    terminal.columns = 80  # as long as stderr has no size
    monkeypatch.setattr(train_command, "make_display", lambda _, bar: bar())
    data = tmp_path / "data"
    data.mkdir()
    options = (*kind.options, "--epochs", 2, "--watch", "30")
    terminal.write(kind.shell.succeed(kind.make_data(data), "-o", "run", *options).stderr)
    with Image.open("run/final.png") as final:
        expected = final.convert("RGB").resize(
            terminal.picture().shape[1::-1], Image.Resampling.LANCZOS
        )
    difference = terminal.picture() - np.asarray(expected, int)
    assert np.abs(difference).mean() <= 4
    assert np.abs(difference).max() <= 40
    assert terminal.picture().shape[1] <= 30
    assert (terminal.picture(32).size > 0) == (name == "fit")
    assert not terminal.cursor_hidden


@pytest.mark.usefixtures("_folder")
def test_nothing_is_shown_off_a_terminal(tmp_path):
    kind = KINDS["fit"]
    options = (*kind.options, "--epochs", 1, "--watch")
    result = kind.shell.succeed(kind.make_data(tmp_path), "-o", "run", *options)
    assert "▄" not in result.stderr
    assert "\x1b" not in result.stderr
    assert type(make_display(True, PictureBar)) is Display
