"""Every shell and Python fence of README and docs runs, a page at a time, on made-up data.

What takes long is made short here, and not in the text: see `SHORT`.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fit_image.cli import cli
from fit_image.cli.export import is_export
from test_docs import PAGES, ROOT

pytestmark = pytest.mark.one_core

DEVELOPMENT = ROOT / "docs" / "development.md"

GROUPS = ("digits", "autoencode", "unjpeg")

# Options of commands, in the place of those given or beside them.
SHORT = {
    "fit": {"--epochs": "1"},
    "sweep": {"--epochs": "1"},
    "sheet": {"--epochs": "1"},
    "dream": {"--size": "120x60"},
    "digits draw": {"--size": "60x60"},
    "digits grid": {"--size": "200x200"},
    "digits morph": {"--size": "30x30", "--steps": "2"},
    "digits train": {"--epochs": "1", "--batch-size": "20", "--limit": "40"},
    "autoencode train": {"--epochs": "1", "--bottleneck": "8"},
    "unjpeg train": {"--epochs": "1", "--patches": "60", "--batch-size": "20", "--layers": "2x16"},
}
# When a run goes on, only these are changed, and only if they are given.
SHORT_RESUMED = {"--epochs": "2"}

# Lines that only a shell understands.
FOR_A_SHELL = re.compile(r"[|<>$&;]")


def picture(rng, width=24, height=18):
    """Return a smooth picture with noise (uint8)."""
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 5), np.cos(y / 4), np.sin((x + y) / 7)], axis=2)
    noise = rng.normal(0, 8, waves.shape)
    return np.clip(128 + 80 * waves + noise, 0, 255).astype(np.uint8)


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">i4").tobytes()
    path.write_bytes(header + array.tobytes())


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """The current folder, with files by all names that pages read."""
    for name in ("monalisa.jpg", "photo.jpg", "me.jpg", "you.jpg"):
        Image.fromarray(picture(rng)).save(tmp_path / name)
    Image.fromarray(picture(rng, 64, 48)).save(tmp_path / "screenshot.jpg", subsampling=2)
    Image.fromarray(picture(rng, 28, 28)[..., 0]).save(tmp_path / "five.png")
    for name in ("photos", "clean-pictures", "other-pictures"):
        (tmp_path / name).mkdir()
        for index in range(12):
            Image.fromarray(picture(rng, 48, 40)).save(tmp_path / name / f"{index}.png")
    faces = np.stack([picture(rng, 64, 64)[..., 0] for _ in range(20)])
    np.savez(tmp_path / "faces.npz", images=faces)
    records = rng.integers(0, 256, (20, 3073), dtype=np.uint8)
    records[:, 0] %= 10  # the labels
    (tmp_path / "data_batch_1.bin").write_bytes(records.tobytes())
    (tmp_path / "mnist").mkdir()
    for part, count in (("train", 60), ("t10k", 20)):
        digits = np.stack([picture(rng, 28, 28)[..., 0] for _ in range(count)])
        write_idx(tmp_path / "mnist" / f"{part}-images-idx3-ubyte", digits)
        labels = (np.arange(count) % 10).astype(np.uint8)
        write_idx(tmp_path / "mnist" / f"{part}-labels-idx1-ubyte", labels)
    for name in ("examples", "scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    # It takes seconds to start; tests/apps/export/test_pages.py draws in it.
    monkeypatch.setattr("fit_image.apps.export.checks.find_browser", lambda: None)
    return tmp_path


def shortened(words):
    """Return the words after ``fit-image`` such that they do not take long."""
    first = words[0]
    name = f"{first} {words[1]}" if first in GROUPS else first
    known = name in SHORT or first in (*cli.list_commands(None), "--help")
    resumed = "--resume" in words
    options = SHORT_RESUMED if resumed else SHORT.get(name if known else "fit", {})
    if "--halving" in words:
        options = options | {"--epochs": "9"}  # of which the rungs are parts
    words = [*words, *(["--plan"] if "--scheduler" in words else [])]
    if any(map(is_export, map(Path, words))):  # a network has no size
        options = {option: value for option, value in options.items() if option != "--size"}
    for option, value in options.items():
        if option in words:
            words[words.index(option) + 1] = value
        elif not resumed:
            words += [option, value]
    if name == "dream" and "--animate" in words:
        words += ["--frames", "3"]
    return words


def run_program(words):
    result = CliRunner().invoke(cli, shortened(words))
    assert result.exit_code == 0, (words, result.output)
    return result.stdout


def run_shell(line, folder, source=None):
    """Run a line in bash, in which ``fit-image`` is the program with its runs made short.

    ``source`` is a folder that is imported from, in the place of the one that is installed.
    """
    tools = folder / ".tools"
    tools.mkdir(exist_ok=True)
    (tools / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    call = "import sys, test_docs_fences as t; t.cli.main(t.shortened(sys.argv[1:]))"
    (tools / "fit-image").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{call}" "$@"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    imports = [*([str(source)] if source else []), str(ROOT / "tests")]
    environment = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(imports),
        **({"XDG_CACHE_HOME": str(folder / "cache")} if source else {}),
    }
    subprocess.run(["bash", "-euo", "pipefail", "-c", line], env=environment, check=True)


@cache
def help_of_script(name, *words):
    """Return the output of a script for ``--help``, in this process."""
    written = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(written):
        patch.setattr(sys, "argv", [name, *words, "--help"])
        patch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
        with pytest.raises(SystemExit, match="0"):
            runpy.run_path(str(ROOT / name), run_name="__main__")
    return written.getvalue()


def check_script(words):
    """Check that a script and its options exist; most of them take long."""
    command = [word for word in words[1:2] if words[0].endswith(("figures.py", "restorer.py"))]
    try:
        text = help_of_script(words[0], *command)
    except ModuleNotFoundError as error:
        # PyTorch is an extra: without it, the options are looked up in the source.
        if error.name != "torch":
            raise
        text = "".join(path.read_text() for path in (ROOT / "scripts").rglob("*.py"))
    for word in words:
        assert not word.startswith("--") or word in text, word


def check_installation(words):
    """Check that the extra of a call of pip exists."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in re.findall(r"\[(.+)\]", words[-1]):
        assert extra in project["optional-dependencies"]


def run_line(line, folder):
    completion = re.search(r"_FIT_IMAGE_COMPLETE=(\w+)", line)
    if completion:
        environment = {"_FIT_IMAGE_COMPLETE": completion[1]}
        result = CliRunner().invoke(cli, [], prog_name="fit-image", env=environment)
        assert "fit-image" in result.output
        return
    words = shlex.split(line, comments=True)
    if not words:
        return
    if words[-2:-1] == [">"] and "-" not in words:  # which is a picture, not text
        *words, _, file = words
        (folder / file).write_text(run_program(words[1:]))
        return
    if FOR_A_SHELL.search(line.split(" # ")[0]):
        run_shell(line, folder)
        return
    match words[0]:
        case "fit-image":
            run_program(words[1:])
        case "python":
            check_script(words[1:])
        case "pip":
            check_installation(words)
        case "dask":
            assert words[1] in ("scheduler", "worker")
        case _:
            assert words[0].startswith("./")
            assert os.access(ROOT / words[0], os.X_OK)


def fences(page):
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert {language for language, _ in found} <= {"sh", "python", "diff", "text"}
    return found


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page != DEVELOPMENT], ids=lambda page: page.stem
)
def test_fences_run(page, folder, capsys):
    names = {}
    for language, text in fences(page):
        assert language != "diff"
        if language == "python":
            exec(compile(text, page.name, "exec"), names)
        elif language == "sh":
            for line in text.splitlines():
                run_line(line, folder)


def apply(text, tree):
    """Change a file by a diff without line numbers: what it replaces occurs once."""
    header, *lines = text.splitlines()
    file = tree / header.removeprefix("--- a/")
    for _, hunk in itertools.groupby(lines, lambda line: line.startswith("@@")):
        hunk = [line or " " for line in hunk]
        if hunk[0].startswith("@@"):
            continue
        old, new = ("".join(f"{line[1:]}\n" for line in hunk if line[0] != sign) for sign in "+-")
        content = file.read_text()
        assert content.count(old) == 1, (file, old)
        file.write_text(content.replace(old, new))


def test_components_are_added_as_the_page_on_development_shows(folder):
    tree = folder / "tree"
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    to_run = []
    for language, text in fences(DEVELOPMENT):
        name = re.match(r"# (src/\S+\.py)\n", text)
        if language == "diff":
            apply(text, tree)
        elif name:
            (tree / name[1]).write_text(text)
        elif language == "python":
            to_run.append(f"python -c {shlex.quote(text)}")
        elif language == "sh":
            for line in text.splitlines():
                if line.startswith("fit-image"):
                    to_run.append(line)
                else:
                    run_line(line, folder)
    run_shell("\n".join(to_run), folder, tree / "src")
