"""Standard input and output in place of the file of a picture."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from fit_image.cli import cli
from kinds import KINDS, gradient
from shell import Shell

FIT = ("--layers", "8", "--epochs", "1", "--animation", "none")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def piped(*args, given=b""):
    return CliRunner().invoke(cli, [*map(str, args)], input=given)


def test_a_fit_of_standard_input_is_that_of_the_file(tmp_path):
    picture = gradient(tmp_path)
    Shell().succeed(picture, *FIT, "-q")
    result = piped("-", *FIT, given=picture.read_bytes())
    assert result.exit_code == 0, result.output
    assert result.stdout == "stdin-fit\n"
    for name in ("model.npz", "target.png"):
        assert Path("stdin-fit", name).read_bytes() == Path("pic-fit", name).read_bytes()
    assert json.loads(Path("stdin-fit/run.json").read_text())["picture"]["path"] == "-"
    more = piped("-", *FIT, "--epochs", "2", "--resume", given=picture.read_bytes())
    assert "2 times" in more.stderr
    more = piped("-", "--epochs", "2", "--resume", given=picture.read_bytes())
    assert more.exit_code == 0, more.output
    assert "the picture (was -) differs" in piped("-", "--resume", given=other()).stderr
    Shell().succeed("info", "stdin-fit")


@pytest.mark.parametrize("command", [(), ("unjpeg", "apply")])
def test_errors_name_standard_input(command):
    result = piped(*command, "-", given=b"no picture")
    assert result.exit_code == 2
    assert "cannot read standard input: not a picture" in result.stderr


def other():
    Image.new("L", (5, 5)).save("other.png")
    return Path("other.png").read_bytes()


def test_drawings_go_to_standard_output(tmp_path):
    Shell().succeed(gradient(tmp_path), *FIT, "-q")
    commands = (
        ("render", "pic-fit", "--scale", 2),
        ("dream", "--size", "20x20", "--layers", "2x8", "--threads", 1),
        ("digits", "draw", "--label", 3, "--size", "20x20"),
        ("digits", "grid", "--size", "40x40", "--columns", 2),
    )
    for command in commands:
        Shell().succeed(*command, "-o", "file.png")
        result = piped(*command, "-o", "-")
        assert result.exit_code == 0, result.output
        assert result.stdout_bytes == Path("file.png").read_bytes(), command
    assert not Path("-").exists()


def test_names_are_printed_as_they_are_in_a_locale_of_ascii():
    # Otherwise Python takes it for one of UTF-8.
    ascii_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    options = ("--size", "8x8", "--layers", "2x8", "-o", "m\u00fcnchen.png", "-q")
    environment = os.environ | ascii_locale
    process = Shell("dream").start(*options, env=environment, encoding="utf-8")
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert stdout == "m\u00fcnchen.png\n"
    assert Path(stdout.strip()).exists()


def test_encoding_a_digit_in_a_pipe(tmp_path):
    kind = KINDS["digits"]
    Path("data").mkdir()
    kind.shell.succeed(
        kind.make_data(tmp_path / "data"), *kind.options, "--epochs", 1, "-o", "run", "-q"
    )
    Image.new("L", (14, 14), 200).save("seven.png")
    seven = Path("seven.png").read_bytes()
    command = ("digits", "encode", "run", "--size", "20x20")
    Shell().succeed(*command, "seven.png", "-o", "file.png")
    result = piped(*command, "-", "-o", "-", "--json", given=seven)
    assert result.stdout_bytes == Path("file.png").read_bytes()
    assert json.loads(result.stderr)["output"] == "-"
    assert piped(*command, "-", given=seven).stdout == "stdin-drawn.png\n"
    assert "cannot read standard input" in piped(*command, "-", given=b"text").stderr


def test_what_is_no_picture_in_a_pipe():
    for given in (b"", b"text"):
        result = piped("-", *FIT, given=given)
        assert (result.exit_code, result.stdout) == (2, "")
        assert len(result.stderr.splitlines()) == 1
    assert "give a file in place of -" in piped("sweep", "-", "--lr", "0.1").stderr
    assert not list(Path.cwd().iterdir())
