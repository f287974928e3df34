"""``spectrum.csv``: what it holds, and that it follows its frames whatever happens to a run."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fit_image.animation.film import frame_paths, read_frame
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.images.io import load_image
from fit_image.images.spectrum import luma
from fit_image.runs.recorder import RunRecorder
from shell import Shell

succeed = Shell().succeed
OPTIONS = ("--layers", "8", "--animation", "none", "--threads", 1, "-q")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows_of(folder):
    """The rows by the word in their first column, the mean first."""
    with Path(folder, "spectrum.csv").open() as file:
        head, *rows = csv.reader(file)
    assert head[:2] == ["epoch", "mean"]
    return {name: np.array(power, float) for name, *power in rows}


@pytest.mark.parametrize("channels", ["rgb", "grey", "rgba"])
def test_each_frame_has_the_power_of_its_error(picture, channels):
    options = ("--epochs", 3, "--frame-every", 2, "--channels", channels)
    succeed(picture, *OPTIONS, *options, "--spectrum", "-o", "run")
    rows = rows_of("run")
    assert [*rows] == ["target", "0", "2", "3"]
    target = luma(read_frame("run/target.png"))
    assert rows["target"].sum() == pytest.approx(np.square(target).mean(), rel=1e-4)
    for epoch, file in frame_paths("run/frames"):
        error = luma(read_frame(file)) - target
        assert rows[str(epoch)].sum() == pytest.approx(np.square(error).mean(), rel=1e-4)


def test_without_the_option_nothing_is_different(picture):
    succeed(picture, *OPTIONS, "--epochs", 2, "-o", "without")
    succeed(picture, *OPTIONS, "--epochs", 2, "--spectrum", "-o", "with")
    assert not Path("without/spectrum.csv").exists()
    for name in ("final.png", "frames/epoch-000001.png"):
        assert Path("without", name).read_bytes() == Path("with", name).read_bytes()
    one, other = (FitDirectory.open(Path(name)).read_checkpoint() for name in ("without", "with"))
    np.testing.assert_array_equal(one["weights_0"], other["weights_0"])


def test_a_run_that_goes_on_has_the_rows_of_one_that_never_stopped(picture):
    succeed(picture, *OPTIONS, "--epochs", 4, "--spectrum", "-o", "whole")
    succeed(picture, *OPTIONS, "--epochs", 2, "--spectrum", "-o", "parts")
    # Of an epoch that was not saved any more, and torn.
    with Path("parts/spectrum.csv").open("a") as file:
        file.write("3,0.5,0.5\n4,0.1")
    succeed(picture, "-o", "parts", "--resume", "--epochs", 4, "-q")
    whole = Path("whole/spectrum.csv").read_bytes()
    assert Path("parts/spectrum.csv").read_bytes() == whole
    # Asked for later, earlier frames are measured, too.
    succeed(picture, *OPTIONS, "--epochs", 3, "-o", "late")
    succeed(picture, "-o", "late", "--resume", "--epochs", 4, "--spectrum", "-q")
    assert Path("late/spectrum.csv").read_bytes() == whole
    # Asked for no longer, it has no rows of frames that are drawn anew.
    succeed(picture, "-o", "late", "--resume", "--epochs", 5, "--no-spectrum", "-q")
    assert Path("late/spectrum.csv").read_bytes() == whole


def test_a_run_that_was_killed_at_its_beginning_has_each_row_once(picture):
    options = (*OPTIONS, "--epochs", 2, "--spectrum")
    succeed(picture, *options, "-o", "whole")
    manifest = FitDirectory.open(Path("whole")).manifest
    trainer = FitTrainer(load_image(picture).pixels, manifest.fit)
    recorder = RunRecorder.begin(FitDirectory(Path("killed"), manifest), trainer)
    next(each for each in recorder.steps() if Path("killed/frames/epoch-000000.png").exists())
    succeed(picture, *options, "-o", "killed", "--resume")
    assert Path("killed/spectrum.csv").read_bytes() == Path("whole/spectrum.csv").read_bytes()


def test_a_row_of_another_target_is_not_believed(picture, small_picture):
    succeed(picture, *OPTIONS, "--epochs", 1, "--spectrum", "-o", "run")
    file = Path("run/spectrum.csv")
    whole = file.read_text()
    head, target, *rows = whole.splitlines()
    name, _, *octaves = target.split(",")
    file.write_text("\n".join([head, ",".join((name, "0.9", *octaves)), *rows[:1], ""]))
    succeed(picture, "-o", "run", "--resume", "--epochs", 2, "-q")
    assert file.read_text().startswith(whole)


@pytest.mark.parametrize(
    "text",
    ["", "epoch", "epoch,mean,2\n", "epoch,mean,2\ntarget,1\n", "epoch,mean,2\ntarget,1,-1\n"],
)
def test_a_damaged_file_is_made_again(picture, text):
    succeed(picture, *OPTIONS, "--epochs", 1, "--spectrum", "-o", "run")
    whole = Path("run/spectrum.csv").read_text()
    Path("run/spectrum.csv").write_text(text)
    assert FitDirectory.open(Path("run")).spectrum.read() is None
    succeed(picture, "-o", "run", "--resume", "--epochs", 1, "-q")
    assert Path("run/spectrum.csv").read_text() == whole


def test_pictures_of_16_bits_and_of_one_pixel_have_spectra():
    Image.fromarray(np.array([[40_000], [20_000]], np.uint16)).save("deep.png")
    Image.fromarray(np.full((1, 1, 3), 90, np.uint8)).save("dot.png")
    assert load_image("deep.png").levels.dtype == np.uint16
    for name, columns in (("deep", 3), ("dot", 1)):
        succeed(f"{name}.png", *OPTIONS, "--epochs", 1, "--spectrum", "-o", name)
        assert {len(row) for row in rows_of(name).values()} == {columns}


def test_a_sweep_records_the_spectra_of_all_trials(picture):
    Shell("sweep").succeed(
        picture,
        "--layers",
        "4",
        "--layers",
        "6",
        "--epochs",
        2,
        "--spectrum",
        "-j",
        1,
        "-q",
        "-o",
        "sweep",
    )
    files = [*Path("sweep/trials").glob("*/spectrum.csv")]
    assert [len(file.read_text().splitlines()) for file in files] == [5, 5]


def test_a_report_wants_a_sweep_for_by(picture):
    succeed(picture, *OPTIONS, "--epochs", 1, "-o", "run")
    assert "--by is for sweeps" in Shell("report").run("run", "--by", "seconds").stderr
