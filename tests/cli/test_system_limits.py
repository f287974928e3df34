"""Limits of the system: one line, not a traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fit_image.apps.fit import picture_source
from fit_image.images.io import save_image
from fit_image.runs.recorder import RunRecorder
from shell import Shell


def _library():
    try:
        raise ImportError("libx.so: failed to map segment from shared object")
    except ImportError as error:
        raise ImportError("IMPORTANT: PLEASE READ THIS\n\nIt did not work.") from error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("can't start new thread"), "no more threads"),
        (OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), "not enough memory"),
        (MemoryError(), "not enough memory"),
        (None, "not enough memory"),
    ],
    ids=repr,
)
def test_a_limit_is_one_line(tmp_path, monkeypatch, error, line):
    def refuse(*_, **__):
        if error is None:
            _library()
        raise error

    monkeypatch.chdir(tmp_path)
    save_image("a.png", np.zeros((4, 4, 3), np.uint8))
    monkeypatch.setattr(picture_source, "load_image", refuse)
    assert line in Shell().fail("a.png", code=1)


@pytest.mark.parametrize("folder", ["run", "new/run", "there"])
@pytest.mark.parametrize("step", ["checkpoint", "steps"])
def test_a_run_that_cannot_start_leaves_nothing(tmp_path, monkeypatch, step, folder):
    def fail(*_):
        raise MemoryError

    monkeypatch.chdir(tmp_path)
    save_image("a.png", np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "there" / "frames").mkdir(parents=True)
    (tmp_path / "there" / "notes.txt").write_text("mine")
    (tmp_path / "there" / ".lock").touch()
    monkeypatch.setattr(RunRecorder, step, fail)
    before = sorted(Path().rglob("*"))
    result = Shell().run("a.png", "--layers", "1x4", "--epochs", "1", "-o", folder)
    assert result.exit_code == 1
    assert "not enough memory" in result.stderr
    left = set(Path().rglob("*")) - {*before}
    assert not left


def test_other_errors_are_not_hidden(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a bug")

    save_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    monkeypatch.setattr(picture_source, "load_image", fail)
    result = Shell().run(tmp_path / "a.png", "-o", tmp_path / "run")
    assert isinstance(result.exception, RuntimeError)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("NUMBA_DISABLE_JIT", "1", "fit-image: NUMBA_DISABLE_JIT is set"),
        ("NUMBA_NUM_THREADS", "0", "unset NUMBA_NUM_THREADS"),
    ],
)
def test_without_a_compiler_there_is_one_line(tmp_path, variable, value, told):
    save_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    bare = {name: text for name, text in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(  # the variable is read when numba is imported
        [sys.executable, "-m", "fit_image", "a.png"],
        env=bare | {variable: value},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("fit-image: ")
    assert told in line
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
