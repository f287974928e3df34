"""Trials on a real cluster of dask.distributed, on loopback."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.manifest import FitManifest
from fit_image.apps.fit.picture_source import load_source
from fit_image.apps.sweep.execution.cluster import ClusterExecutor
from fit_image.apps.sweep.execution.connection import LostWorkError
from fit_image.apps.sweep.execution.executor import Advanced, Ended, Notice, Started
from fit_image.apps.sweep.execution.training import train_trial
from fit_image.apps.sweep.execution.transfer import read_output, store_output
from fit_image.apps.sweep.execution.work_unit import WorkResult, run_work_unit
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.config.fit import ImageConfig, RecordConfig
from fit_image.config.presets import preset_config
from fit_image.errors import FitImageError, InputError
from fit_image.images.io import save_image
from fit_image.version import __version__

SRC = Path(__file__).parents[3] / "src"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "disc.png"
    y, x = np.mgrid[0:32, 0:48].astype(np.float32)
    disc = np.hypot(x - 24, y - 16) < 10
    save_image(path, np.stack((x / 47, y / 31, disc), axis=2).astype(np.float32))
    return load_source(path, ImageConfig())


def make_trial(source, *, seed=0, epochs=8, layers="1x8", animations=(), **settings):
    fit = preset_config("classic", 48, 32, layers=layers, epochs=epochs, seed=seed, **settings)
    record = RecordConfig(animations=animations)
    return Trial(FitManifest(source.picture, fit, ImageConfig(), record, "classic"))


def long_trial(source, **settings):
    return make_trial(source, layers="2x64", epochs=120, **settings)


def local(trial, source, folder):
    """Train a trial at once, here."""
    path = folder / trial.key
    train_trial(trial, path, source, lambda status: False)
    return path


def learned(path):
    """All of a run that must not depend on where it was trained."""
    with np.load(path / "model.npz") as model:
        parameters = {name: model[name].tobytes() for name in model.files}
    with (path / "metrics.csv").open() as file:
        rows = [(row["epoch"], row["loss"], row["psnr"]) for row in csv.DictReader(file)]
    pictures = {
        str(file.relative_to(path)): file.read_bytes()
        for file in path.rglob("*.*")
        if file.suffix in (".png", ".gif")
    }
    result = json.loads((path / "run.json").read_text())["result"]
    figures = [result[name] for name in ("status", "ended", "epochs", "psnr", "loss", "threads")]
    return {"parameters": parameters, "rows": rows, "figures": figures, **pictures}


class Processes:
    """A scheduler and workers, as a person would start them."""

    def __init__(self, folder):
        self.folder = folder
        self.workers = []
        file = folder / "scheduler.json"
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.scheduler = self._start("dask_scheduler", *options, "--scheduler-file", file)
        wait_until(file.exists)
        wait_until(lambda: file.read_text().strip().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    def add_worker(self):
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        local = ("--local-directory", self.folder)
        self.workers.append(self._start("dask_worker", self.address, *options, *local))

    def kill(self, pid):
        worker = next(worker for worker in self.workers if worker.pid == pid)
        self.workers.remove(worker)
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    def close(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _start(self, program, *arguments):
        path = os.pathsep.join(filter(None, (str(SRC), os.environ.get("PYTHONPATH"))))
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{program}", *map(str, arguments)],
                env=os.environ | {"PYTHONPATH": path},
                stdout=log,
                stderr=log,
            )


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    pytest.importorskip("distributed")
    processes = Processes(tmp_path_factory.mktemp("cluster"))
    try:
        yield processes
    finally:
        processes.close()


@pytest.fixture
def two_workers(cluster):
    while len(cluster.workers) < 2:
        cluster.add_worker()
    return cluster


def run(executor, trials, at_event=lambda event, executor: None):
    events = []
    with executor:
        for event in executor.events(trials):
            at_event(event, executor)
            if event is not None:
                events.append(event)
    return events


def ends(events):
    return {event.trial.key: event.status for event in events if isinstance(event, Ended)}


def test_a_worker_lost_in_the_middle_changes_nothing(two_workers, source, tmp_path, capfd):
    trials = [long_trial(source, seed=0), long_trial(source, seed=1), make_trial(source, seed=2)]
    trials.append(make_trial(source, learning_rate=50.0))  # diverges
    folder = SweepDirectory(tmp_path / "sweep", trials)
    advanced, killed = [], []

    def kill_a_busy_worker(event, executor):
        if isinstance(event, Advanced) and event.share > 0.2:
            advanced.append(event)
        elif advanced and not killed:
            pids = executor._client.run(os.getpid)
            busy = [worker for worker, units in executor._client.processing().items() if units]
            for worker in busy[:1]:
                two_workers.kill(pids[worker])
                killed.append(worker)

    executor = ClusterExecutor(folder, lambda trial: source, two_workers.address, unit_seconds=0.3)
    events = run(executor, trials, kill_a_busy_worker)

    assert [event.trial for event in events if isinstance(event, Started)] == trials
    assert ends(events) == {
        trial.key: "diverged" if trial is trials[-1] else "done" for trial in trials
    }
    assert any(isinstance(event, Notice) and killed[0] in event.text for event in events)
    for trial in trials:
        assert learned(folder.run_path(trial)) == learned(local(trial, source, tmp_path / "local"))
    assert capfd.readouterr() == ("", "")


def test_a_stopped_trial_goes_on_here_and_one_stopped_here_goes_on_there(
    two_workers, source, tmp_path
):
    trial = make_trial(source, layers="2x128", epochs=220, animations=("animation.gif",))
    expected = learned(local(trial, source, tmp_path / "local"))
    folder = SweepDirectory(tmp_path / "sweep", [trial])
    path = folder.run_path(trial)
    train_trial(trial, path, source, lambda status: status.epoch == 20 and status.position > 0)

    def stop(event, executor):
        if isinstance(event, Advanced) and event.epoch > 21:
            executor.stop()

    executor = ClusterExecutor(folder, lambda trial: source, two_workers.address)
    assert ends(run(executor, [trial], stop)) == {trial.key: "interrupted"}
    result = FitDirectory.open(path).result
    assert result.status == "interrupted"
    assert 20 < result.epochs < 220
    assert (path / "final.png").read_bytes() == max((path / "frames").iterdir()).read_bytes()

    executor = ClusterExecutor(folder, lambda trial: source, two_workers.address)
    assert ends(run(executor, [trial])) == {trial.key: "done"}
    assert learned(path) == expected
    assert FitDirectory.open(path).result.wall_seconds > result.wall_seconds


def test_another_version_is_refused_before_any_work(two_workers, source, tmp_path, monkeypatch):
    monkeypatch.setattr("fit_image.apps.sweep.execution.cluster.__version__", "0.0.1")
    trial = make_trial(source)
    folder = SweepDirectory(tmp_path / "sweep", [trial])
    with pytest.raises(InputError, match=rf"has fit-image {__version__}, and this is 0\.0\.1"):
        run(ClusterExecutor(folder, lambda trial: source, two_workers.address), [trial])
    assert not folder.path.exists()


def test_workers_without_fit_image_are_told_of(two_workers, source, tmp_path, monkeypatch):
    def elsewhere(*arguments):
        pass

    # As if there were no such function on the workers.
    elsewhere.__module__, elsewhere.__qualname__ = "fit_image_elsewhere", "elsewhere"
    monkeypatch.setitem(sys.modules, "fit_image_elsewhere", type(sys)("fit_image_elsewhere"))
    sys.modules["fit_image_elsewhere"].elsewhere = elsewhere
    monkeypatch.setattr("fit_image.apps.sweep.execution.cluster.run_dask_work_unit", elsewhere)
    trial = make_trial(source)
    folder = SweepDirectory(tmp_path / "sweep", [trial])
    with pytest.raises(InputError, match="install the same version on every machine"):
        run(ClusterExecutor(folder, lambda trial: source, two_workers.address), [trial])


def test_a_scheduler_lost_in_the_middle_ends_the_sweep_in_one_line(source, tmp_path, capfd):
    pytest.importorskip("distributed")
    processes = Processes(tmp_path)
    folder = SweepDirectory(tmp_path / "sweep", [make_trial(source)])

    def kill_scheduler(event, executor):
        if isinstance(event, Notice):
            processes.close()

    executor = ClusterExecutor(folder, lambda trial: source, processes.address, connect_seconds=0.5)
    with pytest.raises(FitImageError, match=r"lost the scheduler at .* --resume"):
        run(executor, folder.trials, kill_scheduler)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "no such thing", "tcp://", "x://y:1"])
def test_a_scheduler_that_is_not_there_is_told_before_any_work(address, source, tmp_path, capfd):
    pytest.importorskip("distributed")
    folder = SweepDirectory(tmp_path / "sweep", [make_trial(source)])
    with (
        pytest.raises(InputError, match="cannot reach a dask scheduler at") as caught,
        ClusterExecutor(folder, lambda trial: source, address, connect_seconds=0.5),
    ):
        pass
    assert "\n" not in str(caught.value)
    assert not folder.path.exists()
    assert capfd.readouterr() == ("", "")


def failing(error):
    return lambda *arguments, **options: (_ for _ in ()).throw(error)


def test_what_fails_on_a_worker_fails_one_trial_only(source, monkeypatch):
    trial = make_trial(source)
    order = {"trial": trial.to_json(), "state": {}, "seconds": 9.0, "until": None}

    def train():
        return run_work_unit(
            __version__, source.image.levels, order, lambda: False, lambda report: None
        )

    assert train().status == "done"
    for error in (InputError("no"), FitImageError("no"), MemoryError, OSError(28, "no")):
        monkeypatch.setattr("fit_image.apps.sweep.execution.work_unit.train_trial", failing(error))
        assert train().status == "failed"
        assert "no" in train().message


def test_a_work_unit_ends_when_its_frames_are_large(source):
    trial = make_trial(source, epochs=100_000)
    order = {"trial": trial.to_json(), "state": {}, "seconds": 60.0, "until": None}
    reports = []
    result = run_work_unit(
        __version__,
        source.image.levels,
        order,
        lambda: False,
        reports.append,
        max_frame_bytes=10_000,
        report_seconds=0.0,
    )
    assert result.status == "interrupted"
    frames = [data for name, data in result.output.items() if name.startswith("frames/")]
    assert 10_000 < sum(map(len, frames)) < 20_000
    assert reports[-1][0] == trial.key


@pytest.mark.parametrize(
    "name",
    ["../run.json", "/tmp/x.png", "frames/../x.png", "frames/epoch-000001.png\n", "x", ".lock"],
)
def test_files_that_are_none_of_a_run_are_refused(name, source, tmp_path):
    trial = make_trial(source)
    output = read_output(local(trial, source, tmp_path))
    with pytest.raises(InputError, match="not part of a run"):
        store_output(trial, tmp_path / "sweep" / trial.key, source, "done", {**output, name: b""})
    assert not (tmp_path / "sweep").exists()


def test_incomplete_files_are_refused(source, tmp_path):
    trial = make_trial(source)
    output = read_output(local(trial, source, tmp_path))
    del output["checkpoint.npz"]
    with pytest.raises(InputError, match=r"no checkpoint\.npz"):
        store_output(trial, tmp_path / "sweep" / trial.key, source, "done", output)
    assert not (tmp_path / "sweep").exists()


class LosingClient:
    """A client of a cluster on which every work unit ends at once."""

    status = "running"

    def nthreads(self):
        return {"tcp://worker": 1}

    def scatter(self, levels, broadcast):
        return levels

    def submit(self, *args, **options):
        return SimpleNamespace(status="finished")


@pytest.mark.parametrize(("lost", "status"), [((3, 3), "done"), ((4,), "failed")])
def test_work_units_lost_in_a_row_fail_a_trial(lost, status, source, tmp_path, monkeypatch):
    trial = make_trial(source)
    output = read_output(local(trial, source, tmp_path))
    results = []
    for number, after in zip(lost, ("interrupted", "done"), strict=False):
        results += [*[LostWorkError("lost")] * number, WorkResult(after, output=output)]

    def next_result(future):
        result = results.pop(0)
        if isinstance(result, LostWorkError):
            raise result
        return result

    monkeypatch.setattr("fit_image.apps.sweep.execution.cluster.result_of", next_result)
    sweep = ClusterExecutor(
        SweepDirectory(tmp_path / "sweep"),
        lambda _: source,
        "tcp://none",
        poll_seconds=0.001,
    )
    sweep._client = LosingClient()
    with ThreadPoolExecutor(1) as sweep._pool:
        ended = [event for event in sweep.events([trial]) if isinstance(event, Ended)]
    assert [event.status for event in ended] == [status]
    assert len(results) == (status == "failed")


@pytest.mark.parametrize("checkpoint", [False, True])
def test_frames_of_a_future_that_did_not_happen_are_dropped(checkpoint, source, tmp_path):
    trial = make_trial(source, epochs=6)
    output = read_output(local(trial, source, tmp_path))
    path = tmp_path / "sweep" / trial.key
    longer = local(make_trial(source, epochs=8), source, tmp_path)
    frames = path / "frames"
    frames.mkdir(parents=True)
    for frame in (longer / "frames").iterdir():
        (frames / frame.name).write_bytes(frame.read_bytes())
    if checkpoint:
        # Without a run.json, which is written last: the run began again.
        (path / "checkpoint.npz").write_bytes((longer / "checkpoint.npz").read_bytes())
    store_output(trial, path, source, "done", output)
    assert learned(path) == learned(tmp_path / trial.key)


def test_without_dask_the_extra_is_named(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    folder = SweepDirectory(tmp_path / "sweep", [make_trial(source)])
    with (
        pytest.raises(InputError, match=r"fit-image\[cluster\]"),
        ClusterExecutor(folder, lambda trial: source, "tcp://127.0.0.1:1"),
    ):
        pass
