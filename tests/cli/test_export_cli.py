"""``fit-image export``, and networks that ``dream`` and ``digits draw`` write."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from subjects import digits, picture

from fit_image.apps.export import checks
from shell import Shell

export = Shell("export")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "find_browser", lambda: None)


def test_a_model_is_written_in_every_format(tmp_path):
    picture().save("painting.npz")
    result = export.succeed("painting.npz")
    assert result.stdout == "painting.html\n"
    assert "as written: at most" in result.stderr
    assert export.succeed("painting.npz", "-o", "a.py", "-q").stderr == ""
    assert sorted(each.name for each in tmp_path.glob("a.*")) == ["a.py", "a.safetensors"]
    pytest.importorskip("onnx")
    assert "from the network" in export.succeed("painting.npz", "-o", "a.onnx").stderr


def test_a_run_is_written_under_its_name(tmp_path):
    (tmp_path / "photo-fit").mkdir()
    picture().save(tmp_path / "photo-fit" / "model.npz")
    assert export.succeed("photo-fit", "--half").stdout == "photo.html\n"
    assert "of 255 levels off" in export.succeed("photo-fit", "--half").stderr


def test_digits_are_written(tmp_path):
    digits().save(tmp_path / "model.npz")
    assert export.succeed("model.npz", "-o", "digits.html").stdout == "digits.html\n"
    draw = Shell("digits", "draw")
    assert draw.succeed("model.npz", "--label", "7", "-o", "7.glsl").stdout == "7.glsl\n"
    first = (tmp_path / "7.glsl").read_text()
    draw.succeed("model.npz", "--label", "7", "--seed", 1, "-o", "7.glsl")
    assert (tmp_path / "7.glsl").read_text() != first
    assert "unknown class '8'" in draw.fail("model.npz", "--label", "8", "-o", "8.html")


def test_dreams_are_written(tmp_path):
    dream = Shell("dream", "--layers", "2x6", "--latent", 2)
    assert dream.succeed("-o", "dream.html").stdout == "dream.html\n"
    assert not (tmp_path / "dream.png").exists()
    assert "holds one network" in dream.fail("-o", "a.html", "--grid", "2x2")


def test_what_cannot_be_written_is_refused_in_a_line(tmp_path):
    picture((70, 60)).save("model.npz")
    assert "must end in one of .html, .glsl" in export.fail("model.npz", "-o", "a.exe")
    assert "at most 4,096 weights" in export.fail("model.npz", "-o", "a.glsl")
    assert "choose .html (--half)" in export.fail("model.npz", "-o", "a.onnx", "--half")
    assert "does not exist" in export.fail("nothing.npz")
    assert "no folder" in export.fail("model.npz", "-o", "nowhere/a.html")
    (tmp_path / "a.safetensors").mkdir()
    assert "a.safetensors: it is a folder" in export.fail("model.npz", "-o", "a.py")
    np.savez("other.npz", fit_image_autoencoder=np.int64(1))
    assert "auto" in export.fail("other.npz")


def test_a_disk_that_is_full_for_one_of_two_files_keeps_both_as_they_were(tmp_path, monkeypatch):
    picture().save("model.npz")
    (tmp_path / "a.safetensors").write_bytes(b"before")
    write_bytes = Path.write_bytes

    def fill(path, data):
        if path.parent.absolute() == tmp_path and path.suffix == ".py":
            write_bytes(path, data[:9])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", fill)
    line = export.fail("model.npz", "-o", "a.py", code=1)
    assert line == "fit-image: cannot write a.py: No space left on device"
    assert (tmp_path / "a.safetensors").read_bytes() == b"before"


def test_a_model_is_not_written_over():
    for name in ("a.html", "a.safetensors"):
        picture().save(name)
    assert "a.html is an input of this command" in export.fail("a.html", "-o", "a.html")
    assert "a.safetensors is an input" in export.fail("a.safetensors", "-o", "a.py")
