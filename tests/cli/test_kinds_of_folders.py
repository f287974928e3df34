"""``render``, ``animate``, ``info`` and the others on every kind of folder the program makes."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.frame_sheet import read_runs
from kinds import KINDS, gradient
from shell import Shell

shell = Shell()
succeed, fail = shell.succeed, shell.fail

FRAMES = 3
USES = {
    "fit": "fit-image render {}",
    "digits": "fit-image digits draw {} --label NAME",
    "autoencode": "fit-image autoencode apply {} PICTURES",
    "unjpeg": "fit-image unjpeg apply {} PICTURES",
}
COMMANDS = {
    "fit": [("render",), ("units",)],
    "digits": [("digits", "grid"), ("digits", "draw", "--label", 1), ("digits", "morph")],
    "autoencode": [("autoencode", "grid"), ("autoencode", "apply", "{}", "pic.png")],
    "unjpeg": [("unjpeg", "score", "{}", "."), ("unjpeg", "apply", "{}", "pic.png")],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A run of every kind, and a sweep."""
    root = tmp_path_factory.mktemp("kinds")
    for name in USES:
        kind, data = KINDS[name], root / f"data of {name}"
        data.mkdir()
        epochs = ("--epochs", FRAMES - 1, "-o", root / name, "-q")
        kind.shell.succeed(kind.make_data(data), *kind.options, *epochs)
    picture = gradient(root)
    sweep = ("--layers", "8", "--layers", "2x8", "--epochs", 2, "-j", 1, "-o", root / "sweep", "-q")
    Shell("sweep").succeed(picture, *sweep)
    return root


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gradient(tmp_path)


def called(command, path):
    words = [str(path) if word == "{}" else word for word in command]
    return words if "{}" in command else [*words, path]


@pytest.mark.parametrize("name", USES)
def test_every_other_command_names_the_one_that_serves(folders, name):
    for path in (folders / name, folders / name / "model.npz"):
        for kind, commands in COMMANDS.items():
            for command in commands if kind != name else ():
                assert USES[name].format(f"'{path}'" if " " in str(path) else path) in fail(
                    *called(command, path)
                )
        if name != "fit":  # whose runs have reports
            assert USES[name].format(path) in fail("report", path)


def test_of_a_sweep_a_run_is_to_be_given(folders):
    path = folders / "sweep"
    for command in (each for commands in COMMANDS.values() for each in commands):
        line = fail(*called(command, path))
        assert "is the folder of a sweep" in line
        assert "fit-image info" in line


@pytest.mark.parametrize("name", USES)
def test_parts_of_a_folder_point_to_it(folders, name):
    for part in ("frames", "metrics.csv", KINDS[name].document, "final.png"):
        for command in ("info", "render", "report"):
            line = fail(command, folders / name / part)
            assert line.endswith(f"is a part of {folders / name}: give that folder")
    assert f"is a part of {folders / 'sweep'}" in fail("info", folders / "sweep" / "trials")


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_any_run_is_animated(folders, name, suffix):
    if suffix == ".mp4":
        pytest.importorskip("imageio_ffmpeg")
    file = f"film{suffix}"
    result = succeed("animate", folders / name, "-o", file, "--every", 2)
    assert result.stdout == f"{file}\n"
    assert "2 frames" in result.stderr
    assert Path(file).stat().st_size > 100


@pytest.mark.parametrize("name", [*USES, "sweep"])
def test_frames_of_any_run_stand_on_a_sheet(folders, name):
    assert succeed("sheet", folders / name).stdout == "sheet.png\n"
    with Image.open("sheet.png") as picture:
        assert len(picture.getcolors(1 << 24)) > 2


def test_runs_of_all_kinds_and_frames_alone_stand_on_one_sheet(folders):
    shutil.copytree(folders / "digits" / "frames", "alone")
    paths = [*(folders / name for name in USES), folders / "sweep", Path("alone")]
    runs = read_runs(paths)
    names = ["2x16", "digits", "autoencode", "unjpeg", "1x8", "2x8", "alone"]
    assert [run.name for run in runs] == names
    assert runs[1].caption(1).endswith(" s")
    assert runs[-1].caption(1) == ""
    succeed("sheet", *paths, "--epochs", "0,2", "-o", "all.webp")
    with Image.open("all.webp") as picture:
        assert picture.width > 800


def test_an_animation_made_again_is_the_training_s_own(folders):
    for name in ("digits", "autoencode", "unjpeg"):
        succeed("animate", folders / name, "-o", "again.gif")
        assert Path("again.gif").read_bytes() == (folders / name / "animation.gif").read_bytes()


def test_what_only_some_runs_can_show(folders):
    assert "has no target" in fail("animate", folders / "digits", "-o", "a.gif", "--with-target")
    assert "PSNR" in fail("animate", folders / "unjpeg", "-o", "a.gif", "--pace", "visible")
    succeed("animate", folders / "autoencode", "-o", "a.gif", "--pace", "visible")
    assert "needs" in fail("animate", folders / "digits", "-o", folders / "digits" / "final.png")


def test_frames_alone_are_animated(folders):
    shutil.copytree(folders / "digits" / "frames", "kept/frames")
    for path in ("kept", "kept/frames"):
        succeed("animate", path, "-o", "a.png")
        with Image.open("a.png") as film:
            assert film.n_frames >= 2
        assert "frames alone" in fail("animate", path, "-o", "b.gif", "--with-target")
    frame = "kept/frames/epoch-000000.png"
    assert "one of the frames" in fail("animate", "kept/frames", "-o", frame)
    succeed("animate", folders / "digits" / "frames", "-o", "b.gif")
    assert Path("b.gif").read_bytes() == (folders / "digits" / "animation.gif").read_bytes()


def test_a_sweep_is_animated_side_by_side(folders):
    shutil.copytree(folders / "sweep", "sweep")
    made = Path("sweep/comparison.gif").read_bytes()
    Path("sweep/comparison.gif").unlink()
    assert succeed("animate", "sweep").stdout == "sweep/comparison.gif\n"
    assert Path("sweep/comparison.gif").read_bytes() == made
    succeed("animate", "sweep", "-o", "film.webp", "--fps", 5)
    assert "--pace is for one run" in fail("animate", "sweep", "-o", "x.gif", "--pace", "even")
    (trial, _) = Path("sweep/trials").iterdir()
    assert "needs" in fail("animate", "sweep", "-o", trial / "frames" / "epoch-000000.png")
    succeed("animate", trial, "-o", "trial.gif")


def test_info_knows_a_sweep(folders):
    facts = json.loads(succeed("info", folders / "sweep", "--json").stdout)
    assert facts["trials"] == facts["done"] == 2
    assert facts["pictures"] == [str(folders / "pic.png")]
    assert facts["best"] in ("8", "2x8", "1x8")
    succeed("render", facts["best_run"], "-q")
    assert "best psnr" in succeed("info", folders / "sweep").stdout
    assert "2x8" in succeed("info", facts["best_run"]).stdout or "8" in facts["best"]


def test_a_sweep_counts_units_that_never_answer(folders):
    path = folders / "sweep"
    tables = []
    for name in ("results.csv", "means.csv"):
        with (path / name).open(newline="") as file:
            tables.append(list(csv.DictReader(file)))
    page = (path / "report.html").read_text()
    for row, means, hidden in zip(*tables, (8, 16), strict=True):
        layers = json.loads(succeed("info", path / row["run"], "--json").stdout)["never_answer"]
        assert int(row["never_answer"]) == sum(each["never_answer"] for each in layers)
        assert float(means["never_answer_mean"]) == int(row["never_answer"])
        assert f">{row['never_answer']} of {hidden}</td>" in page


@pytest.mark.parametrize("name", USES)
def test_info_knows_a_model_that_lies_alone(folders, name):
    Path("copy").mkdir()
    shutil.copy(folders / name / "model.npz", "copy")
    alone = succeed("info", "copy").stdout
    assert "parameters" in alone or "latent" in alone


def test_a_folder_that_fit_image_has_not_made():
    Path("other").mkdir()
    for command in ("info", "animate", "render", "report"):
        assert "other" in fail(command, "other")


@pytest.mark.parametrize(
    "command", [("render",), ("digits", "grid"), ("autoencode", "grid"), ("info",)]
)
def test_a_foreign_folder_is_told_as_such(tmp_path, command):
    (tmp_path / "notes.txt").touch()
    assert f"{tmp_path} is not the folder of a " in fail(*command, tmp_path)


@pytest.mark.parametrize("name", ["digits", "autoencode", "unjpeg"])
def test_a_training_takes_the_options_of_an_earlier_one(folders, name):
    kind, data = KINDS[name], next((folders / f"data of {name}").glob("*"))
    data = data if name == "autoencode" else data.parent
    kind.shell.succeed(data, "--like", folders / name, "-o", "again", "-q")
    for file in ("model.npz", "animation.gif"):
        assert Path("again", file).read_bytes() == (folders / name / file).read_bytes()
    one, two = (
        json.loads((each / kind.document).read_text()) for each in (folders / name, Path("again"))
    )
    assert one["stages"] == two["stages"]
    kind.shell.succeed(
        data, "--like", folders / name, "-o", "more", "--epochs", 1, "--seed", 3, "-q"
    )
    facts = json.loads(succeed("info", "more", "--json").stdout)
    assert (facts["epochs"], facts["seed"]) == (1, 3)
    assert "not to a " in kind.shell.fail(data, "--like", folders / "fit", "-o", "x")
    assert "--like" in kind.shell.fail(data, "--like", folders / name, "--resume")


def test_data_sets_of_other_programs_are_learned(rng):
    x, y = rng.integers(0, 256, (40, 14, 14), dtype=np.uint8), np.arange(40) % 2
    np.savez("keras.npz", x_train=x[:30], y_train=y[:30], x_test=x[30:], y_test=y[30:])
    for name in ("digits", "autoencode"):
        kind = KINDS[name]
        kind.shell.succeed("keras.npz", *kind.options, "--epochs", 1, "-o", name, "-q")
        assert json.loads(succeed("info", name, "--json").stdout)["width"] == 14
    auto = KINDS["autoencode"]
    test = ("--test", "keras.npz", "--epochs", 1, "-o", "other", "-q")
    auto.shell.succeed("keras.npz", *auto.options, *test)
    facts = json.loads(succeed("info", "other", "--json").stdout)
    assert (facts["pictures"], facts["held_out"]) == (30, 10)
    Shell("autoencode").succeed("grid", "other")
    np.savez("b.npz", first=x, second=y)
    line = KINDS["digits"].shell.fail("b.npz", "-o", "x")
    assert "but 'first', 'second'; save the pictures as 'images'" in line


@pytest.mark.parametrize("name", [*USES, "sweep"])
def test_results_are_not_taken_for_pictures(folders, name):
    for command in ("digits", "autoencode", "unjpeg"):
        line = Shell(command, "train").fail(folders / name, "-o", "x")
        assert "give pictures" in line
    assert "give a picture" in fail(folders / name)
    assert shell.run("unjpeg", "score", folders / name).exit_code == 2
    assert shell.run("unjpeg", "apply", folders / name).exit_code == 2
