"""Successive halving: who goes on, to which bits, and what is told of it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.sweep.execution.cluster import ClusterExecutor
from fit_image.apps.sweep.execution.executor import Ended, Executor, Expected, Notice, Started
from fit_image.apps.sweep.execution.rounds import run_sweep
from fit_image.apps.sweep.execution.training import train_trial
from fit_image.apps.sweep.execution.work_unit import run_work_unit
from fit_image.apps.sweep.plan.halving import Rungs
from fit_image.apps.sweep.plan.plan import SweepSpec, plan_trials
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import TrialPictures
from fit_image.apps.sweep.results.halving import contests
from fit_image.apps.sweep.results.outcome import Outcome, read_outcomes, unfinished
from fit_image.apps.sweep.results.report import write_report
from fit_image.apps.sweep.results.seed_group import trial_labels
from fit_image.cli.sweep.progress import SweepProgress
from fit_image.config.fit import RecordConfig
from fit_image.config.layer_spec import parse_layers
from fit_image.errors import InputError
from pictures import make_small_picture, save_picture
from shell import Shell

shell = Shell("sweep")
NINE = {
    "layers": tuple(map(parse_layers, ("1x6", "2x6", "3x6"))),
    "learning_rate": (0.003, 0.1, 0.3),
    "epochs": (9,),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return save_picture(make_small_picture(), tmp_path_factory.mktemp("picture"))


def plan(path, **axes):
    record = RecordConfig(animations=())
    return plan_trials(SweepSpec((path,), ({**NINE, **axes},), record))


class Here(Executor):
    """Trains in this process; ``at`` is called with every status, and may raise or stop."""

    def __init__(self, folder, at=lambda executor, status: None):
        self.folder = folder
        self.at = at
        self.epochs = 0

    def __exit__(self, *error):
        pass

    def events(self, trials, until=None):
        pictures = TrialPictures()
        for trial in trials:
            if self.is_stopping:
                return
            yield Started(trial)
            path, before = self.folder.run_path(trial), self.epochs_of(trial)

            def should_stop(status):
                self.at(self, status)
                return self.is_stopping

            epoch = (until or {}).get(trial.key)
            result = train_trial(trial, path, pictures(trial), should_stop, until=epoch)
            self.epochs += result.epochs - before
            yield Ended(trial, result.status)

    def epochs_of(self, trial):
        run = self.folder.run(trial)
        return run.result.epochs if run and run.result else 0

    def stop(self):
        self.is_stopping = True


def sweep(trials, name, halving=3, executor=None):
    """Train, and return the folder and the events."""
    folder = SweepDirectory(Path(name), trials, halving=halving)
    with executor or Here(folder) as running:
        remaining = unfinished(read_outcomes(folder), folder.trials)
        return folder, list(run_sweep(folder, running, remaining))


@pytest.fixture(scope="module")
def full(path, tmp_path_factory):
    """Nine trials that are all trained to their end."""
    return sweep(plan(path), tmp_path_factory.mktemp("full") / "sweep", None)[0]


@pytest.fixture(scope="module")
def halved(path, tmp_path_factory):
    """The same nine with halving: the folder, the events, the outcomes and the epochs trained."""
    trials = plan(path)
    folder = SweepDirectory(tmp_path_factory.mktemp("halved") / "sweep", trials, halving=3)
    executor = Here(folder)
    _, events = sweep(trials, folder.path, executor=executor)
    outcomes = read_outcomes(folder)
    return SimpleNamespace(folder=folder, events=events, outcomes=outcomes, epochs=executor.epochs)


def learned(run):
    """The bits of a run: its weights, frames and metrics without the seconds."""
    weights = PaintingNetwork.load(run / "model.npz").parameters.tobytes()
    frames = {file.name: file.read_bytes() for file in (run / "frames").iterdir()}
    lines = (run / "metrics.csv").read_text().splitlines()
    return weights, frames, [line.rpartition(",")[0] for line in lines]


def statuses(folder):
    return {each.trial.key: (each.status, each.epochs) for each in read_outcomes(folder)}


@pytest.mark.parametrize(
    ("case", "epochs", "networks", "share"),
    [
        ((9, 90, 3, 1), (10, 30, 90), (9, 3, 1), 210 / 810),
        ((8, 90, 3, 1), (30, 90), (8, 2), (8 * 30 + 2 * 60) / 720),
        ((27, 90, 3, 1), (4, 10, 30, 90), (27, 9, 3, 1), (27 * 4 + 9 * 6 + 3 * 20 + 60) / 2430),
        ((9, 90, 3, 7), (14, 35, 90), (9, 3, 1), (9 * 14 + 3 * 21 + 55) / 810),
        ((9, 2, 3, 1), (1, 2), (9, 3), 12 / 18),
        ((4, 100, 2, 10), (30, 50, 100), (4, 2, 1), (120 + 40 + 50) / 400),
        ((9, 1, 3, 1), (1,), (9,), 1.0),
        ((9, 90, 3, 90), (90,), (9,), 1.0),
    ],
)
def test_rungs_are_parts_of_the_run_at_which_a_frame_is_drawn(case, epochs, networks, share):
    rungs = Rungs.of(*case)
    assert (rungs.epochs, rungs.networks) == (epochs, networks)
    assert rungs.expected_share() == pytest.approx(share)


def test_those_who_go_on_come_to_the_bits_of_trials_never_stopped(halved, full):
    counts = sorted(epochs for _, epochs in statuses(halved.folder).values())
    assert counts == [1, 1, 1, 1, 1, 1, 3, 3, 9]
    for outcome in halved.outcomes:
        ours = learned(halved.folder.run_path(outcome.trial))
        weights, frames, rows = learned(full.run_path(outcome.trial))
        assert ours[2] == rows[: outcome.epochs + 1]
        assert ours[1] == {name: frames[name] for name in ours[1]}
        assert len(ours[1]) == outcome.epochs + 1
        if outcome.status == "done":
            assert ours[0] == weights


def test_the_better_third_goes_on(halved, full):
    psnr = {each.trial.key: [row.psnr for row in each.rows] for each in read_outcomes(full)}
    best = sorted(psnr, key=lambda key: -psnr[key][0])
    finalists = sorted(best[:3], key=lambda key: -psnr[key][2])
    by_status = {each.trial.key: each for each in halved.outcomes}
    assert [by_status[key].status for key in finalists] == ["done", "stopped", "stopped"]
    assert [by_status[key].message for key in finalists] == [
        "",
        "at epoch 3 of 9, place 2 of 3",
        "at epoch 3 of 9, place 3 of 3",
    ]
    assert by_status[best[8]].message == "at epoch 1 of 9, place 9 of 9"
    ends = [event for event in halved.events if isinstance(event, Ended)]
    assert [each.status for each in ends].count("stopped") == 8
    assert [each.status for each in ends].count("paused") == 12
    first, second = (each.text for each in halved.events if isinstance(each, Notice))
    assert first.startswith("epoch 1: of 9 networks go on ")
    label = trial_labels(full.trials)[finalists[0]]
    assert second == f"epoch 3: of 3 networks go on {label}"


@pytest.mark.parametrize(("way", "at"), [("stopped", 7), ("killed", 14), ("killed", 24)])
def test_a_sweep_killed_or_stopped_anywhere_goes_on_to_the_same_bits(path, halved, way, at):
    seen = []

    def disturb(executor, status):
        seen.append(status)
        if len(seen) == at and way == "killed":
            raise KeyboardInterrupt
        if len(seen) == at:
            executor.stop()

    trials = plan(path)
    folder = SweepDirectory(Path("again"), trials, halving=3)
    try:
        sweep(trials, "again", executor=Here(folder, disturb))
    except KeyboardInterrupt:
        assert way == "killed"
    assert len(seen) == at
    folder = SweepDirectory.open("again")
    assert folder.halving == 3
    left = unfinished(read_outcomes(folder), folder.trials)
    with Here(folder) as executor:
        list(run_sweep(folder, executor, left))
    assert statuses(folder) == statuses(halved.folder)
    for trial in trials:
        assert learned(folder.run_path(trial)) == learned(halved.folder.run_path(trial))


def test_nothing_is_trained_twice(halved):
    assert halved.epochs == 9 * 1 + 3 * 2 + 1 * 6
    again = Here(halved.folder)
    _, events = sweep(halved.folder.trials, halved.folder.path, executor=again)
    assert again.epochs == 0
    assert not [event for event in events if isinstance(event, Started | Ended | Notice)]


def test_models_that_were_lost_are_made_again(halved):
    folder = SweepDirectory.open(shutil.copytree(halved.folder.path, "again"))
    before = statuses(folder)
    for trial in folder.trials:
        folder.run(trial).model.unlink()
    executor = Here(folder)
    list(run_sweep(folder, executor, unfinished(read_outcomes(folder), folder.trials)))
    assert statuses(folder) == before
    assert executor.epochs == 0
    for trial in folder.trials:
        assert learned(folder.run_path(trial)) == learned(halved.folder.run_path(trial))


def test_without_halving_the_stopped_ones_go_on_where_they_stopped(halved, full):
    shutil.copytree(halved.folder.path, "sweep")
    executor = Here(SweepDirectory.open("sweep"))
    folder, _ = sweep(halved.folder.trials, "sweep", None, executor)
    assert executor.epochs == 81 - 9 - 6 - 6
    assert SweepDirectory.open("sweep").halving is None
    assert {status for status, _ in statuses(folder).values()} == {"done"}
    for trial in folder.trials:
        assert learned(folder.run_path(trial)) == learned(full.run_path(trial))


def test_seeds_of_a_network_go_on_or_stop_together(path):
    trials = plan(path, learning_rate=(0.1,), seed=(0, 1))
    folder, _ = sweep(trials, "sweep")
    reached = {}
    for outcome in read_outcomes(folder):
        key = outcome.trial.manifest.fit.layers
        reached.setdefault(key, set()).add((outcome.status, outcome.epochs))
    assert sorted(map(len, reached.values())) == [1, 1, 1]
    assert sorted(next(iter(each)) for each in reached.values()) == [
        ("done", 9),
        ("stopped", 3),
        ("stopped", 3),
    ]


def test_what_diverges_or_fails_does_not_go_on(path):
    trials = plan(path, learning_rate=(0.1, 50.0), layers=NINE["layers"][:2])
    folder = SweepDirectory(Path("sweep"), trials, halving=2)
    failing = trials[0]

    class Failing(Here):
        def events(self, some, until=None):
            for event in super().events(some, until):
                if isinstance(event, Ended) and event.trial == failing:
                    event = Ended(failing, "failed", "no luck")
                yield event

    sweep(trials, "sweep", 2, Failing(folder))
    folder = SweepDirectory.open("sweep")
    by_rate = [
        (each.trial.manifest.fit.learning_rate, each.status) for each in read_outcomes(folder)
    ]
    assert by_rate == [(0.1, "failed"), (50.0, "diverged"), (0.1, "done"), (50.0, "diverged")]
    assert folder.failures == {failing.key: "no luck"}


def test_each_picture_has_rungs_of_its_own(path):
    other = make_small_picture()[::-1]
    Path("other").mkdir()
    second = save_picture(other, Path("other"))
    trials = plan(path, learning_rate=(0.1,)) + plan(second, learning_rate=(0.1,))
    folder, _ = sweep(trials, "sweep")
    for contest in contests(read_outcomes(folder), 3):
        assert [rung.epoch for rung in contest.passed] == [3]
        assert len(contest.going) == 1
        assert not contest.late


def test_the_progress_comes_to_its_end_evenly(halved):
    trials = halved.folder.trials
    waiting = [Outcome(trial, "waiting") for trial in trials]
    costs = dict.fromkeys((trial.key for trial in trials), 1.0)
    progress = SweepProgress(halved.folder, waiting, trial_labels(trials), costs)
    done = []
    for event in halved.events:
        progress.update(event)
        if isinstance(event, Expected):
            done.append(progress.done)
    # The trials told of nothing on their way: six of those stopped count a ninth, two a third.
    assert done == pytest.approx([0.0, (6 / 9) / (21 / 9), (6 / 9 + 2 / 3) / (21 / 9), 1.0])
    assert progress.step().parts[0] == "9/9 trials"


def test_the_report_shows_what_was_stopped_and_when(halved):
    page = write_report(halved.folder, halved.outcomes).read_text()
    assert "Halving, epoch 1" in page
    assert "3 of 9 networks went on" in page
    assert "stopped at epoch 3 of 9" in page
    assert "at epoch 1 of 9, place 9 of 9" in page
    assert re.search("All 9 networks took [23][0-9]% of the work", page)


def test_the_way_to_a_cluster_and_back(path, full, monkeypatch):
    """Work units run here; their transfer and order are those of a cluster."""
    trials = plan(path)
    folder = SweepDirectory(Path("sweep"), trials, halving=3)
    orders = []

    class Client:
        status = "running"

        def nthreads(self):
            return {"tcp://worker": 2}

        def scatter(self, levels, broadcast):
            return levels

        def submit(self, function, version, levels, order, stop, topic, **options):
            orders.append(order["until"])
            result = run_work_unit(version, levels, order, lambda: False, lambda report: None)
            return SimpleNamespace(status="finished", result=lambda: result)

    module = "fit_image.apps.sweep.execution.cluster"
    monkeypatch.setattr(f"{module}.result_of", lambda unit: unit.result())
    executor = ClusterExecutor(folder, TrialPictures(), "tcp://none", poll_seconds=0.001)
    executor._client = Client()
    with ThreadPoolExecutor(1) as executor._pool:
        list(run_sweep(folder, executor, trials))
    assert sorted(orders) == [*[1] * 9, *[3] * 3, 9]
    for outcome in read_outcomes(folder):
        weights, _, rows = learned(folder.run_path(outcome.trial))
        expected = learned(full.run_path(outcome.trial))
        assert rows == expected[2][: outcome.epochs + 1]
        assert outcome.status != "done" or weights == expected[0]


# On the command line

LAYERS = ("--layers", "1x6", "--layers", "2x6")


def test_a_sweep_with_halving_from_the_command_line(picture):
    options = (picture, *LAYERS, "--lr", "0.01,0.1", "--epochs", "8", "--halving", 2)
    result = shell.succeed(*options, "-j", 1, "--animation", "none", "--json")
    facts = json.loads(result.stdout)
    assert (facts["done"], facts["stopped"]) == (1, 3)
    lines = [line for line in result.stderr.splitlines() if "stopped at epoch" in line]
    assert [line.rpartition("  ")[2] for line in lines] == [
        "stopped at epoch 4 of 8",
        "stopped at epoch 2 of 8",
        "stopped at epoch 2 of 8",
    ]
    with Path("pic-sweep/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["status"], row["epochs_learned"]) for row in rows) == [
        ("done", "8"),
        ("stopped", "2"),
        ("stopped", "2"),
        ("stopped", "4"),
    ]
    assert json.loads(Path("pic-sweep/sweep.json").read_text())["halving"] == 2
    (winner,) = [row for row in rows if row["status"] == "done"]
    assert FitDirectory.open(Path("pic-sweep") / winner["run"]).result.status == "done"
    plan = json.loads(shell.succeed("--resume", "-o", "pic-sweep", "--plan", "--json").stdout)
    assert {row["seconds"] for row in plan["trials"]} == {0.0}


def test_the_plan_tells_the_rungs(picture):
    options = (picture, *LAYERS, "--lr", "0.01,0.1", "--epochs", "8", "--halving", 2, "--plan")
    lines = shell.succeed(*options).stdout.splitlines()
    assert lines[-2] == (
        "halving 2: 4 networks to epoch 2, 2 to epoch 4, 1 to epoch 8: 50% of the epochs"
    )
    plan = json.loads(shell.succeed(*options, "--json").stdout)
    assert plan["halving"] == [{"epochs": [2, 4, 8], "networks": [4, 2, 1]}]
    whole = json.loads(shell.succeed(*options[:-3], "--plan", "--json").stdout)
    for ours, theirs in zip(plan["trials"], whole["trials"], strict=True):
        assert ours["seconds"] == pytest.approx(theirs["seconds"] / 2)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--halving", "1"), "--halving"),
        (("--halving", "3"), "--halving 3 needs at least 3 networks for each picture, not 2"),
        (("--halving", "2", "--time-limit", "9s"), "--halving and --time-limit exclude each other"),
        (("--halving", "2", "--epochs", "5,9"), "--epochs must be one number for all, not 5, 9"),
        (("--halving", "2", "--epochs", "1"), "--epochs 1 with --frame-every 1 has none"),
        (
            ("--halving", "2", "--epochs", "9", "--frame-every", "9"),
            "--epochs 9 with --frame-every 9 has none",
        ),
        (("--halving", "2", "--channels", "rgb,grey", "--layers", "3x6"), None),
    ],
)
def test_what_halving_contradicts_is_refused_in_one_line(picture, options, problem):
    if problem:
        assert problem in shell.fail(picture, *LAYERS, *options)
    else:
        shell.succeed(picture, *LAYERS, *options, "--plan")


def test_halving_needs_a_picture(picture):
    shell.succeed(picture, *LAYERS, "--epochs", 1, "-q", "-j", 1)
    assert "--halving needs an IMAGE" in shell.fail("--resume", "-o", "pic-sweep", "--halving", 2)


def test_halving_says_that_other_trials_are_in_the_folder(picture):
    shell.succeed(picture, *LAYERS, "--epochs", 1, "-q", "-j", 1)
    message = shell.fail(picture, *LAYERS, "--epochs", 2, "--halving", 2)
    assert "must be one number for all, not 1, 2; pic-sweep holds other trials" in message
    message = shell.fail(picture, *LAYERS, "--epochs", "2,3", "--halving", 2)
    assert "must be one number for all, not 2, 3" in message
    assert "pic-sweep" not in message


@pytest.mark.parametrize("value", ["2", 1, True, 2.0, 10**9, 3])
def test_a_forged_factor_is_damage(value, path):
    folder = SweepDirectory(Path("forged"), plan(path, learning_rate=(0.1,))[:2])
    folder.write()
    document = Path("forged/sweep.json")
    document.write_text(json.dumps({**json.loads(document.read_text()), "halving": value}))
    with pytest.raises(InputError, match="is damaged"):
        SweepDirectory.open("forged")
