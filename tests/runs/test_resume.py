"""A run of any kind that was stopped anywhere ends with the bits of one that never was."""

from __future__ import annotations

import functools
import json
import signal
from pathlib import Path

import numpy as np
import pytest

from fit_image.apps.fit.trainer import FitTrainer
from fit_image.runs.recorder import RunRecorder
from fit_image.storage.npz import read_archive, write_archive
from kinds import KINDS
from shell import wait_until

EPOCHS = 3


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture(scope="module")
def data_of(tmp_path_factory):
    """Return the data of a kind, made once."""

    @functools.cache
    def make(make_data):
        return make_data(tmp_path_factory.mktemp("data"))

    return make


@pytest.fixture
def data(kind, data_of):
    return data_of(kind.make_data)


@pytest.fixture(scope="module")
def whole_of(tmp_path_factory, data_of):
    """Return the folder of a run of a kind that was never stopped, trained once."""

    @functools.cache
    def train(kind, epochs):
        folder = tmp_path_factory.mktemp("whole") / "run"
        options = (*kind.options, "--epochs", epochs, "--threads", 1, "-q")
        kind.shell.succeed(data_of(kind.make_data), "-o", folder, *options)
        return folder

    return train


def resume(kind, data, *options):
    kind.shell.succeed(data, "-o", "run", "--resume", "--threads", 2, "-q", *options)


def result():
    (document,) = (path for path in Path("run").glob("*.json"))
    return json.loads(document.read_text())["result"]


def rows(folder):
    """The rows of metrics.csv, but for their last column, the seconds."""
    return [line.rsplit(",", 1)[0] for line in (folder / "metrics.csv").read_text().splitlines()]


def assert_same_run(kind, whole):
    folder = Path("run")
    assert result()["status"] == "done"
    found, expected = kind.checkpoint(folder), kind.checkpoint(whole)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    with np.load(folder / "model.npz") as model, np.load(whole / "model.npz") as other:
        assert model.files == other.files
        assert all((model[name] == other[name]).all() for name in model.files)
    frames = sorted(path.name for path in (whole / "frames").iterdir())
    assert sorted(path.name for path in (folder / "frames").iterdir()) == frames
    for name in ("final.png", *(f"frames/{frame}" for frame in frames)):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    assert rows(folder) == rows(whole)
    assert {path.name for path in folder.iterdir()} == {path.name for path in whole.iterdir()}


def test_a_run_goes_on_with_more_epochs(kind, data, whole_of):
    kind.shell.succeed(data, "-o", "run", *kind.options, "--epochs", 1, "-q")
    resume(kind, data, "--epochs", EPOCHS)
    assert_same_run(kind, whole_of(kind, EPOCHS))
    bits = Path("run/checkpoint.npz").read_bytes()
    resume(kind, data)  # of a run that is done, changes nothing
    assert Path("run/checkpoint.npz").read_bytes() == bits
    assert_same_run(kind, whole_of(kind, EPOCHS))


def test_a_run_stopped_inside_an_epoch_goes_on(kind, data, whole_of, monkeypatch):
    steps, train = RunRecorder.steps, FitTrainer.train

    def some(self, go_on=lambda: True):
        for status in steps(self, go_on):
            yield status
            if status.epoch == 2 and 0 < status.position < status.epoch_size:
                return

    with monkeypatch.context() as patch:
        patch.setattr(FitTrainer, "train", lambda self: train(self, seconds=1e-9))
        patch.setattr(RunRecorder, "steps", some)
        kind.shell.succeed(data, "-o", "run", *kind.options, "--epochs", EPOCHS, "-q")
    assert result()["epochs"] == 1
    position = kind.checkpoint(Path("run")).get("rounds")
    if position is None:
        position = kind.checkpoint(Path("run"))["progress_position"]
    assert position > 0
    resume(kind, data)
    assert_same_run(kind, whole_of(kind, EPOCHS))


def test_the_last_epoch_is_drawn_where_a_run_ends_that_was_to_be_longer(picture):
    shell = KINDS["fit"].shell
    options = ("--layers", 8, "--frame-every", 1000, "--animation", "none", "-q")
    process = shell.start(picture, "-o", "run", *options, "--epochs", 1_000_000)
    wait_until(lambda: len(rows(Path("run"))) > 3 if Path("run/metrics.csv").exists() else False)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    epochs = result()["epochs"]
    before = rows(Path("run"))
    shell.succeed(picture, "-o", "run", "--resume", "--epochs", epochs, "-q")
    *earlier, last = rows(Path("run"))
    assert earlier == before[:-1]
    assert last.startswith(before[-1])
    assert result()["psnr"] > 0
    assert Path(f"run/frames/epoch-{epochs:06d}.png").exists()
    assert Path("run/final.png").read_bytes() != Path("run/frames/epoch-000000.png").read_bytes()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on(signum, kind, data, whole_of):
    process = kind.shell.start(data, "-o", "run", *kind.options, "--epochs", 100_000)
    wait_until(Path("run/frames/epoch-000001.png").exists)
    process.send_signal(signum)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signum, errors
    assert "--resume" in errors
    assert result()["status"] == "interrupted"
    epochs = result()["epochs"] + 1
    resume(kind, data, "--epochs", epochs)
    assert_same_run(kind, whole_of(kind, epochs))


def test_a_killed_run_goes_on(kind, data, whole_of):
    # First some epochs, so that a checkpoint is there that is not of the beginning.
    kind.shell.succeed(data, "-o", "run", *kind.options, "--epochs", 2, "-q")
    process = kind.shell.start(data, "-o", "run", "--epochs", 100_000, "--resume", "-q")
    wait_until(Path("run/frames/epoch-000004.png").exists)
    process.kill()
    process.communicate()
    assert Path("run/model.npz").exists()
    epochs = len(rows(Path("run"))) + 1
    Path(f"run/.model.partial-{process.pid}-00.npz").write_bytes(b"torn")
    with Path("run/metrics.csv").open("a") as file:
        file.write("13,0.1")  # torn while it was written
    resume(kind, data, "--epochs", epochs)
    assert_same_run(kind, whole_of(kind, epochs))
    assert not list(Path("run").rglob(".*partial*"))


def test_a_run_killed_before_its_first_checkpoint_starts_again(kind, data, whole_of):
    kind.shell.succeed(data, "-o", "run", *kind.options, "--epochs", EPOCHS, "-q")
    for name in ("checkpoint.npz", "model.npz", "final.png", "frames/epoch-000000.png"):
        Path("run", name).unlink()
    Path("run/metrics.csv").write_text("epoch\n")
    resume(kind, data)
    assert_same_run(kind, whole_of(kind, EPOCHS))


def test_a_checkpoint_of_an_older_version_is_refused(kind, data):
    kind.shell.succeed(data, "-o", "run", *kind.options, "--epochs", 1, "-q")
    path = Path("run/checkpoint.npz")
    arrays = read_archive(path, kind.archive, kind.version)
    arrays[f"fit_image_{kind.archive}"] = np.int64(kind.version - 1)
    write_archive(path, kind.archive, kind.version - 1, arrays)
    line = kind.shell.run(data, "-o", "run", "--resume", "--epochs", 2, "-q").stderr
    assert "checkpoint.npz was written by an older fit-image" in line
    assert "--overwrite starts the run again" in line
