"""Observers of a training: told everything, without a say in what is learned."""

from __future__ import annotations

import csv
import threading

import numpy as np
import pytest
from PIL import Image

from fit_image.cli.common.train_command import TrainCommand
from fit_image.runs.observer import Observer, Observers
from fit_image.runs.progress import Status
from kinds import KINDS

COMMANDS = ("fit", "digits", "autoencode", "unjpeg")


class Diary(Observer):
    """Remembers what it is told."""

    def __init__(self):
        self.training = self.result = self.drawn = None
        self.rows, self.statuses = [], []

    def begin(self, training):
        self.training = training

    def advance(self, news):
        self.rows += news.rows
        self.statuses.append(news.status)
        self.drawn = news.drawn or self.drawn

    def end(self, result):
        self.result = result


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Return a function that trains a kind of run with an observer, and returns its folder."""

    def call(kind, observer, *options, folder="run", epochs=2):
        observers = [] if observer is None else [observer]
        monkeypatch.setattr(TrainCommand, "observers", lambda self: observers)
        data = tmp_path / "data"
        if not data.exists():
            data.mkdir()
            call.data = kind.make_data(data)
        options = (*kind.options, "--epochs", epochs, "--threads", 1, *options)
        call.output = kind.shell.succeed(call.data, "-o", folder, *options).output
        return tmp_path / folder

    return call


@pytest.mark.parametrize("name", COMMANDS)
def test_an_observer_is_told_everything(name, train):
    diary = Diary()
    folder = train(KINDS[name], diary, "-q")
    with (folder / "metrics.csv").open() as file:
        assert [str(row) for row in diary.rows] == [",".join(row) for row in csv.reader(file)][1:]
    assert diary.training.directory.path.samefile(folder)
    assert diary.training.rows == ()
    assert diary.statuses[-1].epoch == 2
    assert diary.statuses[-1].epoch_size == diary.training.epoch_size
    assert diary.result.status == "done"
    assert diary.drawn.epoch == 2
    frame = diary.drawn.frame
    with Image.open(folder / "final.png") as final:
        assert np.array_equal(np.asarray(final).reshape(frame.shape), frame)
    with pytest.raises(ValueError, match="read-only"):
        frame[0, 0, 0] = 1


def test_the_epochs_before_are_told_to_who_follows_a_run_that_goes_on(train):
    train(KINDS["fit"], None, "-q")
    diary = Diary()
    train(KINDS["fit"], diary, "-q", "--resume", epochs=3)
    assert [row.epoch for row in diary.training.rows] == [1, 2]
    assert [row.epoch for row in diary.rows] == [3]


@pytest.mark.parametrize("name", COMMANDS)
def test_an_observer_can_stop_the_training_which_can_go_on(name, train):
    class Impatient(Diary):
        def begin(self, training):
            super().begin(training)
            training.stop()

    impatient = Impatient()
    folder = train(KINDS[name], impatient, epochs=100_000)
    assert impatient.result.status == "interrupted"
    assert (folder / "animation.gif").exists() or name == "fit"
    assert f"to go on: fit-image {' '.join(KINDS[name].command)}".strip() in train.output


@pytest.mark.parametrize("method", ["begin", "advance", "end"])
def test_an_observer_that_fails_changes_nothing(method, train):
    kind = KINDS["fit"]

    def fail(*_):
        raise OSError("the observer is ill")

    observer = Diary()
    setattr(observer, method, fail)
    folder = train(kind, observer)
    assert "the training was not followed to its end: OSError('the observer is ill')" in (
        train.output
    )
    other = train(kind, None, folder="other")
    for key, array in kind.checkpoint(folder).items():
        assert np.array_equal(array, kind.checkpoint(other)[key]), key


def test_who_is_slow_delays_nothing_and_is_told_the_newest():
    told, free = [], threading.Event()

    class Slow(Observer):
        def advance(self, news):
            told.append(news.status.epoch)
            free.wait(10)

    with Observers([Slow(), Diary()]) as observers:
        observers.begin(None, 1, [])
        for epoch in range(1, 1001):
            observers.tell(Status(epoch, 1, 1, 0.0), None)
        free.set()
        observers.end(None)
    assert told[-1] == 1000
    assert len(told) <= 3
