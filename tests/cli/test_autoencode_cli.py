"""``fit-image autoencode``: its commands, its folder, interruptions, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fit_image.apps.autoencode import trainer
from fit_image.apps.autoencode.config import preset_config
from fit_image.apps.autoencode.directory import AutoencoderDirectory
from fit_image.apps.autoencode.model import AutoencoderModel
from fit_image.cli import cli
from fit_image.storage.npz import read_archive
from kinds import AUTOENCODE as SMALL
from kinds import bars as make_bars
from shell import Shell

shell = Shell("autoencode")
succeed, fail = shell.succeed, shell.fail


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    return make_bars(tmp_path_factory.mktemp("bars"))


@pytest.fixture(scope="module")
def run(bars, tmp_path_factory):
    """A finished training of two epochs."""
    folder = tmp_path_factory.mktemp("run") / "bars"
    succeed("train", bars, "-o", folder, "--epochs", 2, *SMALL, "-q")
    return folder


def exists(path):
    return Path(path).exists()


def contents(folder):
    arrays = read_archive(Path(folder) / "checkpoint.npz", "autoencoder_checkpoint", 2)
    return {name: array for name, array in arrays.items() if not name.endswith("seconds")}


def equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_training_leaves_all_its_files(run, bars):
    assert {path.name for path in run.iterdir()} == {
        ".lock",
        "animation.gif",
        "autoencoder.json",
        "checkpoint.npz",
        "final.png",
        "frames",
        "metrics.csv",
        "model.npz",
    }
    assert [path.name for path in sorted((run / "frames").iterdir())] == [
        f"epoch-00000{epoch}.png" for epoch in range(3)
    ]
    head, *rows = (run / "metrics.csv").read_text().splitlines()
    assert head == "epoch,loss,test_loss,psnr,seconds"
    assert [row.split(",")[0] for row in rows] == ["1", "2"]
    folder = AutoencoderDirectory.open(run)
    assert folder.result.status == "done"
    assert folder.manifest.source.path == str(bars)
    assert (folder.manifest.source.pictures, folder.manifest.source.held_out) == (54, 6)
    row = folder.metrics.read()[-1]
    assert row.psnr == pytest.approx(-10 * np.log10(row.test_loss), abs=1e-3)
    with Image.open(run / "final.png") as sheet:
        assert sheet.size == (6 * (14 * 5 + 2) - 2, 2 * (12 * 5 + 2) - 2)


def test_json_and_messages(bars):
    result = succeed("train", bars, "-o", "run", "--epochs", 1, *SMALL, "--json")
    summary = json.loads(result.stdout)
    assert (summary["epochs"], summary["output"]) == (1, "run")
    assert 0 < summary["test_loss"] < 1
    assert "54 pictures of 14x12 in grey, 6 held out; a code of 4 numbers" in result.stderr


OPTIONS = [
    ("--hidden", "9,6", "--activation", "tanh", "--code-activation", "sigmoid"),
    ("--hidden", "9", "--tied", "--weight-decay", 0.1, "--mirror", "--shift", 1),
    ("--channels", "rgb", "--size", "9x8", "--raw", "--seed", 3, "--lr", 0.01),
    ("--conv", "--filters", 2),
    ("--conv", "--filters", "3,2", "--scaling", "stride", "--average", 0.5),
    ("--preset", "strong", "--filters", 3, "--lr-schedule", "constant"),
]


@pytest.mark.parametrize("options", OPTIONS)
def test_every_option(options, bars):
    small = SMALL if "--conv" not in options else ("--batch-size", 20)
    succeed("train", bars, "-o", "run", "--epochs", 1, *small, *options, "-q", "--threads", 1)
    succeed("train", bars, "-o", "run", "--epochs", 2, "--resume", "-q", "--threads", 2)
    succeed("train", bars, "-o", "whole", "--epochs", 2, *small, *options, "-q")
    equal(contents("run"), contents("whole"))
    for name in ("frames/epoch-000002.png", "final.png"):
        assert Path("run", name).read_bytes() == Path("whole", name).read_bytes()
    succeed("grid", "run")
    succeed("features", "run", bars, "-q")
    with np.load("features.npz") as features:
        size = AutoencoderModel.load(Path("run")).autoencoder.code_size
        assert features["codes"].shape == (60, size)


def test_what_a_training_cannot_go_on_with(run, bars):
    again = ("train", bars, "-o", run, "--resume")
    assert "already holds a run" in fail("train", bars, "-o", run)
    assert "--bottleneck (was 4, now 5) differs" in fail(*again, "--bottleneck", 5)
    assert "the pictures" in fail(*again, "--size", "6x6")
    np.savez("others.npz", images=np.full((3, 12, 14), 7, np.uint8))
    assert "the pictures" in fail(*again, "--test", "others.npz")
    assert "it is at 2 already" in fail(*again, "--epochs", 1, "-q")
    assert "exclude" in fail("train", bars, "--resume", "--overwrite")


def test_a_preset_gives_what_is_not_given(bars):
    strong = ("train", bars, "-o", "run", "--preset", "strong", "--filters", "3,2")
    result = succeed(*strong, "--bottleneck", 5, "--epochs", 1, "--no-mirror")
    assert "a code of 5 numbers for the 168 of a picture" in result.stderr
    config = AutoencoderDirectory.open("run").manifest.config
    assert config == preset_config("strong", bottleneck=5, filters=(3, 2), mirror=False)
    assert json.loads(Shell("info").succeed("run/model.npz", "--json").stdout)["kind"] == "residual"
    again = (*strong, "--resume", "--epochs", 2, "-q")
    assert "--bottleneck (was 5, now 6) differs" in fail(*again, "--bottleneck", 6)
    line = fail("train", bars, "-o", "new", "--preset", "strong", "--hidden", 5)
    assert line.endswith("--hidden is for fully connected networks: omit it or --preset strong")
    line = fail("train", bars, "-o", "new", "--preset", "strong", "--conv", "--hidden", 5)
    assert line.endswith("omit it or --conv")
    line = fail("train", bars, "-o", "run", "--resume", "--preset", "article", "-q")
    assert "--residual (was True, now False)" in line
    succeed(*again)
    assert AutoencoderDirectory.open("run").manifest.config.mirror
    both = shell.run("train", bars, "-o", "new", "--preset", "strong", "--like", "run")
    assert "--preset and --like exclude" in both.stderr
    line = fail("train", bars, "-o", "new", "--preset", "strong", "--bottleneck", 61)
    assert "--bottleneck must be at most 54 here, not 61: 54 pictures" in line
    assert not exists("new")


def test_principal_components_are_found_once(bars, monkeypatch):
    train = ("train", bars, "-o", "run", "--preset", "strong", "--bottleneck", 3, "--filters", 2)
    succeed(*train, "--epochs", 1, "-q")
    found = []
    start = trainer.start_as_components
    monkeypatch.setattr(
        trainer, "start_as_components", lambda *a, **b: (found.append(1), start(*a, **b))
    )
    succeed(*train, "--epochs", 2, "--resume", "-q")
    assert not found
    Path("run/checkpoint.npz").unlink()
    assert "checkpoint.npz is missing" in fail(*train, "--epochs", 3, "--resume", "-q")
    Path("run/metrics.csv").unlink()
    succeed(*train, "--epochs", 1, "--resume", "-q")
    assert len(found) == 2


def test_a_full_disk_is_one_line_and_nothing_is_lost(bars):
    shell.fail_on_full_disk("train", bars, "-o", "new", *SMALL, "--epochs", 1, "-q")
    for name in ("run", "other"):
        succeed("train", bars, "-o", name, "--epochs", 1, *SMALL, "-q")
    line = shell.fail_on_full_disk("train", bars, "-o", "run", "--resume", "--epochs", 40, "-q")
    assert " run/" in line
    for name in ("run", "other"):
        succeed("train", bars, "-o", name, "--resume", "--epochs", 3, "-q")
    equal(contents("run"), contents("other"))


def test_the_rate_may_change(bars):
    succeed("train", bars, "-o", "run", *SMALL, "--epochs", 1, "-q")
    succeed("train", bars, "-o", "run", "--resume", "--epochs", 2, "--lr", 0.1, "-q")
    stages = AutoencoderDirectory.open("run").manifest.periods
    assert [stage.config.learning_rate for stage in stages] == [None, 0.1]


def test_pictures_of_their_own_are_held_out(bars):
    with np.load(bars) as arrays:
        seen = arrays["images"][:7]
    np.savez("test.npz", images=seen)
    assert "all pictures are also in" in fail("train", bars, "--test", "test.npz", *SMALL)
    seen[1:] //= 2
    np.savez("test.npz", images=seen)
    result = succeed("train", bars, "-o", "noted", *SMALL, "--epochs", 1, "--test", "test.npz")
    assert "1 of the 7 pictures of --test are also training pictures" in result.stderr
    seen[0] //= 2
    np.savez("test.npz", images=seen)
    succeed("train", bars, "-o", "run", *SMALL, "--epochs", 1, "--test", "test.npz", "-q")
    source = AutoencoderDirectory.open("run").manifest.source
    assert (source.pictures, source.held_out) == (60, 7)
    succeed("train", bars, "-o", "run", "--resume", "--epochs", 2, "-q")
    assert AutoencoderDirectory.open("run").manifest.source == source
    succeed("grid", "run", "--columns", 99)
    with Image.open("grid.png") as sheet:
        assert sheet.size[0] == 7 * 72 - 2
    np.savez("test.npz", images=np.zeros((7, 12, 14), np.uint8))
    assert "have changed since" in fail("grid", "run")
    np.savez("test.npz", images=np.zeros((7, 12, 15), np.uint8))
    new = ("train", bars, "-o", "new", *SMALL, "--test", "test.npz")
    assert "of 15x12 in grey, but" in fail(*new)
    np.savez("test.npz", images=np.array([[[[9, 0, 0]] * 14] * 12], np.uint8))
    assert "rgb, but" in fail(*new)


def test_divergence_is_reported_and_the_last_good_epoch_kept(bars):
    deep = ("--hidden", "8,8,8,8,8,8", "--activation", "identity", "--lr", 1e6)
    line = fail_later("train", bars, "-o", "run", *SMALL, *deep, "-q")
    assert "not finite in epoch" in line
    assert "try a smaller --lr" in line
    folder = AutoencoderDirectory.open("run")
    assert folder.result.status == "diverged"
    assert all(np.isfinite(array).all() for array in contents("run").values())


def fail_later(*args):
    """Run what fails with an error of its own after it began."""
    result = shell.run(*args)
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    return line


def test_apply(run):
    Image.new("RGB", (50, 40), "white").save("white.png")
    Image.new("L", (14, 12)).save("black.png")
    result = succeed("apply", run, "white.png", "black.png", "-o", "out")
    assert "white.png: scaled and cropped from 50x40 to 14x12" in result.stderr
    assert "black.png:" not in result.stderr
    assert result.stdout.splitlines() == ["out/white-redrawn.png", "out/black-redrawn.png"]
    succeed("apply", run / "model.npz", "black.png", "-o", "other.webp", "-q")
    with Image.open("other.webp") as one, Image.open("out/black-redrawn.png") as other:
        assert one.size == other.size == (14, 12)
        assert other.mode == "L"


def test_damaged_pictures_among_several_are_left_out_and_counted(run):
    for name in ("a", "b"):
        Path(name).mkdir()
        Image.new("L", (14, 12), 9).save(f"{name}/{name}.png")
    Path("a/broken.png").write_text("no picture")
    result = shell.run("apply", run, "a", "b", "-o", "out")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["out/a-redrawn.png", "out/b-redrawn.png"]
    lines = result.stderr.splitlines()
    assert sum(line.startswith("left out: cannot read a/broken.png: ") for line in lines) == 1
    assert lines[-1] == "fit-image: 1 of 3 pictures left out"
    succeed("apply", run, "b/b.png", "-o", "one.png", "-q")
    assert Path("one.png").read_bytes() == Path("out/b-redrawn.png").read_bytes()
    picture = Path("b/b.png").read_bytes()
    args = ["autoencode", "apply", str(run), "-", "-o", "-"]
    assert CliRunner().invoke(cli, args, input=picture).stdout_bytes == Path("one.png").read_bytes()


def test_what_apply_refuses(run, bars):
    Image.new("L", (14, 12)).save("a.png")
    Path("b.png").write_text("no picture")
    Path("sub").mkdir()
    Image.new("L", (14, 12)).save("sub/a.png")
    assert "cannot read b.png" in fail("apply", run, "b.png", "-o", "out")
    assert "cannot read none.png: no such file" in fail("apply", run, "a.png", "none.png")
    assert "2 pictures do not fit" in fail("apply", run, "a.png", "b.png", "-o", "out.png")
    assert "two pictures would be" in fail("apply", run, "a.png", "sub/a.png")
    assert "is an input of this command" in fail("apply", run, "a.png", "-o", "a.png")
    assert "must end in" in fail("apply", run, "a.png", "-o", "a.txt")
    assert "no folder" in fail("apply", run, "a.png", "-o", "none/a.png")
    assert "nor model.npz" in fail("apply", "sub", "a.png")
    assert "not a fit-image autoencoder file" in fail("apply", bars, "a.png")
    assert "does not exist" in fail("apply", "none.npz", "a.png")


def test_features(run, bars):
    succeed("features", run / "model.npz", bars, "-o", "codes.npz", "-q")
    with np.load("codes.npz") as features, np.load(bars) as arrays:
        assert features["codes"].dtype == np.float32
        np.testing.assert_array_equal(features["labels"], arrays["labels"])
        codes = AutoencoderModel.load(run).encode(arrays["images"][..., None], threads=1)
        np.testing.assert_array_equal(features["codes"], codes)
    assert "suffix must be .npz" in fail("features", run, bars, "-o", "codes.csv")
    assert "no array 'images'" in fail("features", run, "codes.npz", "-o", "new.npz")


def test_features_do_not_take_the_place_of_what_they_are_made_from(run, bars):
    shutil.copytree(run, "run")
    shutil.copy(bars, "bars.npz")
    Path("link.npz").symlink_to("bars.npz")
    before = {path: path.read_bytes() for path in Path().rglob("*.npz")}
    for output in ("bars.npz", "link.npz"):
        assert "is an input of this command" in fail("features", "run", "bars.npz", "-o", output)
    for network in ("run", "run/model.npz"):
        for output in ("run/model.npz", "run/../run/checkpoint.npz"):
            line = fail("features", network, "bars.npz", "-o", output)
            assert "give another name" in line
    Image.new("L", (14, 12)).save("one.png")
    for output in ("run/final.png", "run/frames/new.png"):
        assert "a file that the run needs" in fail("grid", "run", "-o", output)
        assert "a file that the run needs" in fail("apply", "run", "one.png", "-o", output)
    assert {path: path.read_bytes() for path in Path().rglob("*.npz")} == before
    succeed("features", "run", "bars.npz", "-o", "run/codes.npz", "-q")
    succeed("features", "run", "bars.npz", "-o", "run/codes.npz", "-q")


def test_turning_pictures_can_be_given_up(bars):
    succeed("train", bars, "-o", "run", *SMALL, "--mirror", "--epochs", 1, "-q")
    succeed("train", bars, "-o", "run", "--resume", "--epochs", 2, "-q")
    assert AutoencoderDirectory.open("run").manifest.config.mirror
    succeed("train", bars, "-o", "run", "--resume", "--no-mirror", "--epochs", 3, "-q")
    assert not AutoencoderDirectory.open("run").manifest.config.mirror


def test_grid(run):
    succeed("grid", run, "--columns", 3, "-o", "a.png")
    with Image.open("a.png") as sheet:
        assert sheet.size == (3 * 72 - 2, 2 * 62 - 2)
        few = np.asarray(sheet)
    with Image.open(run / "final.png") as final:
        np.testing.assert_array_equal(np.asarray(final)[:, : few.shape[1]], few)
    succeed("grid", run, "--columns", 3, "--seed", 9, "-o", "b.png")
    assert Path("a.png").read_bytes() != Path("b.png").read_bytes()
    assert "must end in" in fail("grid", run, "-o", "a.txt")
    assert "neither autoencoder.json nor" in fail("grid", ".")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--conv", "--tied"), "--tied"),
        (("--conv", "--hidden", 4), "--hidden"),
        (("--filters", 4), "--filters"),
        (("--conv", "--filters", "4,0"), "such as 8 or 32,64"),
        (("--conv", "--filters", "none"), "such as 8 or 32,64"),
        (("--conv", "--filters", "4,4,4,4"), "pools them 4 times: give 16x16 or larger"),
        (("--conv", "--scaling", "shuffle", "--size", "12x10"), "--size of multiples of 4"),
        (("--residual",), "--residual is for convolutional networks: add --conv or omit it"),
        (("--preset", "strong", "--hidden", 4), "--hidden"),
        (("--preset", "strong", "--raw"), "--raw is not for a linear network"),
        (("--preset", "strong", "--size", "13x12"), "--size of even numbers"),
        (("--preset", "weak"), "--preset"),
        (("--bottleneck", 0), "--bottleneck"),
        (("--hidden", "4,0"), "--hidden"),
        (("--hidden", "4,x"), "--hidden"),
        (("--conv", "--size", "3x9"), "4x4 or larger"),
        (("--size", "0x9"), "--size"),
        (("--lr", 0), "--lr"),
        (("--lr", "nan"), "--lr"),
        (("--activation", "sine"), "--activation"),
        (("--bottleneck", 1 << 20, "--hidden", 1 << 20), "GB of memory"),
    ],
)
def test_options_that_make_no_sense(options, message, bars):
    assert message in fail("train", bars, *options)


def test_bad_data_is_one_line(bars):
    Path("empty").mkdir()
    Path("bad.npz").write_bytes(bars.read_bytes()[:-50])
    np.savez("one.npz", images=np.zeros((1, 8, 8), np.uint8))
    assert "holds nothing" in fail("train", "empty")
    assert "damaged" in fail("train", "bad.npz")
    assert "too few" in fail("train", "one.npz")
    assert "cannot read" in fail("train", "none")
    assert "in the folder of the data" in fail("train", "empty", "-o", "empty/run")
    os.mkfifo("pipe.png")
    assert "not a regular file" in fail("train", "pipe.png")
    Image.new("RGB", (8, 8)).save("one.png")
    assert "give a folder or a zip file of pictures" in fail("train", "one.png")
    for hidden in ("2x30", "0", "9,,9", "-3", "9" * 5000):
        assert "such as 512,256" in shell.run("train", bars, "--hidden", hidden).stderr


def test_folders_beside_pictures_are_named(rng):
    Path("set/more").mkdir(parents=True)
    for index in range(4):
        picture = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        picture.save(f"set/{index}.png")
        picture.save(f"set/more/{index}.png")
    torn = Path("set/2.png").read_bytes()
    Path("set/2.png").write_bytes(torn[:-60])
    result = succeed("train", "set", "-o", "run", "--epochs", 1, *SMALL)
    assert "set: left out, as no whole pictures: 2.png\n" in result.stderr
    assert "set: left out, as folders beside pictures: more\n" in result.stderr


def test_a_folder_of_pictures(rng):
    Path("set").mkdir()
    for index in range(12):
        picture = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(picture).save(f"set/{index}.png")
    Path("set/notes.txt").write_text("no picture")
    result = succeed("train", "set", "-o", "run", "--epochs", 1, *SMALL, "--size", "8x8")
    assert "set: left out, as no whole pictures: notes.txt\n" in result.stderr
    assert "12 of 12 pictures are scaled and cropped to 8x8" in result.stderr
    assert "in rgb, 1 held out" in result.stderr
    succeed("features", "run", "set", "-q")
    with np.load("features.npz") as features:
        assert features.files == ["codes"]


def test_info(run, bars):
    facts = json.loads(Shell("info").succeed(run, "--json").stdout)
    assert facts["data"] == str(bars)
    assert (facts["status"], facts["epochs"], facts["epochs_done"]) == ("done", 2, 2)
    assert (facts["pictures"], facts["held_out"], facts["frames"]) == (54, 6, 3)
    assert facts["bottleneck"] == 4
    assert "psnr" in facts
    assert "tied               no\n" in Shell("info").succeed(run).stdout
    facts = json.loads(Shell("info").succeed(run / "model.npz", "--json").stdout)
    assert (facts["code"], facts["width"], facts["kind"]) == (4, 14, "fully connected")
    assert facts["compression"] == 42
    assert "hidden       none" in Shell("info").succeed(run / "model.npz").stdout


def test_info_of_convolutions(bars):
    succeed("train", bars, "-o", "run", "--conv", "--filters", "3,2", "--epochs", 1, "-q")
    assert "filters      3, 2\n" in Shell("info").succeed("run/model.npz").stdout


def test_other_models_are_refused(run):
    Image.new("L", (14, 12)).save("a.png")
    line = Shell("render").fail(run / "model.npz")
    assert "belongs to a training of an auto-encoder, not to a run" in line
    for path in (run, run / "model.npz"):
        assert "belongs to a training of an auto-encoder, not to a run" in Shell("report").fail(
            path
        )
    for command in ("sheet", "animate"):
        line = Shell(command).fail(run / "model.npz")
        assert "is the model of a training of an auto-encoder: give the folder of a run" in line
    line = Shell("digits").fail("grid", run / "model.npz")
    assert f"fit-image autoencode apply {run / 'model.npz'} PICTURES uses it" in line


def test_the_help_loads_no_numerics():
    code = (
        "import sys, fit_image.cli, click; from click.testing import CliRunner;"
        "found = CliRunner().invoke(fit_image.cli.cli, ['autoencode', 'train', '--help']);"
        "assert found.exit_code == 0 and '--bottleneck' in found.output, found.output;"
        "assert not {'numba', 'numpy', 'imageio'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
    assert "features" in succeed().output
