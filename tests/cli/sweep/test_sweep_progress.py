"""Progress of a sweep on the terminal."""

from __future__ import annotations

import math
import os
import re
import sys
import time

import pytest

from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.sweep.execution.executor import Advanced, Ended, Notice, Started
from fit_image.apps.sweep.plan.plan import SweepSpec, plan_trials
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.results.outcome import Outcome, read_outcomes
from fit_image.apps.sweep.results.seed_group import trial_labels
from fit_image.cli.display.displays import Lines
from fit_image.cli.display.table import Table
from fit_image.cli.sweep.progress import SweepProgress
from fit_image.cli.sweep.results import show_groups
from fit_image.config.layer_spec import parse_layers
from pictures import save_picture


@pytest.fixture
def trials(small_picture, tmp_path):
    path = save_picture(small_picture, tmp_path)
    layers = tuple(map(parse_layers, ("1x8", "2x8", "3x8")))
    return plan_trials(SweepSpec((path,), ({"layers": layers, "epochs": (10,)},)))


@pytest.fixture
def progress(trials, tmp_path):
    folder = SweepDirectory(tmp_path / "sweep", trials)
    costs = {trial.key: 1.0 for trial in trials}
    return SweepProgress(folder, read_outcomes(folder), trial_labels(trials), costs)


@pytest.fixture
def written(monkeypatch, capsys):
    """Return a function that returns what was written since its last call."""
    monkeypatch.setenv("NO_COLOR", "1")
    return lambda: capsys.readouterr().err


def test_the_progress_counts_what_is_done(progress, trials):
    assert progress.done == 0.0
    progress.update(Started(trials[0]))
    progress.update(Advanced(trials[0], 5, 0.5, 2.0, 20.0))
    assert progress.done == pytest.approx(1 / 6)
    line = progress.update(Ended(trials[0], "failed", "its worker died"))
    assert line.startswith("[1/3] 1x8: ")
    assert line.endswith("its worker died")
    assert progress.done == pytest.approx(1 / 3)
    assert progress.step().parts[0] == "1/3 trials"


def test_what_was_left_earlier_and_is_not_asked_for_does_not_count(trials, tmp_path):
    folder = SweepDirectory(tmp_path / "sweep", trials)
    progress = SweepProgress(
        folder, read_outcomes(folder), trial_labels(trials), {trials[0].key: 1.0}
    )
    assert progress.step().parts[0] == "0/1 trials"
    assert progress.lines(10) == []


def test_an_interrupted_trial_does_not_count(progress, trials):
    progress.update(Started(trials[0]))
    progress.update(Ended(trials[0], "interrupted"))
    assert progress.step().parts[0] == "0/3 trials"


def test_what_runs_comes_before_what_has_ended(progress, trials):
    progress.update(Started(trials[0]))
    progress.update(Ended(trials[0], "done"))
    progress.update(Started(trials[1]))
    progress.update(Advanced(trials[1], 4, 0.3, 2.0, 21.5))
    lines = progress.lines(10)
    assert (lines[0].name, lines[0].share) == ("2x8", 0.3)
    assert lines[0].figures == "epoch 4/10  21.50 dB  2 s"
    assert [line.name for line in lines[1:]] == ["ended:", "1x8"]


@pytest.mark.parametrize("room", [1, 2, 3, 5])
def test_the_progress_keeps_to_its_room(progress, trials, room):
    progress.update(Started(trials[2]))
    progress.update(Ended(trials[2], "done"))
    for trial in trials[:2]:
        progress.update(Started(trial))
    lines = progress.lines(room)
    assert 1 <= len(lines) <= room
    if room == 1:
        assert "2 more" in lines[0].name


@pytest.mark.parametrize("columns", [8, 20, 40, 80, 200])
def test_the_table_fits_the_terminal(progress, trials, written, columns, monkeypatch):
    monkeypatch.setattr(sys.stderr, "fileno", lambda: 2)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 6)))
    table = Table()
    progress.show(Started(trials[0]), table)
    time.sleep(0.11)  # it is drawn at most ten times a second
    progress.show(Advanced(trials[0], 5, 0.5, 2.0, 20.0), table)
    lines = re.split(r"[\r\n]", re.sub(r"\x1b\[\d*[A-Z]", "", written()))
    assert max(map(len, lines)) < columns
    if columns >= 40:
        assert any("1x8" in line and "20.00 dB" in line for line in lines)
    table.clear()
    assert written() == "\r\x1b[K\x1b[1F\x1b[J"


def test_plain_lines_where_there_is_no_terminal(progress, trials, written):
    lines = Lines()
    for event in (Started(trials[0]), None, Notice("hello"), Ended(trials[0], "done")):
        progress.show(event, lines)
    assert written() == "hello\n[1/3] 1x8: waiting\n"


def test_the_table_itself_shows_what_has_ended(progress, trials, written):
    table = Table()
    for event in (Started(trials[0]), Notice("hello"), Ended(trials[0], "done")):
        progress.show(event, table)
    text = written()
    assert "hello\n" in text
    assert "[1/3]" not in text


def test_perfect_copies_come_first_and_networks_without_a_picture_last(trials, written):
    rows = {0: 20.0, 1: math.inf, 2: None}
    outcomes = [
        Outcome(trial, "done", (FitMetrics(1, 0.1, rows[index], 1.0),))
        for index, trial in enumerate(trials)
    ]
    show_groups(outcomes, Lines())
    lines = written().splitlines()
    assert [line.split()[0] for line in lines] == ["network", "2x8", "1x8", "3x8"]
    assert "exact" in lines[1]
    assert "20.00 dB" in lines[2]


def test_networks_that_were_stopped_have_the_figures_of_their_last_frame(
    small_picture, tmp_path, written
):
    values = {"layers": tuple(map(parse_layers, ("1x8", "2x8"))), "hold_out": ("even",)}
    trials = plan_trials(SweepSpec((save_picture(small_picture, tmp_path),), (values,)))
    outcomes = [
        Outcome(trial, status, (FitMetrics(epoch, 0.1, psnr, 1.0, psnr - 2),))
        for trial, status, epoch, psnr in zip(
            trials, ("stopped", "done"), (10, 90), (21.0, 24.0), strict=True
        )
    ]
    show_groups(outcomes, Lines())
    _, first, second = written().splitlines()
    assert first.split()[0] == "2x8"
    assert "24.00 dB" in first
    assert "22.00 dB" in first
    assert "21.00 dB" in second
    assert "19.00 dB" in second
