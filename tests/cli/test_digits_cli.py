"""``fit-image digits``: its commands, its folder, interruptions, and what it refuses."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.digits.directory import DigitsDirectory
from fit_image.apps.digits.model import SHIPPED, DigitModel
from fit_image.apps.digits.trainer import DigitTrainer
from fit_image.storage.npz import read_archive
from kinds import DIGITS as SMALL
from kinds import labelled_bars
from shell import Shell, wait_until

shell = Shell("digits")
succeed, fail = shell.succeed, shell.fail


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    return labelled_bars(tmp_path_factory.mktemp("bars"))


@pytest.fixture(scope="module")
def run(bars, tmp_path_factory):
    """A finished training of two epochs."""
    folder = tmp_path_factory.mktemp("run") / "bars"
    succeed("train", bars, "-o", folder, "--epochs", 2, *SMALL, "-q")
    return folder


def exists(path):
    return Path(path).exists()


def contents(folder):
    return {
        name: array
        for name, array in read_archive(folder / "checkpoint.npz", "digits_checkpoint", 2).items()
        if name != "seconds"
    }


def equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_training_leaves_all_its_files(run, bars):
    assert {path.name for path in run.iterdir()} == {
        ".lock",
        "animation.gif",
        "checkpoint.npz",
        "digits.json",
        "final.png",
        "frames",
        "good.npz",
        "metrics.csv",
        "model.npz",
    }
    assert [path.name for path in sorted((run / "frames").iterdir())] == [
        f"epoch-00000{epoch}.png" for epoch in range(3)
    ]
    head, *rows = (run / "metrics.csv").read_text().splitlines()
    assert head.startswith("epoch,generator_loss,divergence,")
    assert head.endswith("steps,seconds")
    assert [row.split(",")[0] for row in rows] == ["1", "2"]
    folder = DigitsDirectory.open(run)
    assert folder.result.status == "done"
    assert folder.result.epochs == 2
    assert folder.manifest.source.path == str(bars)
    assert folder.manifest.source.pictures == 60
    assert folder.manifest.config.blocks == 1
    with Image.open(run / "final.png") as sheet:
        assert sheet.size == (10 * 52, 2 * 52)
    assert DigitModel.load(run).class_names == ("0", "1")


def test_json(bars):
    result = succeed("train", bars, "-o", "run", "--epochs", 1, *SMALL, "--json", "-q")
    summary = json.loads(result.stdout)
    assert summary["epochs"] == 1
    assert summary["output"] == "run"
    assert 0 <= summary["real_accuracy"] <= 1
    assert summary["steps"] >= 2


def test_what_a_training_cannot_go_on_with(run, bars, tmp_path):
    assert "already holds a run" in fail("train", bars, "-o", run)
    assert "--units (was 4, now 5) differs" in fail(
        "train", bars, "-o", run, "--resume", "--units", 5
    )
    assert "the pictures" in fail("train", bars, "-o", run, "--resume", "--limit", 40)
    assert "it is at 2 already" in fail("train", bars, "-o", run, "--resume", "--epochs", 1)
    assert "exclude" in fail("train", bars, "--resume", "--overwrite")


def test_a_collapse_after_a_resume_returns_to_the_last_good_epoch(bars, monkeypatch):
    arguments = ("train", bars, "-o", "run", *SMALL, "-q")
    succeed(*arguments, "--epochs", 2)
    good = contents(Path("run"))
    process = shell.start(*arguments[:-1], "--epochs", 200, "--resume", "--threads", 1)
    wait_until(lambda: exists("run/frames/epoch-000003.png"))
    process.send_signal(signal.SIGINT)
    process.communicate()
    at = DigitsDirectory.open("run").result.epochs
    good = read_archive(Path("run/good.npz"), "digits_checkpoint", 2)
    with monkeypatch.context() as patch:
        patch.setattr(
            "fit_image.apps.digits.trainer.DigitTrainer.drawn_classes", lambda self, model: {0}
        )
        patch.setitem(DigitTrainer.__init__.__kwdefaults__, "settling_rounds", 1)
        result = shell.run(*arguments, "--epochs", at + 2, "--resume")
    assert result.exit_code == 1
    assert f"collapsed in epoch {at + 1}" in result.stderr
    kept = read_archive(Path("run/checkpoint.npz"), "digits_checkpoint", 2)
    equal(kept, good)


def test_the_way_to_go_on_knows_limit_and_channels(bars):
    arguments = ("train", bars, "-o", "run", *SMALL, "--limit", 40)
    succeed(*arguments, "--epochs", 1, "-q")
    succeed("train", bars, "-o", "run", "--resume", "--epochs", 2, "-q")
    assert DigitsDirectory.open("run").manifest.source.limit == 40


def test_a_run_without_its_checkpoint(bars):
    succeed("train", bars, "-o", "run", *SMALL, "--epochs", 1, "-q")
    Path("run/checkpoint.npz").unlink()
    assert "checkpoint.npz is missing" in fail("train", bars, "-o", "run", "--resume")


def test_rules_may_change_when_a_training_goes_on(bars):
    succeed("train", bars, "-o", "run", *SMALL, "--epochs", 1, "-q")
    succeed("train", bars, "-o", "run", "--resume", "--epochs", 2, "--lr", 0.01, "-q")
    succeed("train", bars, "-o", "run", "--resume", "--epochs", 3, "-q")
    folder = DigitsDirectory.open("run")
    assert [(stage.epoch, stage.config.learning_rate) for stage in folder.manifest.periods] == [
        (0, 0.001),
        (1, 0.01),
    ]
    succeed("train", bars, "-o", "same", *SMALL, "--epochs", 3, "-q")
    assert (
        contents(Path("run"))["encoder_parameters"] != contents(Path("same"))["encoder_parameters"]
    ).any()


def test_results_do_not_go_among_the_data(bars):
    for name in (bars, bars / "new"):
        assert "in the folder of the data" in fail("train", bars, "-o", name)


def test_overwrite_begins_anew(bars):
    succeed("train", bars, "-o", "run", "--epochs", 2, *SMALL, "-q")
    succeed("train", bars, "-o", "run", "--epochs", 1, *SMALL, "-q", "--overwrite")
    assert len(DigitsDirectory.open("run").metrics.read()) == 1
    assert not exists("run/frames/epoch-000002.png")


def test_two_at_once_are_refused(bars):
    process = shell.start("train", bars, "-o", "run", *SMALL, "--epochs", 200)
    wait_until(lambda: exists("run/frames/epoch-000001.png"))
    result = shell.run("train", bars, "-o", "run", "--resume", "--epochs", 300)
    process.kill()
    process.communicate()
    assert result.exit_code == 2
    assert "another fit-image is writing" in result.stderr


def test_a_full_disk_is_one_line(bars):
    line = shell.fail_on_full_disk("train", bars, "-o", "run", *SMALL, "--epochs", 1, "-q")
    assert " run/" in line


def test_a_collapse_is_reported_and_the_last_good_state_kept(bars, monkeypatch):
    looks = iter([{0, 1}, {0, 1}, {0}])
    with monkeypatch.context() as patch:
        patch.setattr(
            "fit_image.apps.digits.trainer.DigitTrainer.drawn_classes",
            lambda self, model: next(looks),
        )
        result = shell.run("train", bars, "-o", "run", *SMALL, "--epochs", 9)
    assert result.exit_code == 1
    assert "collapsed in epoch 3" in result.stderr
    assert "keeps the last good epoch, 2" in result.stderr
    folder = DigitsDirectory.open("run")
    assert folder.result.status == "diverged"
    assert folder.result.epochs == 2
    succeed("train", bars, "-o", "whole", *SMALL, "--epochs", 2, "-q")
    kept, whole = contents(Path("run")), contents(Path("whole"))
    equal(kept, {**whole, "was_diverse": kept["was_diverse"]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images, labels: (images[:-9], labels), "too short"),
        (lambda images, labels: (b"\0\0\x0d" + images[3:], labels), "type 0x0d"),
        (lambda images, labels: (images, labels[:7] + b"\x3b" + labels[8:-1]), "60"),
    ],
)
def test_bad_data_is_one_line(change, message, bars):
    Path("bad").mkdir()
    files = [f"train-{name}-ubyte" for name in ("images-idx3", "labels-idx1")]
    contents = [gzip.decompress((bars / f"{name}.gz").read_bytes()) for name in files]
    for name, data in zip(files, change(*contents), strict=True):
        Path("bad", name).write_bytes(data)
    assert message in fail("train", "bad", *SMALL)


def test_a_folder_a_class(bars):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        Path("set", name).mkdir(parents=True)
        for index in range(20):
            picture = rng.integers(0, 255, (12, 15, 3)).astype(np.uint8)
            Image.fromarray(picture).save(f"set/{name}/{index}.png")
    Path("set/cat/broken.png").write_text("no picture")
    result = succeed(
        "train", "set", "-o", "run", "--epochs", 1, "--channels", "rgb", *SMALL, "--crop", 4
    )
    assert "set: left out, as no whole pictures: cat/broken.png" in result.stderr
    model = DigitModel.load(DigitsDirectory.open("run").path)
    assert (model.class_names, model.channels, model.width) == (("cat", "dog"), 3, 8)
    succeed("draw", "run", "--label", "dog", "--size", "20x10", "-q")
    with Image.open("dog.png") as picture:
        assert picture.size == (20, 10)
        assert picture.mode == "RGB"


def test_too_few_pictures_for_the_batch(bars):
    line = fail("train", bars, *SMALL, "--batch-size", 61)
    assert "too few for batches of 61" in line
    assert "--batch-size" in line
    assert "too few" in fail("train", bars, *SMALL, "--limit", 10)


def test_draw_grid_and_morph(run):
    succeed("draw", run, "--label", 1, "--size", "40x30", "-q")
    succeed("grid", run, "--size", "61x40", "--columns", 3, "-o", "sheet.png")
    succeed("morph", run, "--labels", "0, 1", "--size", "20x20", "--steps", 3, "-o", "m.gif", "-q")
    with Image.open("1.png") as drawn, Image.open("sheet.png") as sheet:
        assert drawn.size == (40, 30)
        assert drawn.mode == "L"
        assert sheet.size == (60, 40)
    with Image.open("m.gif") as animation:
        assert animation.size == (20, 20)
    before = np.asarray(Image.open("1.png"))
    succeed("draw", run, "--label", 1, "--size", "40x30", "-q", "--paper", "black")
    inverted = np.asarray(Image.open("1.png"))
    assert np.abs(before.astype(int) + inverted - 255).max() <= 1
    succeed("draw", run, "--label", 1, "--size", "40x30", "-q", "--seed", 1)
    assert (np.asarray(Image.open("1.png")) != before).any()


def test_encode(run, bars):
    picture = np.zeros((28, 28), np.uint8)
    picture[12:16, 4:24] = 255
    Image.fromarray(picture).save("bar.png")
    Image.fromarray(255 - picture).save("on_white.png")
    found = []
    for name in ("bar", "on_white"):
        result = succeed("encode", run, f"{name}.png", "--size", "30x30", "--json")
        found.append(json.loads(result.stdout))
        with Image.open(f"{name}-drawn.png") as drawn:
            assert drawn.size == (30, 30)
    assert len(found[0]["latents"]) == len(found[0]["deviations"]) == 4
    assert found[0]["nearest"] in "01"
    np.testing.assert_allclose(found[0]["latents"], found[1]["latents"], atol=0.01)


def test_what_drawing_refuses(run):
    assert "unknown class '7': known are 0, 1" in fail("draw", run, "--label", 7)
    assert "must end in" in fail("draw", run, "--label", 1, "-o", "x.txt")
    assert "no folder" in fail("grid", run, "-o", "nowhere/x.png")
    assert "too few for 10x2" in fail("grid", run, "--size", "9x9")
    assert "unknown class" in fail("morph", run, "--labels", "0,,1")
    assert "nor model.npz" in fail("grid", ".")
    assert f"is a part of {run}" in fail("draw", run / "digits.json", "--label", 1)
    assert "neither digits.json nor" in fail("encode", ".", "x.png")
    assert "cannot read" in fail("encode", run, "x.png")
    assert "No such command" in fail("tran")


def test_what_a_training_needs_is_not_drawn_over(run):
    shutil.copytree(run, "run")
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    Image.new("L", (12, 12)).save("one.png")
    for output in ("run/final.png", "run/frames/epoch-000001.png", "run/../run/frames/new.png"):
        for command in (
            ("draw", "run", "--label", "0"),
            ("draw", "run/model.npz", "--label", "0"),
            ("grid", "run"),
            ("encode", "run", "one.png"),
        ):
            assert "that the run needs" in fail(*command, "-o", output)
    assert "that the run needs" in fail(
        "morph", "run", "--labels", "0,1", "-o", "run/animation.gif"
    )
    assert {path: path.read_bytes() for path in before} == before
    succeed("draw", "run", "--label", "0", "--size", "9x9", "-o", "run/zero.png")


def test_info(run, bars):
    facts = json.loads(Shell("info").succeed(run, "--json").stdout)
    assert facts["data"] == str(bars)
    assert (facts["status"], facts["epochs"], facts["epochs_done"]) == ("done", 2, 2)
    assert (facts["pictures"], facts["blocks"], facts["frames"]) == (60, 1, 3)
    assert 0 <= facts["generator_accuracy"] <= 1
    facts = json.loads(Shell("info").succeed(run / "model.npz", "--json").stdout)
    assert facts["classes"] == "0, 1"
    assert facts["width"] == 12


def test_the_commands_are_listed():
    assert "morph" in succeed().output


@pytest.mark.skipif(not SHIPPED.is_file(), reason="no model is shipped")
def test_the_shipped_model_draws_at_once():
    succeed("draw", "--label", 7, "--size", "300x300", "-o", "seven.png", "-q")
    seven = np.asarray(Image.open("seven.png"))
    assert seven.shape == (300, 300)
    assert np.median(seven) > 250
    assert seven.min() < 60
    assert DigitModel.load().class_names == tuple("0123456789")
    assert DigitModel.load().means.shape[1] > 1
    assert DigitModel.shipped("article").number_count < 6000


# Mean distances of two of the first 100 test digits of each class of MNIST, at 28x28 pixels.
REAL_DISTANCES = (9.6, 5.7, 9.6, 9.0, 8.9, 9.5, 9.3, 8.4, 9.4, 8.3)


def test_the_shipped_models_digits_vary_as_real_ones_do():
    model, rng, ratios = DigitModel.load(), np.random.default_rng(0), []
    for label, real in enumerate(REAL_DISTANCES):
        latents = model.sample([label] * 12, rng, 0.7)
        drawn = np.stack([model.draw(z, 28, 28, threads=1).ravel() for z in latents])
        apart = np.linalg.norm(drawn[:, np.newaxis] - drawn, axis=2)
        ratios.append(apart[np.triu_indices(12, 1)].mean() / real)
    assert np.mean(ratios) > 0.82  # 0.70 of the article's model


def test_the_model_of_the_article_is_an_option(run):
    pictures = []
    for name, options in (("varied", []), ("article", ["--model", "article"])):
        succeed("draw", "--label", 3, "--size", "40x40", "-o", f"{name}.png", "-q", *options)
        pictures.append(np.asarray(Image.open(f"{name}.png")))
    assert (pictures[0] != pictures[1]).any()
    refused = fail("draw", run, "--label", 0, "--model", "article")
    assert f"RUN ({run}) and --model exclude each other" in refused
