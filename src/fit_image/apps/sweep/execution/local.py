"""Trials in worker processes of this machine, one thread each."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fit_image.apps.sweep.execution.executor import (
    Advanced,
    Ended,
    Event,
    Executor,
    Notice,
    Started,
)
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.errors import FitImageError

# For every library that may start threads of its own: workers must not oversubscribe the cores.
_ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("BLIS", "MKL", "NUMBA", "OMP", "OPENBLAS")
} | {"VECLIB_MAXIMUM_THREADS": "1"}

# A trial fails after this many crashes of its worker.
_MAX_CRASHES = 3

_POLL_SECONDS = 0.2


_Report = tuple["_WorkerProcess", "dict[str, Any] | None"]


class LocalExecutor(Executor):
    """Trains trials in at most ``jobs`` worker processes.

    A worker that crashes is replaced, and its trial resumes from the checkpoint.
    """

    def __init__(self, folder: SweepDirectory, jobs: int) -> None:
        self._folder = folder
        self._waiting: collections.deque[Trial] = collections.deque()
        self._until: Mapping[str, int] = {}
        self._jobs = jobs
        self._reports: queue.SimpleQueue[_Report] = queue.SimpleQueue()
        self._workers: set[_WorkerProcess] = set()
        self._crashes: collections.Counter[str] = collections.Counter()
        self._compiling = False

    def __exit__(self, *error: object) -> None:
        for worker in self._workers:
            worker.kill()

    def events(
        self, trials: Sequence[Trial], until: Mapping[str, int] | None = None
    ) -> Iterator[Event | None]:
        self._waiting.extend(trials)
        self._until = until or {}
        yield from self._start_trials()
        while any(worker.trial for worker in self._workers):
            try:
                worker, report = self._reports.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                yield None
                continue
            if report is None:
                yield from self._handle_exit(worker)
            else:
                yield from self._handle_report(worker, report)
            yield from self._start_trials()

    def stop(self) -> None:
        self.is_stopping = True
        self._waiting.clear()
        for worker in self._workers:
            worker.request_stop()

    def _start_trials(self) -> Iterator[Event]:
        idle = [worker for worker in self._workers if worker.trial is None]
        while self._waiting and (idle or len(self._workers) < self._jobs):
            worker = idle.pop() if idle else self._start_worker()
            trial = self._waiting.popleft()
            worker.start(trial, self._folder.run_path(trial), self._until.get(trial.key))
            yield Started(trial)

    def _start_worker(self) -> _WorkerProcess:
        worker = _WorkerProcess(self._reports)
        self._workers.add(worker)
        return worker

    def _handle_exit(self, worker: _WorkerProcess) -> Iterator[Event]:
        self._workers.remove(worker)
        trial, cause = worker.trial, worker.kill()
        if trial is None:
            return
        self._crashes[trial.key] += 1
        if self.is_stopping:
            yield Ended(trial, "interrupted")
        elif self._crashes[trial.key] < _MAX_CRASHES:
            yield Notice(f"a worker died ({cause}); its trial resumes from its checkpoint")
            self._waiting.appendleft(trial)
        else:
            yield Ended(trial, "failed", f"its worker died {_MAX_CRASHES} times ({cause})")

    def _handle_report(self, worker: _WorkerProcess, report: dict[str, Any]) -> Iterator[Event]:
        trial = worker.trial
        assert trial is not None
        match report.pop("event"):
            case "advanced":
                yield Advanced(trial, **report)
            case "compiling":
                if not self._compiling:
                    self._compiling = True
                    yield Notice("compiling for this machine; this is needed once")
            case "ended":
                worker.trial = None
                if report.pop("fatal"):
                    raise FitImageError(f"{report['message']}; to go on: --resume")
                yield Ended(trial, **report)


class _WorkerProcess:
    """A process of `fit_image.apps.sweep.execution.worker`.

    Its reports are put into a queue, and None when it has exited.
    """

    def __init__(self, reports: queue.SimpleQueue[_Report]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by kill
        # A session of its own: the parent handles Ctrl-C. -P: files in the current folder are not
        # imported as modules.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fit_image.apps.sweep.execution.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | _ONE_THREAD,
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._orders, self._output = self._process.stdin, self._process.stdout
        self.trial: Trial | None = None
        # Windows can wait for several sockets, but not for several pipes.
        self._reader = threading.Thread(target=self._read, args=(reports,), daemon=True)
        self._reader.start()

    def start(self, trial: Trial, path: Path, until: int | None) -> None:
        """Start to train a trial in a folder, to its end or until an epoch."""
        self.trial = trial
        order = {"trial": trial.to_json(), "path": str(path.absolute()), "until": until}
        with contextlib.suppress(BrokenPipeError):  # it has exited, as its reports will tell
            self._orders.write(json.dumps(order).encode() + b"\n")
            self._orders.flush()

    def _read(self, reports: queue.SimpleQueue[_Report]) -> None:
        for line in self._output:
            if line.endswith(b"\n"):  # otherwise it was killed while writing it
                reports.put((self, json.loads(line)))
        reports.put((self, None))

    def request_stop(self) -> None:
        """Ask it to save a checkpoint and exit."""
        with contextlib.suppress(BrokenPipeError):
            self._orders.close()

    def kill(self) -> str:
        """Kill it unless it has exited, and return the cause of its exit."""
        self._process.kill()
        code = self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
        self.request_stop()
        self._reader.join()
        self._output.close()
        self._errors.close()
        if code < 0:
            return f"signal {signal.Signals(-code).name}"
        return last or f"exit code {code}"
