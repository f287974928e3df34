"""The README against the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from fit_image.cli import cli
from fit_image.version import __version__

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DIGITS = [f"digits {name}" for name in ("train", "draw", "grid", "morph", "encode")]
AUTOENCODE = [f"autoencode {name}" for name in ("train", "apply", "grid", "features")]
UNJPEG = [f"unjpeg {name}" for name in ("train", "apply", "score")]
GROUPS = ["digits", "autoencode", "unjpeg"]
GROUPED = [*DIGITS, *AUTOENCODE, *UNJPEG]
COMMANDS = ["fit", "render", "animate", "info", "dream", *GROUPED, "sweep", "report"]


def command(name):
    found = cli
    for word in name.split():
        found = found.get_command(click.Context(found), word)
        assert found is not None
    return found


def section(heading):
    return README.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def code_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_readme_and_has_help(name):
    text = section("Options")
    if name != "fit":
        (text,) = (line for line in text.splitlines() if line.startswith(f"| `fit-image {name}"))
    fitting = {each.name for each in command("fit").params} if name == "sweep" else set()
    for parameter in command(name).params:
        if isinstance(parameter, click.Option) and parameter.name not in fitting:
            assert parameter.help
            for option in parameter.opts:
                assert f"`{option}" in text, option


def test_defaults_in_the_readme_are_true():
    for parameter in command("fit").params:
        if isinstance(parameter, click.Option) and not parameter.is_flag:
            long = next(name for name in parameter.opts if name.startswith("--"))
            (row,) = re.findall(rf"^\| `(?:-o`, `)?{long} .*$", section("Options"), re.MULTILINE)
            stated = row.replace("\\|", "").split("|")[2].strip(" `")
            shown = parameter.show_default
            assert stated == (
                shown if isinstance(shown, str) else str(parameter.default)
            ).removesuffix(".0"), parameter.name


def test_options_in_the_readme_exist():
    known = {option for name in COMMANDS for p in command(name).params for option in p.opts}
    known |= {"--version", "--help", "-h"}
    for option in re.findall(r"`(--?[a-z][a-z0-9-]*)", section("Options")):
        assert option in known


def test_command_lines_of_the_readme_parse():
    lines = [
        line
        for block in code_blocks("sh")
        for line in block.splitlines()
        if line.startswith("fit-image ")
    ]
    assert len(lines) >= 6
    for line in lines:
        words = shlex.split(line.split(" > ")[0], comments=True)[1:]
        name = words.pop(0) if words[0] in [*COMMANDS, *GROUPS] else "fit"
        name = f"{name} {words.pop(0)}" if name in GROUPS else name
        command(name).make_context(name, words)


def test_links_and_pictures_of_the_readme_exist():
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


def test_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    names = {}
    for block in code_blocks("python"):
        exec(compile(block.replace("epochs=20", "epochs=1"), "README.md", "exec"), names)
    assert "dB" in capsys.readouterr().out
    assert (tmp_path / "corner.png").exists()


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = ROOT / "examples" / "learn_in_python.py"
    names = {"__name__": "example", "__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), names)
    names["main"]()
    assert (tmp_path / "side_by_side.png").exists()


def test_the_changelog_knows_the_version():
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_readme_opens_with_the_two_commands():
    first = README.split("```")[1]
    assert re.findall(r"^\./scripts/\w+", first, re.MULTILINE) == [
        "./scripts/demo",
        "./scripts/test",
    ]
