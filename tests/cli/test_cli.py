"""The command line: exit codes, messages, files, and that nothing is left behind on failure."""

from __future__ import annotations

import csv
import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.fit.manifest import FitResult
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.cli.fit.command import FitCommand
from fit_image.errors import warn_once
from shell import Shell, wait_until

shell = Shell()
run, succeed, fail, start = shell.run, shell.succeed, shell.fail, shell.start

SMALL = ("--layers", "2x8", "--epochs", "3")
HUGE_GRID = "grid:levels=32,features=16,entries=2^24,coarsest=2^13,finest=2^20"
FILES = {
    "run.json",
    "metrics.csv",
    "frames",
    "final.png",
    "model.npz",
    "checkpoint.npz",
    "animation.gif",
    "target.png",
    ".lock",
}


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def model_bits(folder):
    return PaintingNetwork.load(folder / "model.npz").parameters.tobytes()


# Fitting


def test_the_last_line_tells_what_was_reached():
    result = FitResult("done", "time-limit", 3000, 22.731, 0.1, 2307, 70.2, 71.0, 2)
    line = FitCommand.describe(object.__new__(FitCommand), result)
    assert line == (
        "3,000 epochs, 22.73 dB, 1:10 of training (2,307 parameters); reached --time-limit"
    )


def test_a_run_leaves_all_its_files(picture):
    result = succeed(picture, *SMALL)
    assert result.stdout == "pic-fit\n"
    folder = Path("pic-fit")
    assert {path.name for path in folder.iterdir()} == FILES
    frames = sorted(path.name for path in (folder / "frames").iterdir())
    assert frames == [f"epoch-{index:06}.png" for index in range(4)]
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert list(rows[0]) == ["epoch", "loss", "psnr", "seconds"]
    assert (folder / "final.png").read_bytes() == (folder / "frames" / frames[-1]).read_bytes()


def test_the_manifest_is_enough_to_repeat_the_run(picture):
    succeed(picture, *SMALL, "--seed", 5, "--lr", 0.2)
    data = json.loads(Path("pic-fit/run.json").read_text())
    assert data["fit"]["seed"] == 5
    assert data["fit"]["learning_rate"] == 0.2
    assert data["fit"]["layers"] == "2x8"
    assert data["result"]["status"] == "done"
    assert data["result"]["wall_seconds"] >= data["result"]["seconds"]
    assert {"fit-image", "python", "numpy", "numba", "pillow"} <= data["versions"].keys()
    assert len(data["picture"]["sha256"]) == 64


def test_layers_have_activations_of_their_own(picture):
    options = ("--layers", "2x8:sine,8", "--activation", "gauss", "--output-activation", "sigmoid")
    constants = ("--omega", 20, "--scale", 3, "--init", "siren", "--epochs", 2)
    succeed(picture, *options, *constants, "--optimizer", "adam")
    model = json.loads(succeed("info", "pic-fit/model.npz", "--json").stdout)
    assert (model["layers"], model["output_activation"]) == ("2x8:sine,8:gauss", "sigmoid")
    fit = json.loads(Path("pic-fit/run.json").read_text())["fit"]
    assert (fit["layers"], fit["omega"], fit["scale"]) == ("2x8:sine,8", 20.0, 3.0)
    succeed(picture, "--resume", "--epochs", 3)


def test_options_may_stand_before_the_picture(picture):
    succeed(*SMALL, "-q", picture, "-o", "out")
    assert Path("out/model.npz").exists()


def test_json_output(picture):
    result = succeed(picture, *SMALL, "--json")
    data = json.loads(result.stdout)
    assert data.keys() == {
        "output", "ended", "epochs", "psnr", "loss", "parameters", "seconds", "width", "height",
    }  # fmt: skip
    assert (data["epochs"], data["width"], data["height"]) == (3, 24, 16)
    assert data["ended"] == "epochs"
    assert data["parameters"] == (2 + 1) * 8 + (8 + 1) * 8 + (8 + 1) * 3


def test_quiet_says_nothing(picture):
    assert succeed(picture, *SMALL, "-q").stderr == ""


def test_off_a_terminal_there_are_no_control_characters(picture):
    result = succeed(picture, *SMALL)
    assert all(character.isprintable() or character == "\n" for character in result.stderr)


def test_large_pictures_are_scaled_down_and_that_is_said(picture):
    result = succeed(picture, *SMALL, "--max-pixels", 100)
    assert "scaled from 24x16 to 12x8" in result.stderr
    with Image.open("pic-fit/final.png") as final:
        assert final.size == (12, 8)
    succeed(picture, *SMALL, "--max-pixels", "none", "-o", "whole")
    with Image.open("whole/final.png") as final:
        assert final.size == (24, 16)


def test_frames_may_be_fewer(picture):
    succeed(picture, "--layers", "4", "--epochs", 5, "--frame-every", 2)
    epochs = [int(path.stem[-6:]) for path in sorted(Path("pic-fit/frames").iterdir())]
    assert epochs == [0, 2, 4, 5]
    with Path("pic-fit/metrics.csv").open() as file:
        assert [bool(row["psnr"]) for row in csv.DictReader(file)] == [
            False,
            True,
            False,
            True,
            True,
        ]


def test_several_animations(picture):
    elsewhere = Path("sub/two.png")
    elsewhere.parent.mkdir()
    succeed(picture, *SMALL, "--animation", "one.webp", "--animation", elsewhere)
    assert Path("pic-fit/one.webp").exists()
    assert elsewhere.exists()
    assert not Path("pic-fit/animation.gif").exists()


def test_no_animation(picture):
    succeed(picture, *SMALL, "--animation", "none")
    assert not Path("pic-fit/animation.gif").exists()


@pytest.mark.parametrize(
    "args",
    [
        ("animate", "pic-fit", "-o", "pic.png"),
        ("animate", "pic-fit", "-o", "pic-fit/target.png"),
        ("animate", "pic-fit", "-o", "pic-fit/frames/epoch-000000.png"),
        ("render", "pic-fit", "-o", "pic-fit/final.png"),
        ("render", "pic-fit/model.npz", "-o", "pic-fit/frames/epoch-000000.png"),
        ("render", "pic-fit", "-o", "pic.png"),
    ],
)
def test_outputs_never_replace_what_a_run_needs(picture, args):
    succeed(picture, *SMALL)
    before = {path: path.read_bytes() for path in Path.cwd().rglob("*") if path.is_file()}
    assert "give another name" in fail(*args)
    assert {path: path.read_bytes() for path in before} == before


def test_a_picture_named_like_a_command(picture):
    shutil.copy(picture, "render")
    succeed("./render", *SMALL)
    assert Path("render-fit/model.npz").exists()


def test_gray_is_grey(picture):
    run(picture, "--channels", "gray", "--layers", "8", "--epochs", 1, "-q")
    assert PaintingNetwork.load("pic-fit/model.npz").channels == 1
    assert json.loads(Path("pic-fit/run.json").read_text())["image"]["channels"] == "grey"


def test_the_options_of_an_earlier_run_are_taken(picture):
    options = ("--layers", "8:sine,4", "--seed", 5, "--batch-size", 7, "--max-pixels", 200)
    other = ("--channels", "grey", "--frame-every", 2, "--animation", Path("far.gif").absolute())
    succeed(picture, *options, *other, "--epochs", 3, "-o", "one", "-q")
    Path("far.gif").unlink()
    succeed(picture, "--like", "one", "-o", "two", "-q")
    assert model_bits(Path("one")) == model_bits(Path("two"))
    assert not Path("far.gif").exists()
    assert Path("two/far.gif").exists()
    one, two = (json.loads(Path(each, "run.json").read_text()) for each in ("one", "two"))
    assert one["fit"] == two["fit"]
    assert one["image"] == two["image"]
    more = ("--optimizer", "adam", "--layers", "8", "--channels", "rgb", "--animation", "none")
    succeed(picture, "--like", "one", *more, "-o", "three", "-q")
    three = json.loads(Path("three/run.json").read_text())["fit"]
    assert (three["seed"], three["batch_size"], three["epochs"]) == (5, 7, 3)
    assert three["learning_rate"] == 0.001  # not the default of a sine with sgd
    succeed(picture, "--preset", "instant", "--epochs", 1, "-o", "grid", "-q")
    succeed(picture, "--like", "grid", "-o", "again", "-q")
    assert model_bits(Path("grid")) == model_bits(Path("again"))
    assert json.loads(Path("again/run.json").read_text())["preset"] == "instant"
    for args, words in (
        (("--like", "one", "--resume"), "--like"),
        (("--like", "one", "--preset", "sharp"), "exclude"),
        (("--like", "none"), "none"),
        (("--like", "one/model.npz"), "one"),
        (("--like", "one", "--slope", "0.1", "--layers", "8:relu"), "--slope would change nothing"),
    ):
        assert words in fail(picture, *args)


def test_a_second_run_is_refused_unless_told(picture):
    succeed(picture, *SMALL)
    before = model_bits(Path("pic-fit"))
    assert "--resume" in fail(picture, *SMALL, "--seed", 1)
    assert model_bits(Path("pic-fit")) == before
    Path("pic-fit/notes.txt").write_text("mine")
    succeed(picture, "--layers", "4", "--epochs", "1", "--overwrite")
    assert len(list(Path("pic-fit/frames").iterdir())) == 2
    assert Path("pic-fit/notes.txt").read_text() == "mine"


def test_files_that_are_no_run_are_not_replaced_unless_told(picture):
    Path("out").mkdir()
    Path("out/final.png").write_text("mine")
    assert "out/final.png" in fail(picture, *SMALL, "-o", "out")
    assert "out/final.png" in fail(picture, *SMALL, "-o", "out", "--resume")
    shutil.copy(picture, "out/target.png")
    assert "out/target.png" in fail("out/target.png", *SMALL, "-o", "out", "--overwrite")
    succeed(picture, *SMALL, "-o", "out", "--overwrite")


def test_a_folder_without_files_of_a_run_can_be_resumed(picture):
    Path("out/frames").mkdir(parents=True)
    succeed(picture, *SMALL, "-o", "out", "--resume")


def test_a_disk_without_locks_and_fsync_has_one_line_for_each(picture, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    warn_once.cache_clear()
    monkeypatch.setattr("fcntl.flock", fail)
    monkeypatch.setattr("os.fsync", fail)
    result = succeed(picture, *SMALL, "-q")
    warn_once.cache_clear()
    assert result.stdout == "pic-fit\n"
    locks, writing = result.stderr.splitlines()
    assert locks.startswith("fit-image: the disk of pic-fit has no locks")
    assert writing.startswith("fit-image: this disk does not confirm")


def test_the_wall_time_is_never_negative(picture, monkeypatch):
    moved_back = itertools.count(10**6, -60)
    monkeypatch.setattr("time.monotonic", lambda: float(next(moved_back)))
    succeed(picture, *SMALL)
    assert json.loads(Path("pic-fit/run.json").read_text())["result"]["wall_seconds"] == 0.0


def test_two_at_once_are_refused(picture):
    first = start(picture, "--layers", "8", "--epochs", 10**6, "-q")
    try:
        wait_until(Path("pic-fit/frames/epoch-000001.png").exists)
        result = run(picture, "--overwrite", *SMALL)
        assert result.exit_code == 2
        assert "another fit-image is writing to pic-fit" in result.stderr
        assert "choose another folder (-o)" in result.stderr
    finally:
        first.kill()
        first.communicate()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["missing.png"], "missing.png"),
        (["pic.png", "--layers", "4x300,x2"], "'x2'"),
        (["pic.png", "--layers", "65536,65536"], "memory"),
        (["pic.png", "--optimizer", "adam", "--encoding", HUGE_GRID], "memory"),
        (["pic.png", "--epochs", "0"], "--epochs"),
        (["pic.png", "--epochs", "many"], "--epochs"),
        (["pic.png", "--lr", "nan"], "--lr"),
        (["pic.png", "--lr", "-1"], "--lr"),
        (["pic.png", "--lr", "inf"], "--lr"),
        (["pic.png", "--slope", "1.5"], "--slope"),
        (["pic.png", "--batch-size", "0"], "--batch-size"),
        (["pic.png", "--batch-size", "-3"], "--batch-size"),
        (["pic.png", "--batch-size", "all"], "--batch-size"),
        (["pic.png", "--batch-size", "1000000000000001"], "--batch-size"),
        (["pic.png", "--frame-every", "1000000000000001"], "--frame-every"),
        (["pic.png", "--parameters", "1000000000000001"], "--parameters"),
        (["pic.png", "--max-pixels", "1000000000000001"], "--max-pixels"),
        (["pic.png", "--max-bytes", "1000001G"], "--max-bytes"),
        (["pic.png", "--target-psnr", "1e19"], "--target-psnr"),
        (["pic.png", "--optimizer", "rmsprop"], "--optimizer"),
        (["pic.png", "--loss", "l2"], "--loss"),
        (["pic.png", "--lr-schedule", "square"], "--lr-schedule"),
        (["pic.png", "--sampling", "random"], "--sampling"),
        (["pic.png", "--target-psnr", "0"], "--target-psnr"),
        (["pic.png", "--target-psnr", "nan"], "--target-psnr"),
        (["pic.png", "--target-psnr", "sharp"], "--target-psnr"),
        (["pic.png", "--time-limit", "0s"], "--time-limit"),
        (["pic.png", "--time-limit", "soon"], "--time-limit"),
        (["pic.png", "--time-limit", "-5"], "--time-limit"),
        (["pic.png", "--time-limit", "1e3"], "--time-limit"),
        (["pic.png", "--warmup", "-1"], "--warmup"),
        (["pic.png", "--warmup", "nan"], "--warmup"),
        (
            ["pic.png", "--warmup", "4", "--epochs", "3"],
            "--warmup must be at most the number of epochs (3)",
        ),
        (["pic.png", "--weight-decay", "0.1"], "adamw"),
        (["pic.png", "--optimizer", "adamw", "--weight-decay", "-1"], "--weight-decay"),
        (["pic.png", "--init-scale", "-1"], "--init-scale"),
        (["pic.png", "--activation", "cosine"], "--activation"),
        (["pic.png", "--layers", "8:cosine"], "'8:cosine'"),
        (["pic.png", "--output-activation", "sine"], "--output-activation"),
        (["pic.png", "--init", "normal:many"], "normal:STD"),
        (["pic.png", "--omega", "0"], "--omega"),
        (["pic.png", "--omega", "9"], "--omega would change nothing"),
        (["pic.png", "--scale", "9"], "--scale would change nothing"),
        (["pic.png", "--table-rate", "2"], "--table-rate would change nothing"),
        (["pic.png", "--encoding", "grid", "--table-rate", "0"], "--table-rate"),
        (["pic.png", "--activation", "relu", "--slope", "0.1"], "--slope would change nothing"),
        (["pic.png", "--init", "he", "--init-scale", "1"], "--init-scale would change nothing"),
        (["pic.png", "--layers", "8:relu", "--activation", "sine"], "--activation would change"),
        (["pic.png", "--seed", "-1"], "--seed"),
        (["pic.png", "--fps", "0"], "--fps"),
        (["pic.png", "--fps", "nan"], "--fps"),
        (["pic.png", "--frame-every", "0"], "--frame-every"),
        (["pic.png", "--threads", "0"], "--threads"),
        (["pic.png", "--pace", "slow"], "--pace"),
        (["pic.png", "--max-pixels", "0"], "--max-pixels"),
        (["pic.png", "--max-pixels", "few"], "--max-pixels"),
        (["pic.png", "--background", "nocolour"], "nocolour"),
        (["pic.png", "--channels", "cmyk"], "--channels"),
        (["pic.png", "--animation", "film.avi"], "film.avi"),
        (["pic.png", "--animation", "none", "--animation", "a.gif"], "none"),
        (["pic.png", "--resume", "--overwrite"], "--resume"),
        (["pic.png", "-o", "pic.png"], "pic.png"),
        (["pic.png", "--layer", "3"], "--layers"),
        (["pic.png", "two.png"], "two.png"),
        (["pic.png", "wide.png"], "fit-image sweep pic.png wide.png"),
        (["pic.png", "--lr", "1", "wide.png", "empty.png", "text.png"], "wide.png empty.png ..."),
        (["pic.png", "--layers", "1x8", "--layers", "2x4"], "fit-image sweep IMAGE"),
        (["pic.png", "--epochs", "3", "--epochs=4"], "--epochs is given 2 times"),
        (["pic.png", "--lr", "0.1,0.2"], "fit-image sweep IMAGE"),
        (["pic.png", "--channels", "gray,rgb"], "fit-image sweep IMAGE"),
        (["pic.png", "--lr", "0,1,x"], "not a valid rate"),
        (["pic.png", "--epochs", "few"], "not a valid whole number"),
        (["paint", "pic.png"], "paint is neither a command nor an existing file"),
        (["empty.png"], "empty.png"),
        (["text.png"], "text.png"),
        (["plain"], "directory: give one picture, or fit-image sweep plain/*.png"),
        (["model.npz"], "give a picture; fit-image render model.npz uses it"),
        (["rendr", "x"], "fit-image render"),
        (["inof"], "fit-image info"),
        (["--seed", "1"], "IMAGE"),
        (["render", "missing.npz"], "missing.npz"),
        (["render", "text.png"], "text.png"),
        (["render", "model.npz", "--size", "3"], "--size"),
        (["render", "model.npz", "--size", "0x4"], "--size"),
        (["render", "model.npz", "--scale", "inf"], "--scale"),
        (["render", "model.npz", "--scale", "2", "--size", "4x4"], "--scale"),
        (["render", "model.npz", "--scale", "1e9"], "--scale"),
        (["render", "model.npz", "--scale", "1e5"], "pixels"),
        (["render", "model.npz", "-o", "nowhere/x.png"], "nowhere"),
        (["render", "/dev/zero"], "/dev/zero"),
        (["pic.png", "--fps", "0.001"], "--fps"),
        (["pic.png", "--lr", "1e39"], "--lr"),
        (["pic.png", "--animation", "nowhere/a.gif"], "nowhere"),
        (["pic.png", "--animation", "./pic.png"], "pic.png"),
        (["pic.png", "--animation", "final.png"], "final.png"),
        (["pic.png", "-o", "pic.png/deeper"], "pic.png"),
        (["pic.png", "-o", "c" * 300], "long"),
        (["wide.png", "--max-pixels", "none", "--animation", "a.webp"], "16383"),
        (["render", "model.npz", "--region", "0,0,1"], "--region"),
        (["render", "model.npz", "--region", "0,0,0,1"], "--region"),
        (["render", "model.npz", "--region", "0,0,nan,1"], "--region"),
        (["render", "model.npz", "-o", "x.xyz"], "x.xyz"),
        (["render", "model.npz", "-o", "x.jpg", "--size", "70000x1"], "x.jpg"),
        (["animate", "missing"], "missing"),
        (["animate", "missing", "-o", "x.avi"], "x.avi"),
        (["info", "missing"], "missing"),
        (["info", "text.png"], "text.png"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_nothing(args, words, picture, rng):
    Path("empty.png").touch()
    Path("plain").mkdir()
    Path("text.png").write_text("this is no picture")
    Image.new("RGB", (20000, 1)).save("wide.png")
    from fit_image.nn.mlp.layer_spec import dense_stack

    PaintingNetwork(tuple(dense_stack(2, (4,), 3, 0.01)), (6, 4)).draw_params(1, rng).save(
        "model.npz"
    )
    assert words in fail(*args)


def test_a_diverging_run_keeps_the_last_good_state(picture):
    result = run(picture, "--layers", "3x16", "--epochs", 50, "--lr", 1000, "-q")
    assert result.exit_code == 1
    assert "lower --lr" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert np.isfinite(PaintingNetwork.load("pic-fit/model.npz").parameters).all()
    assert json.loads(Path("pic-fit/run.json").read_text())["result"]["status"] == "diverged"


def test_a_file_that_cannot_be_written_is_named_and_the_old_one_stays(picture):
    succeed(picture, "--layers", "8", "--epochs", 1)
    folder = Path("pic-fit")
    before = {path: path.read_bytes() for path in folder.glob("*.*") if path.is_file()}

    line = shell.fail_on_full_disk(picture, "--resume", "--epochs", 50, "-q")
    assert line.startswith("fit-image: cannot write pic-fit/")
    for path in ("checkpoint.npz", "model.npz", "final.png", "animation.gif"):
        assert (folder / path).read_bytes() == before[folder / path]
    succeed(picture, "--resume", "--epochs", 3)


# Interruption and resuming


@pytest.fixture
def uninterrupted(picture, tmp_path):
    succeed(picture, "--layers", "2x16", "--epochs", 40, "-o", "whole", "--animation", "none")
    return tmp_path / "whole"


def assert_same_run(folder, other):
    assert model_bits(folder) == model_bits(other)
    frames = sorted(path.name for path in (other / "frames").iterdir())
    assert sorted(path.name for path in (folder / "frames").iterdir()) == frames
    for name in frames:
        assert (folder / "frames" / name).read_bytes() == (other / "frames" / name).read_bytes()
    rows, other_rows = (
        [line.rsplit(",", 1)[0] for line in (each / "metrics.csv").read_text().splitlines()]
        for each in (folder, other)
    )
    assert rows == other_rows


REST = ("--layers", "2x16", "--epochs", 40, "-o", "out", "--animation", "none")


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_gracefully(picture, signum, code):
    process = start(picture, "--layers", "2x16", "--epochs", 10**6, "-o", "out")
    wait_until(Path("out/frames/epoch-000002.png").exists)
    process.send_signal(signum)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert stdout == ""
    assert "Traceback" not in stderr
    assert "--resume" in stderr
    with Image.open("out/animation.gif") as animation:
        assert animation.n_frames > 1
    assert json.loads(Path("out/run.json").read_text())["result"]["status"] == "interrupted"
    assert Path("out/checkpoint.npz").exists()


@pytest.mark.parametrize("broken", ["/dev/full", "closed pipe"])
def test_a_run_outlives_its_standard_error(picture, broken):
    if broken == "closed pipe":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(broken, os.O_WRONLY)
    command = [sys.executable, "-m", "fit_image", str(picture), *SMALL]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writer, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stdout) == (0, "pic-fit\n")


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["info", "pic-fit"]])
def test_a_full_standard_output_is_one_line(picture, args):
    succeed(picture, *SMALL)
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "fit_image", *args]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_a_run_tells_its_batch_size_and_optimizer(picture):
    succeed(picture, *SMALL, "--optimizer", "adam", "--batch-size", 10**9)
    fit = json.loads(Path("pic-fit/run.json").read_text())["fit"]
    assert (fit["optimizer"], fit["batch_size"], fit["learning_rate"]) == ("adam", 10**9, 0.001)
    facts = json.loads(succeed("info", "pic-fit", "--json").stdout)
    assert (facts["optimizer"], facts["batch_size"]) == ("adam", 10**9)
    assert "batch size" in succeed("info", "pic-fit").stdout


def test_a_checkpoint_without_its_optimizer_is_refused(picture):
    succeed(picture, *SMALL, "--optimizer", "adam")
    with np.load("pic-fit/checkpoint.npz") as archive:
        arrays = {name: archive[name] for name in archive if name != "optimizer_steps"}
    np.savez("pic-fit/checkpoint.npz", **arrays)
    assert "another optimizer" in fail(picture, "--resume", "--epochs", 4)


def test_a_run_killed_before_its_first_checkpoint_starts_again(picture, uninterrupted):
    process = start(picture, *REST, "-q")
    wait_until(Path("out/frames/epoch-000001.png").exists)
    process.kill()
    process.communicate()
    Path("out/checkpoint.npz").unlink(missing_ok=True)
    succeed(picture, "-o", "out", "--resume")
    assert_same_run(Path("out"), uninterrupted)


@pytest.mark.parametrize("more", [["--time-limit", "none"], ["--time-limit", "1h30m"]])
def test_a_run_that_ran_out_of_time_goes_on_to_the_same_bits(picture, uninterrupted, more):
    out = Path("out")
    stopped = succeed(picture, *REST, "--time-limit", "0.001s", "--json")
    assert json.loads(stopped.stdout)["ended"] == "time-limit"
    assert "--time-limit" in stopped.stderr
    result = json.loads((out / "run.json").read_text())["result"]
    assert (result["status"], result["ended"]) == ("done", "time-limit")
    assert result["epochs"] < 40
    frames = sorted((out / "frames").iterdir())
    assert (out / "final.png").read_bytes() == frames[-1].read_bytes()
    rows = (out / "metrics.csv").read_text()
    assert len(rows.splitlines()) == len(frames)  # the heading, and the untrained network

    bits = model_bits(out)
    succeed(picture, "-o", "out", "--resume")  # only animates again
    assert (model_bits(out), (out / "metrics.csv").read_text()) == (bits, rows)
    assert sorted((out / "frames").iterdir()) == frames

    succeed(picture, "-o", "out", "--resume", *more)
    assert_same_run(out, uninterrupted)
    assert json.loads((out / "run.json").read_text())["result"]["ended"] == "epochs"


def test_a_run_that_reached_its_target_goes_on_without_one(picture, uninterrupted):
    succeed(picture, *REST, "--target-psnr", 9)
    result = json.loads(Path("out/run.json").read_text())["result"]
    assert result["ended"] == "target-psnr"
    assert result["epochs"] < 40
    assert result["psnr"] >= 9
    succeed(picture, "-o", "out", "--resume", "--target-psnr", "none")
    assert_same_run(Path("out"), uninterrupted)


def test_resume_of_nothing_starts_a_run(picture):
    succeed(picture, *SMALL, "--resume")
    succeed(picture, *SMALL, "--resume")  # and of a finished one changes nothing


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--layers", "9"], "--layers (was 2x8, now 9)"),
        (["--seed", "7"], "--seed (was 0, now 7)"),
        (["--lr", "0.5"], "--lr (was 0.1, now 0.5)"),
        (["--slope", "0.5"], "--slope"),
        (["--batch-size", "9"], "--batch-size (was 1, now 9)"),
        (["--optimizer", "adam"], "--optimizer (was sgd, now adam)"),
        (["--optimizer", "adamw"], "--weight-decay (was none, now 0.01)"),
        (["--layers", "2x8:sine"], "--layers (was 2x8, now 2x8:sine)"),
        (["--activation", "relu"], "--activation (was leaky-relu, now relu)"),
        (["--output-activation", "sigmoid"], "--output-activation (was identity"),
        (["--init", "normal:0.1"], "--init (was auto, now normal:0.1)"),
        (
            ["--activation", "gabor", "--omega", "9", "--scale", "9"],
            "--omega (was 30.0, now 9.0), ",
        ),
        (["--loss", "l1"], "--loss (was mse, now l1)"),
        (["--lr-schedule", "cosine"], "--lr-schedule (was constant, now cosine)"),
        (["--warmup", "2"], "--warmup (was 0.0, now 2.0)"),
        (["--sampling", "error"], "--sampling (was uniform, now error)"),
        (["--max-pixels", "none"], "--max-pixels (was 131072, now none)"),
        (["--channels", "grey"], "--channels (was rgb, now grey)"),
        (["--epochs", "2"], "at 3 already"),
    ],
)
def test_resume_refuses_another_configuration(picture, args, words):
    succeed(picture, *SMALL)
    assert words in fail(picture, "--resume", *args)


def test_resume_refuses_another_picture(picture):
    succeed(picture, *SMALL)
    Image.new("RGB", (24, 16)).save(picture)
    assert "the picture" in fail(picture, "--resume")


def test_resume_refuses_another_optimizer_than_one_whose_weights_decay(picture):
    succeed(picture, *SMALL, "--optimizer", "adamw")
    words = "--optimizer (was adamw, now adam), --weight-decay (was 0.01, now none)"
    assert words in fail(picture, "--resume", "--optimizer", "adam")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 3}', b'{"format": 99}'])
def test_resume_of_a_damaged_run(picture, damage):
    succeed(picture, *SMALL)
    Path("pic-fit/run.json").write_bytes(damage)
    assert "run.json" in fail(picture, "--resume")


def test_a_run_of_an_older_version_is_refused(picture):
    succeed(picture, *SMALL)
    file = Path("pic-fit/run.json")
    file.write_text(file.read_text().replace('"format": 3', '"format": 2'))
    for args in ((picture, "--resume"), ("animate", "pic-fit"), ("info", "pic-fit")):
        assert "run.json was written by an older fit-image" in fail(*args)
    succeed(picture, *SMALL, "--overwrite")


def test_resume_with_a_damaged_checkpoint(picture):
    succeed(picture, *SMALL)
    file = Path("pic-fit/checkpoint.npz")
    file.write_bytes(file.read_bytes()[:-200])
    assert "checkpoint.npz" in fail(picture, "--resume")


# The other commands


@pytest.fixture
def fitted(picture):
    succeed(picture, *SMALL)
    return Path("pic-fit")


def test_render_at_its_own_size_is_the_last_frame(fitted):
    assert succeed("render", fitted, "-q").stdout == "pic-24x16.png\n"
    with Image.open("pic-24x16.png") as drawn, Image.open(fitted / "final.png") as final:
        np.testing.assert_array_equal(np.asarray(drawn), np.asarray(final))


@pytest.mark.parametrize(
    ("args", "size"),
    [
        (["--scale", "2.5"], (60, 40)),
        (["--size", "7x5"], (7, 5)),
        (["--region", "-0.5,-0.5,1.5,1.5"], (48, 32)),
        (["--region", "0,0,0.5,0.5", "--scale", "4"], (48, 32)),
        (["--region", "0,0,0.5,0.5", "--size", "9x9"], (9, 9)),
    ],
)
def test_render_sizes(fitted, args, size):
    succeed("render", fitted / "model.npz", "-o", "x.jpg", *args)
    with Image.open("x.jpg") as drawn:
        assert drawn.size == size


def test_render_of_a_killed_run_uses_its_checkpoint(fitted):
    (fitted / "model.npz").unlink()
    succeed("render", fitted)


def test_animate(fitted):
    result = succeed("animate", fitted, "-o", "film.webp", "--every", 2, "--with-target")
    assert result.stdout == "film.webp\n"
    with Image.open("film.webp") as film:
        assert film.n_frames == 3
        assert film.width > 2 * 24


def test_animate_at_the_visible_pace(fitted):
    succeed("animate", fitted, "-o", "film.png", "--pace", "visible")
    with Image.open("film.png") as film:
        assert film.n_frames >= 2


def test_animate_without_the_video_extra(picture, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "fit-image[video]" in fail(picture, "--animation", "film.mp4")


def test_info_of_a_run_and_of_a_model(fitted):
    shown = succeed("info", fitted).stdout
    assert "2x8" in shown
    data = json.loads(succeed("info", fitted, "--json").stdout)
    assert data["epochs_done"] == 3
    assert data["status"] == "done"
    assert data["loss_function"] == "mse"
    assert 0 < data["loss"] < 1
    model = json.loads(succeed("info", fitted / "model.npz", "--json").stdout)
    assert model["parameters"] == data["parameters"] == 123


def test_a_perfect_copy_is_still_json(picture, fitted):
    with (fitted / "metrics.csv").open("a") as file:
        file.write("4,0,inf,1.000\n")
    shown = succeed("info", fitted, "--json").stdout
    assert json.loads(shown, parse_constant=pytest.fail)["epochs_done"] == 4


def test_help_shows_fitting_first():
    text = succeed("--help").stdout
    assert text.index("--layers") < text.index("Other commands") < text.index("  render")
    assert succeed().stdout == text


def test_help_begins_with_examples_and_groups_options():
    text = succeed("--help").stdout
    examples = text[text.index("Examples:") : text.index("Teach a small")]
    assert examples.count("photo.jpg") == 3
    headings = [
        "Picture",
        "Network",
        "Learning",
        "Stopping",
        "Recording",
        "Run",
        "Other commands",
    ]
    places = [text.index(f"\n{heading}:\n") for heading in headings]
    assert places == sorted(places)
    assert text.index("\nStopping:") < text.index("\n  --time-limit") < text.index("\nRecording:")
    assert "\nOptions:" not in text


@pytest.mark.parametrize("command", ["render", "animate", "info", "fit"])
def test_every_command_has_help(command):
    assert "Usage" in succeed(command, "--help").stdout


def test_help_loads_no_numerics():
    code = (
        "import sys, fit_image.cli\n"
        "try: fit_image.cli.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'numpy', 'numba', 'imageio', 'PIL'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("fit-image --la", "--layers"),
        ("fit-image ren", "render"),
        ("fit-image render --si", "--size"),
    ],
)
def test_shell_completion(words, expected):
    environment = os.environ | {
        "_FIT_IMAGE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    code = "from fit_image.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert expected in done.stdout


def test_names_with_odd_characters_are_shown_in_one_line(picture):
    odd = "a\nb\x1b[31mc-fit"
    succeed(picture, "-o", odd, "--layers", "4", "--epochs", 1)
    shown = succeed("info", odd).stdout
    assert "a\\nb\\x1b[31mc-fit" in shown.splitlines()[0]
    assert "\x1b" not in shown
    assert "no\\x1b[31m  one" in fail("render", "no\x1b[31m  one")


def test_pipes_are_not_waited_for(picture):
    os.mkfifo("pipe.npz")
    Path("run").mkdir()
    os.mkfifo("run/run.json")
    for path in ("pipe.npz", "run"):
        assert "regular file" in fail("info", path)
    assert "regular file" in fail("sweep", picture, "--from-csv", "pipe.npz")


def test_a_run_does_not_go_among_a_sweep(picture):
    Path("sweep").mkdir()
    Path("sweep/sweep.json").write_text("{}")
    for more in ((), ("--overwrite",)):
        assert "holds a sweep" in fail(picture, "-o", "sweep", "--epochs", 1, *more)
