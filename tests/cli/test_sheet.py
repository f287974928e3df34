"""``fit-image sheet``: contact sheets of runs; `test_kinds_of_folders` has those of all kinds."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from fit_image.apps.frame_sheet import read_runs, usual_epochs
from fit_image.images.io import load_image
from kinds import gradient
from shell import Shell

sheet = Shell("sheet")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two runs of one picture."""
    root = tmp_path_factory.mktemp("sheets")
    picture, options = gradient(root), ("--animation", "none", "-q")
    Shell().succeed(picture, "--layers", "2x16", "--epochs", 2, *options, "-o", root / "fit")
    some = ("--layers", "8", "--epochs", 4, "--frame-every", 2)
    Shell().succeed(picture, *some, *options, "-o", root / "wide")
    return root


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_runs_are_named_by_what_tells_them_apart(folders):
    fit, wide = read_runs([folders / "fit", folders / "wide"])
    assert (fit.name, wide.name) == ("2x16", "1x8")
    assert fit.details == "371 parameters"
    quality, time = fit.caption(1).split(" in ")
    assert quality.endswith(" dB")
    assert time.endswith(" s")
    assert wide.caption(1) == "no frame"
    twice, _ = read_runs([folders / "fit", folders / "fit"])
    assert twice.name == str(folders / "fit")


def test_frames_stand_in_columns_of_runs_and_rows_of_epochs(folders):
    sheet.succeed(folders / "fit", folders / "wide", "--epochs", "0,2", "-o", "both.png")
    sheet.succeed(folders / "fit", "--epochs", "0,2", "-o", "one.png")
    both, one = (load_image(name).levels for name in ("both.png", "one.png"))
    assert both.shape[0] > one.shape[0]
    # The frames are 24x16, and enlarged as squares to a width of 240.
    files = [folders / "fit" / "frames" / f"epoch-00000{epoch}.png" for epoch in (0, 2)]
    frames = [load_image(file).levels for file in files]
    shown = [frame.repeat(10, 0).repeat(10, 1) for frame in frames]
    first, second = (places(one, frame) for frame in shown)
    assert first[0] == second[0]
    assert first[1] < second[1]
    first, second = (places(both, frame) for frame in shown)
    assert first[0] < second[0]
    assert first[1] == second[1]


def places(sheet, picture):
    """Return top and left of a picture on a sheet."""
    height, width = picture.shape[:2]
    for top in range(sheet.shape[0] - height + 1):
        for left in range(sheet.shape[1] - width + 1):
            if (sheet[top, left] == picture[0, 0]).all() and np.array_equal(
                sheet[top : top + height, left : left + width], picture
            ):
                return top, left
    raise AssertionError("the picture is not there")


def test_the_usual_epochs_are_those_with_frames(folders):
    assert usual_epochs(read_runs([folders / "wide"])) == [0, 2, 4]
    assert usual_epochs(read_runs([folders / "fit", folders / "wide"])) == [1, 2, 4]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("{}/wide", "--epochs", "3,99"),
            "there is no frame of epoch 3: the nearest is of epoch 2",
        ),
        (("{}/wide", "--epochs", "1,x"), "is not a list of epochs"),
        (("{}/wide", "--epochs", ""), "is not a list of epochs"),
        (("{}/wide", "-o", "a.txt"), "a.txt"),
        (("{}/wide", "-o", "{}/wide/final.png"), "would replace a file that the run needs"),
        (("{}/wide", "-o", "{}/wide/frames/epoch-000000.png"), "epoch-000000.png"),
        (("{}/none",), "none"),
        (("{}/pic.png",), "pic.png"),
        (("{}/wide/model.npz",), "model.npz"),
        ((), "RUN"),
    ],
)
def test_mistakes_are_told(folders, options, words):
    assert words in sheet.fail(*(str(each).format(folders) for each in options))


def test_a_damaged_frame_is_told(folders):
    shutil.copytree(folders / "wide", "copy")
    Path("copy/frames/epoch-000000.png").write_bytes(b"no picture")
    assert "epoch-000000.png: damaged" in sheet.fail("copy")


def test_the_sheet_goes_to_standard_output(folders):
    assert sheet.succeed(folders / "wide", "-o", "-").stdout_bytes.startswith(b"\x89PNG")


def test_a_run_without_frames_is_told(folders):
    shutil.copytree(folders / "wide", "copy")
    shutil.rmtree("copy/frames")
    assert "copy has no frames yet" in sheet.fail("copy")
