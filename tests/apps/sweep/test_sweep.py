"""``fit-image sweep``: whole comparisons, and that nothing is lost or done twice."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.sweep.execution.executor import Ended, Notice, Started
from fit_image.apps.sweep.execution.local import LocalExecutor
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.results.outcome import read_outcomes
from fit_image.cli import cli
from fit_image.errors import InputError
from pictures import make_small_picture, save_picture
from shell import Shell, wait_until

shell = Shell("sweep")
run, succeed, fail, start = shell.run, shell.succeed, shell.fail, shell.start

SMALL = ("--layers", "1x8", "--layers", "2x8", "--epochs", "3", "-j", "1")
LONG = (
    "--layers",
    "2x16",
    "--layers",
    "4x16",
    "--lr",
    "0.02",
    "--epochs",
    "800",
    "--frame-every",
    "50",
)
RESULTS = ("results.csv", "results.json", "means.csv", "comparison.gif")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Folder of the long sweep, trained without interruption."""
    folder = tmp_path_factory.mktemp("undisturbed")
    succeed(save_picture(make_small_picture(), folder), *LONG, "-o", folder / "sweep", "-q")
    assert {each.status for each in outcomes(folder / "sweep")} == {"done"}
    return folder / "sweep"


@pytest.fixture(scope="module")
def reference(undisturbed):
    """The bits of the long sweep."""
    return learned(undisturbed)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    succeed(save_picture(make_small_picture(), folder), *SMALL, "-o", folder / "sweep", "-q")
    return folder / "sweep"


@pytest.fixture
def sweep(finished):
    """A finished sweep, which the test may damage."""
    shutil.copytree(finished, "pic-sweep")
    return SweepDirectory.open("pic-sweep")


def outcomes(folder):
    return read_outcomes(SweepDirectory.open(folder))


def learned(folder):
    """Parameters of trials: the bits that must not depend on how they were trained."""
    found = {}
    for run_folder in (Path(folder) / "trials").iterdir():
        weights = PaintingNetwork.load(run_folder / "model.npz").parameters.tobytes()
        frames = {file.name: file.read_bytes() for file in (run_folder / "frames").iterdir()}
        lines = (run_folder / "metrics.csv").read_text().splitlines()
        rows = [line.rpartition(",")[0] for line in lines]  # without the seconds
        found[run_folder.name] = (weights, frames, rows)
    return found


def results(folder="pic-sweep"):
    """The rows of results.csv."""
    with (Path(folder) / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def files_of_runs(folder):
    return {
        file: file.stat().st_mtime_ns
        for file in (Path(folder) / "trials").rglob("*")
        if file.is_file() and file.name != ".lock"
    }


# A sweep that goes well


def test_a_sweep_trains_every_combination_and_writes_the_results(picture):
    result = succeed(picture, *SMALL, "--seeds", 2, "-j", 2)
    folder = Path("pic-sweep")
    assert result.stdout == "pic-sweep\n"
    assert all((folder / name).stat().st_size for name in RESULTS)
    rows = results()
    assert [(row["layers"], row["seed"], row["status"]) for row in rows] == [
        ("8", "0", "done"),
        ("8", "1", "done"),
        ("2x8", "0", "done"),
        ("2x8", "1", "done"),
    ]


def test_a_trial_is_the_run_that_a_single_fit_makes(picture, sweep):
    single = CliRunner().invoke(cli, [str(picture), "--layers", "2x8", "--epochs", "3"])
    assert single.exit_code == 0
    expected = {file.name for file in Path("pic-fit").rglob("*")}
    trial = next(each for each in outcomes("pic-sweep") if len(each.trial.manifest.fit.layers) == 2)
    path = sweep.run_path(trial.trial)
    assert {file.name for file in path.rglob("*")} == expected
    for name in ("model.npz", "animation.gif", "frames/epoch-000003.png", "target.png"):
        assert (path / name).read_bytes() == (Path("pic-fit") / name).read_bytes()


def test_what_is_finished_is_not_done_again(picture, sweep):
    before = files_of_runs("pic-sweep")
    result = succeed(picture, *SMALL, "--layers", "3x8", "--json")
    after = files_of_runs("pic-sweep")
    assert {file: after[file] for file in before} == before
    assert len(after) > len(before)
    assert json.loads(result.stdout) == {"output": "pic-sweep", "trials": 3, "done": 3}
    # A sweep of something else in the same folder loses nothing.
    succeed(picture, "--layers", "4x8", "--epochs", 3)
    assert len(results()) == 4


def test_the_number_of_workers_changes_nothing(picture, finished):
    succeed(picture, *SMALL, "-j", 2, "-o", "two")
    assert learned(finished) == learned("two")


def test_the_plan_runs_nothing(picture):
    result = run(picture, *SMALL, "--seeds", 2, "--plan")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 6
    assert "51" in result.stdout  # parameters of 1x8: 3 * 8 + 9 * 3
    assert sorted(Path.cwd().iterdir()) == [picture]
    data = json.loads(succeed(picture, *SMALL, "--plan", "--json").stdout)
    assert [trial["parameters"] for trial in data["trials"]] == [51, 123]
    assert all(trial["work"] > 0 and trial["seconds"] > 0 for trial in data["trials"])


def test_rows_of_files(picture):
    Path("t.csv").write_text('layers,lr,seeds\n"8,4",0.1,2\n2x8,"0.1,0.2",\n')
    Path("t.toml").write_text(
        'lr = [0.1, 0.3]\n[[trial]]\nlayers = "8,4"\n[[trial]]\nlayers = ["8", "2x8"]\nlr = 0.2\n'
    )
    data = json.loads(succeed(picture, "--from-csv", "t.csv", "--plan", "--json").stdout)
    assert [trial["label"] for trial in data["trials"]] == [
        "8,4, lr 0.1, seed 0",
        "8,4, lr 0.1, seed 1",
        "2x8, lr 0.1, seed 0",
        "2x8, lr 0.2, seed 0",
    ]
    args = ("--from-toml", "t.toml", "--epochs", "2,3", "--plan", "--json")
    data = json.loads(succeed(picture, *args).stdout)
    assert [trial["label"] for trial in data["trials"][::2]] == [
        "8,4, epochs 2, lr 0.1",
        "8,4, epochs 2, lr 0.3",
        "1x8, epochs 2, lr 0.2",
        "2x8, epochs 2, lr 0.2",
    ]


@pytest.mark.parametrize("mark", [";", "\t"])
@pytest.mark.parametrize("first", ["", "sep={}\r\n"])
def test_tables_with_other_separators(picture, mark, first):
    table = '"layers";lr;epochs;Target PSNR\r\n8,4;0.1;2,3;\r\n"2x8";0.1, 0.2;2;20\r\n'
    if first and mark == ";":
        table = table.replace("Target PSNR", "target-psnr")
    Path("t.csv").write_text(f"{first.format(mark)}{table.replace(';', mark)}")
    if "Target" in table:
        assert "unknown option 'Target PSNR'" in fail(picture, "--from-csv", "t.csv", "--plan")
        return
    data = json.loads(succeed(picture, "--from-csv", "t.csv", "--plan", "--json").stdout)
    assert len(data["trials"]) == 4
    assert data["trials"][0]["parameters"] == 24 + 36 + 15


@pytest.mark.parametrize("column", ["lr", "target-psnr", "time_limit", "warmup"])
def test_a_decimal_comma_is_not_taken_for_two_values(picture, column):
    Path("t.csv").write_text(f"layers;{column}\n8,4;0.5\n1x4;0,05\n")
    line = fail(picture, "--from-csv", "t.csv")
    assert f"t.csv, line 3, {column}: '0,05' may be one number or two: write 0.05" in line


def test_files_as_spreadsheets_and_editors_leave_them(picture):
    Path("t.csv").write_bytes(b"\xef\xbb\xbflayers,lr,\r\n8,0.1,,\r\n,,\r\n9,,\r\n")
    Path("t.toml").write_bytes(b'\xef\xbb\xbf[[trial]]\nlayers = ["8", "9"]\n')
    for args in (("--from-csv", "t.csv"), ("--from-toml", "t.toml")):
        data = json.loads(succeed(picture, *args, "--plan", "--json").stdout)
        assert [trial["parameters"] for trial in data["trials"]] == [51, 57]


def test_values_with_commas_of_their_own(picture):
    grid = "grid:levels=2,features=1"
    args = ("--channels", "gray,rgb", "--plan", "--json")
    labels = [each["label"] for each in json.loads(succeed(picture, *args).stdout)["trials"]]
    assert labels == ["channels grey", "channels rgb"]
    args = ("--encoding", f"none,{grid},fourier:8@2", "--background", "red,rgb(1,2,3)")
    data = json.loads(succeed(picture, *args, "--plan", "--json").stdout)
    assert len(data["trials"]) == 6


def test_several_pictures(picture, tmp_path):
    other = tmp_path / "other.png"
    Image.new("RGB", (9, 7), "red").save(other)
    succeed(picture, other, "--layers", "8", "--epochs", 2)
    rows = results()
    assert [Path(row["picture"]).name for row in rows] == ["pic.png", "other.png"]


# What goes wrong


def test_a_trial_that_diverges_is_reported_and_the_others_go_on(picture):
    result = succeed(picture, "--layers", "2x8", "--lr", "1e6,0.1", "--epochs", 3)
    assert [each.status for each in outcomes("pic-sweep")] == ["diverged", "done"]
    assert "diverged" in result.stderr
    before = files_of_runs("pic-sweep")
    succeed(picture, "--layers", "2x8", "--lr", "1e6,0.1", "--epochs", 3)
    assert files_of_runs("pic-sweep") == before


def test_a_sweep_of_which_all_diverges_ends_well(picture):
    result = succeed(picture, "--layers", "8", "--lr", "1e6", "--epochs", 3, "--seeds", 2)
    assert [each.status for each in outcomes("pic-sweep")] == ["diverged", "diverged"]
    assert "no pic-sweep/report.html" in result.stderr
    assert not Path("pic-sweep/report.html").exists()


def test_names_that_are_no_text(picture):
    Path(os.fsdecode(b"one\xff.png")).write_bytes(picture.read_bytes())
    Image.new("RGB", (9, 9), "red").save("two\n.png")
    pictures = (os.fsdecode(b"one\xff.png"), "two\n.png")
    output = os.fsdecode(b"out\xff")
    # As it is wherever the locale is one of UTF-8, but not C.UTF-8.
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    process = start(*pictures, *SMALL, "-o", output, env=strict, errors="surrogateescape")
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert stdout == f"{output}\n"
    assert "two?, 1x8: " in stderr
    assert "one?" in Path(output, "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--foo", "1"], "--foo"),
        (["--lr", "fast"], "--lr"),
        (["--lr", "0.1,"], "empty value"),
        (["--layers", "4xx"], "4xx"),
        (["--seeds", "0"], "--seeds"),
        (["--seed", "1", "--seeds", "2"], "exclude"),
        (["--seeds", "10001"], "--yes"),
        (["--match-params", "4x300"], "--layers"),
        (["--layers", "3x9", "--match-params", "1x1"], "within 1%"),
        (["--from-csv", "none.csv"], "none.csv"),
        (["--from-csv", "unknown.csv"], "unknown option 'colour'"),
        (["--from-csv", "torn.csv"], "line 3"),
        (["--from-csv", "empty.csv"], "no trials"),
        (["--from-csv", "blank.csv"], "no trials"),
        (["--from-csv", "double.csv"], "two columns 'lr'"),
        (["--from-csv", "wrong.csv"], "trial 1, lr"),
        (["--from-csv", "twice.csv", "--lr", "0.1"], "both give --lr"),
        (["--from-toml", "wrong.csv"], "cannot parse wrong.csv"),
        (["--from-toml", "wrong.toml"], "must be text, a number"),
        (["--animation", "/tmp/all.gif"], "bare name"),
        (["--animation", "movie.xyz"], ".xyz"),
        (["-j", "2", "--scheduler", "tcp://127.0.0.1:1"], "-j"),
        (
            ["--hold-out", "none,even", "--target-psnr", "unseen:20"],
            "fit-image: --hold-out none: --target-psnr unseen:20",
        ),
        (["-o", "pic.png"], "not a folder"),
        (["-o", "other"], "holds no sweep"),
    ],
)
def test_bad_input_is_one_line_before_any_work(picture, args, message):
    Path("unknown.csv").write_text("layers,colour\n8,red\n")
    Path("torn.csv").write_text("layers,lr\n8,0.1\n8,0.1,7\n")
    Path("empty.csv").write_text("layers,lr\n")
    Path("blank.csv").write_text("layers,lr\n,\n")
    Path("double.csv").write_text("lr,lr\n0.1,0.2\n")
    Path("wrong.csv").write_text("layers,lr\n8,fast\n")
    Path("twice.csv").write_text("layers,lr\n8,0.1\n")
    Path("wrong.toml").write_text("[[trial]]\nlayers = {a = 1}\n")
    Path("other").mkdir()
    Path("other/notes.txt").write_text("mine")
    assert message in fail(picture, *args)


def test_pictures_and_folders_are_checked_first(picture):
    assert "IMAGE" in fail("--lr", "0.1")
    assert "--lr needs an IMAGE" in fail("--resume", "-o", "nowhere", "--lr", "0.1")
    assert "--fps needs an IMAGE" in fail("--resume", "-o", "nowhere", "--fps", "5")
    assert "nothing.png" in fail("nothing.png")
    Path("empty.png").touch()
    assert "fit-image: cannot read empty.png" in fail("empty.png", *SMALL)
    assert "fit-image: --frame 2: cannot read" in fail(picture, *SMALL, "--frame", "1,2")
    assert "no sweep.json" in fail("--resume", "-o", "nowhere")
    Path("damaged").mkdir()
    Path("damaged/sweep.json").write_text('{"format": 1, "trials": [7], "failures": {}}')
    assert "damaged" in fail(picture, "-o", "damaged")
    Path("damaged/sweep.json").write_text('{"format": 99}')
    assert "update fit-image" in fail(picture, "-o", "damaged")


def test_a_picture_that_has_changed_is_noticed(picture):
    process = start(picture, *LONG)
    wait_until(lambda: list(Path("pic-sweep").rglob("checkpoint.npz")))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    Image.new("RGB", (24, 16), "blue").save(picture)
    assert "has changed since the sweep began" in fail("--resume", "-o", "pic-sweep")


def test_two_sweeps_do_not_write_to_one_folder(picture):
    process = start(picture, *LONG)
    try:
        wait_until(lambda: list(Path("pic-sweep").rglob("run.json")))
        assert "another fit-image is writing" in run(picture, *SMALL).stderr
    finally:
        process.terminate()
        process.communicate(timeout=60)


# Interruption and resuming


def test_an_interrupted_sweep_goes_on_to_the_same_bits(picture, reference):
    process = start(picture, *LONG)
    wait_until(lambda: len(list(Path("pic-sweep").rglob("epoch-000200.png"))) >= 1)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "to go on: fit-image sweep --resume -o pic-sweep" in stderr
    found = outcomes("pic-sweep")
    assert "interrupted" in [each.status for each in found]
    assert [row["status"] for row in results()] == [each.status for each in found]
    succeed("--resume", "-o", "pic-sweep")
    assert learned("pic-sweep") == reference
    assert len(results()) == 2


def test_a_sweep_that_was_killed_goes_on_to_the_same_bits(picture, reference):
    process = start(picture, *LONG, "-j", 1)
    wait_until(lambda: list(Path("pic-sweep").rglob("epoch-000200.png")))
    process.kill()
    process.communicate(timeout=60)
    # Its worker may still be saving; nothing must be lost or counted twice.
    succeed(picture, *LONG)
    assert learned("pic-sweep") == reference


def test_a_worker_that_is_killed_is_replaced(undisturbed, reference):
    folder = SweepDirectory(Path("killed"), SweepDirectory.open(undisturbed).trials)
    folder.write()
    seen = []
    with LocalExecutor(folder, 1) as workers:
        for event in workers.events(folder.trials):
            seen.append(event)
            if len(seen) == 3:
                (worker,) = workers._workers
                os.kill(worker._process.pid, signal.SIGKILL)
    assert sum(isinstance(event, Notice) and "SIGKILL" in event.text for event in seen) == 1
    ended = [event for event in seen if isinstance(event, Ended)]
    assert [event.status for event in ended] == ["done", "done"]
    assert learned("killed") == reference


def test_a_trial_whose_workers_die_again_and_again_fails_and_the_others_go_on(sweep):
    folder = SweepDirectory(Path("again"), sweep.trials)
    folder.write()
    ended = {}
    with LocalExecutor(folder, 1) as workers:
        for event in workers.events(folder.trials):
            if isinstance(event, Started) and event.trial == folder.trials[0]:
                (worker,) = workers._workers
                os.kill(worker._process.pid, signal.SIGKILL)
            if isinstance(event, Ended):
                ended[event.trial.key] = event
    first, second = (ended[trial.key] for trial in folder.trials)
    assert (first.status, second.status) == ("failed", "done")
    assert "SIGKILL" in first.message


def test_a_failed_trial_is_reported_and_tried_again_on_resume(sweep):
    path = sweep.run_path(sweep.trials[0])
    data = json.loads((path / "run.json").read_text())
    data["result"]["status"] = "interrupted"
    (path / "run.json").write_text(json.dumps(data))
    good = (path / "checkpoint.npz").read_bytes()
    (path / "checkpoint.npz").write_bytes(good[:100])
    result = run("--resume", "-o", "pic-sweep")
    assert result.exit_code == 1
    assert "1 of 2 trials failed" in result.stderr.splitlines()[-1]
    failed, done = outcomes("pic-sweep")
    assert (failed.status, done.status) == ("failed", "done")
    assert "checkpoint.npz" in failed.message
    (path / "checkpoint.npz").write_bytes(good)
    succeed("--resume", "-o", "pic-sweep")
    assert [each.status for each in outcomes("pic-sweep")] == ["done", "done"]


def test_a_full_disk_stops_the_sweep_and_nothing_is_lost(picture, reference):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    process = start(picture, *LONG, "-q", preexec_fn=limit)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    (line,) = stderr.splitlines()
    assert line.startswith("fit-image: cannot write ")
    assert "--resume" in line
    succeed("--resume", "-o", "pic-sweep")
    assert learned("pic-sweep") == reference


def test_a_sweep_whose_list_found_the_disk_full_can_be_started_again(picture):
    options = ("--layers", 3, "--epochs", 1, "-q", "-j", 1)
    Path("mine").mkdir()
    Path("mine/.lock").touch()
    for output in ("pic-sweep", "out/deep", "mine"):
        line = shell.fail_on_full_disk(picture, *options, "-o", output)
        assert f"{output}/sweep.json: " in line
    assert {str(path) for path in Path().rglob("*")} == {picture.name, "mine", "mine/.lock"}
    shell.succeed(picture, *options)


def test_a_damaged_list_of_trials_is_refused(picture):
    with pytest.raises(InputError, match="not the folder of a sweep"):
        SweepDirectory.open("nowhere")


def test_a_trial_that_lost_its_metrics_is_not_taken_for_done(sweep):
    run_folder = sweep.run_path(sweep.trials[0])
    lines = (run_folder / "metrics.csv").read_text().splitlines(keepends=True)
    (run_folder / "metrics.csv").write_text("".join(lines[:-1]))
    assert "metrics.csv is damaged" in fail("--resume", "-o", "pic-sweep")
    shutil.rmtree(run_folder)
    succeed("--resume", "-o", "pic-sweep", "-q")
    assert [each.status for each in outcomes("pic-sweep")] == ["done", "done"]


@pytest.mark.parametrize("asked", [("--resume", "-o", "pic-sweep"), ("pic.png", *SMALL)])
def test_a_trial_that_lost_its_model_makes_it_again(picture, sweep, asked):
    before, bits = files_of_runs("pic-sweep"), learned("pic-sweep")
    lost, other = map(sweep.run_path, sweep.trials)
    (lost / "model.npz").unlink()
    assert [each.status for each in outcomes("pic-sweep")] == ["done", "done"]
    succeed(*asked, "-q")
    assert learned("pic-sweep") == bits
    after = files_of_runs("pic-sweep")
    assert {file for file in before if before[file] != after[file]}.isdisjoint(other.rglob("*"))


def test_a_sweep_without_trials_is_damaged():
    Path("empty").mkdir()
    Path("empty/sweep.json").write_text('{"format": 1, "trials": [], "failures": {}}')
    assert "damaged" in fail("--resume", "-o", "empty")


# Workers


@pytest.fixture
def worker():
    command = [sys.executable, "-m", "fit_image.apps.sweep.execution.worker"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes) as process:
        yield process
        process.kill()


def test_a_worker_that_fails_says_why(worker):
    worker.stdin.write(b"{}\n")
    worker.stdin.flush()
    assert worker.wait(timeout=60) == 1
    assert worker.stderr.read().splitlines()[-1] == b"KeyError: 'trial'"


def test_a_worker_ends_after_half_an_order(worker):
    stdout, stderr = worker.communicate(b'{"trial": ', timeout=60)
    assert (worker.returncode, stdout, stderr) == (0, b"", b"")
