"""Remarks of commands on pictures that they read, or leave out."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from encoders import bmp, png
from PIL import Image

from kinds import AUTOENCODE, DIGITS, UNJPEG, words
from shell import Shell

shell = Shell()
succeed, fail = shell.succeed, shell.fail

FRAMES = "only the first of 3 frames is read"
LEARNED = f"{FRAMES}; --frame N chooses another"
HEIC = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(64)
FIT = ("--layers", "1x4", "--epochs", "1", "--animation", "none")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def save_gif(path, size=(24, 16)):
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    first = Image.fromarray((x * 9 + y).astype(np.uint8))
    first.save(path, save_all=True, append_images=[first.rotate(90), first.rotate(180)])


def test_of_a_fit():
    save_gif("a.gif")
    result = succeed("a.gif", *FIT, "--json")
    assert result.stderr.count(LEARNED) == 1
    assert f"a.gif: {LEARNED}\n" in result.stderr
    assert json.loads(result.stdout)["remarks"] == [f"a.gif: {LEARNED}"]
    document = json.loads(Path("a-fit/run.json").read_text())
    assert document["picture"]["remarks"] == [LEARNED]
    assert json.loads(succeed("info", "a-fit", "--json").stdout)["remarks"] == [LEARNED]
    del document["picture"]["remarks"]  # as in runs of earlier versions
    Path("a-fit/run.json").write_text(json.dumps(document))
    assert f"a.gif: {LEARNED}\n" in succeed("a.gif", *FIT, "--resume").stderr


def test_of_a_sweep():
    save_gif("a.gif")
    result = succeed("sweep", "a.gif", "--layers", "1x4", "--layers", "2x4", "--plan")
    assert result.stderr.count(f"a.gif: {LEARNED}\n") == 1


def test_there_are_none_of_ordinary_pictures(picture):
    result = succeed(picture, *FIT, "--json")
    assert "remarks" not in json.loads(result.stdout)
    assert json.loads(Path("pic-fit/run.json").read_text())["picture"]["remarks"] == []


def test_of_unjpeg():
    save_gif("a.gif")
    result = succeed("unjpeg", "apply", "a.gif", "-o", "a.png", "--json")
    assert f"a.gif: {FRAMES}\n" in result.stderr
    frames, traces = json.loads(result.stdout)["remarks"]
    assert frames == FRAMES
    assert "no traces of JPEG" in traces
    colours = np.full((16, 24, 3), (200, 100, 50))
    Path("b.bmp").write_bytes(bmp(colours, np.zeros((16, 24))))
    succeed("unjpeg", "apply", "b.bmp", "-o", "b.png")
    with Image.open("b.png") as restored:
        assert restored.mode == "RGB"
    Path("a.heic").write_bytes(HEIC)
    line = fail("unjpeg", "apply", "a.heic")
    assert line == "fit-image: cannot read a.heic: HEIC is not supported: export as JPEG"


def test_of_folders_of_clean_pictures(tmp_path):
    folder = words(tmp_path)
    (folder / "4.heic").write_bytes(HEIC)
    (folder / "5.heic").write_bytes(HEIC)
    (folder / "6.txt").write_text("no picture")
    save_gif(folder / "7.gif", (90, 70))
    left_out = f"{folder}: left out: 2 HEIC files: export as JPEG"
    remark = f"{folder}: 1 picture: only the first frame is read"
    result = succeed("unjpeg", "score", folder, "--json")
    named = f"{folder}: left out, as no whole pictures: 6.txt"
    for line in (left_out, named, remark):
        assert f"{line}\n" in result.stderr
    assert json.loads(result.stdout)["remarks"] == [left_out, named, remark]
    result = succeed("unjpeg", "train", folder, "-o", "../run", "--epochs", 1, *UNJPEG, "--json")
    named = f"{folder}: left out, as not pictures, or too small: 6.txt"
    for line in (left_out, named, remark):
        assert result.stderr.count(f"{line}\n") == 1
    assert json.loads(result.stdout)["remarks"] == [left_out, named, remark]


def test_of_folders_of_pictures_of_one_size(rng):
    Path("set").mkdir()
    for index in range(12):
        Path(f"set/{index}.png").write_bytes(png(rng.integers(0, 256, (8, 8, 3)), 8, 2))
    Path("set/a.heic").write_bytes(HEIC)
    save_gif("set/b.gif", (8, 8))
    train = ("autoencode", "train", "set", "-o", "run", "--epochs", 1, "--size", "8x8")
    result = succeed(*train, *AUTOENCODE, "--json")
    lines = [
        "set: left out: 1 HEIC file: export as JPEG",
        "set: 1 picture: only the first frame is read",
    ]
    for line in lines:
        assert f"{line}\n" in result.stderr
    assert json.loads(result.stdout)["remarks"] == lines
    result = succeed("autoencode", "apply", "run", "set/b.gif")
    assert f"set/b.gif: {FRAMES}\n" in result.stderr


def test_of_folders_of_classes(rng):
    for name in ("cat", "dog"):
        Path(f"set/{name}").mkdir(parents=True)
        for index in range(20):
            samples = rng.integers(0, 256, (14, 14, 1))
            Path(f"set/{name}/{index}.png").write_bytes(png(samples, 8, 0))
    Path("set/cat/a.heic").write_bytes(HEIC)
    save_gif("set/dog/b.gif", (14, 14))
    result = succeed("digits", "train", "set", "-o", "run", "--epochs", 1, *DIGITS)
    assert "set: left out: 1 HEIC file: export as JPEG\n" in result.stderr
    assert "set: 1 picture: only the first frame is read\n" in result.stderr
    result = succeed("digits", "encode", "run", "set/dog/b.gif", "--size", "32x32", "--json")
    assert json.loads(result.stdout)["remarks"] == [FRAMES]


def test_of_folders_without_pictures():
    Path("set/cat").mkdir(parents=True)
    Path("set/dog").mkdir()
    for name in ("cat", "dog"):
        Path(f"set/{name}/a.heic").write_bytes(HEIC)
    kind = "HEIC file"
    assert f"holds no pictures; none of its files is one: 2 {kind}s: export as JPEG" in fail(
        "unjpeg", "score", "set"
    )
    assert f"hold no pictures (2 {kind}s: export as JPEG)" in fail("autoencode", "train", "set")
    assert f"holds no pictures, but 1 {kind}" in fail("autoencode", "train", "set/cat")
    assert f"none of its 1 files can be read (1 {kind}" in fail("digits", "train", "set")
