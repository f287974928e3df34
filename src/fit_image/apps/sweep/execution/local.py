"""Trials in processes of this machine, one thread each."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from fit_image.apps.sweep.execution.executor import Advanced, Ended, Event, Notice, Started
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.errors import FitImageError

# Every library that might start threads of its own, so that workers do not get in each other's way.
_ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("BLIS", "MKL", "NUMBA", "OMP", "OPENBLAS")
} | {"VECLIB_MAXIMUM_THREADS": "1"}

# A trial whose worker dies so often is not tried again.
_ATTEMPTS = 3

_HEARTBEAT = 0.2


class LocalExecutor:
    """Trains trials in worker processes; an `fit_image.apps.sweep.execution.executor.Executor`.

    A worker that dies, for whatever reason, is replaced, and its trial goes on from the checkpoint.

    Parameters
    ----------
    folder : SweepDirectory
        Where the trials have their folders.
    trials : iterable of Trial
        In the order in which they begin.
    jobs : int
        Workers at most.
    """

    def __init__(self, folder: SweepDirectory, trials: Iterable[Trial], jobs: int) -> None:
        self._folder = folder
        self._waiting = collections.deque(trials)
        self._jobs = jobs
        self._selector = selectors.DefaultSelector()
        self._workers: set[_Worker] = set()
        self._deaths: collections.Counter[str] = collections.Counter()
        self._compiling = False
        self._stopping = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.kill()
        self._selector.close()

    def events(self) -> Iterator[Event | None]:
        """Run all trials; see `fit_image.apps.sweep.execution.executor.Executor`."""
        yield from self._assign()
        while any(worker.trial for worker in self._workers):
            ready = self._selector.select(_HEARTBEAT)
            if not ready:
                yield None
            for key, _ in ready:
                worker: _Worker = key.data
                reports = worker.read()
                if reports is None:
                    yield from self._bury(worker)
                for report in reports or ():
                    yield from self._understand(worker, report)
            yield from self._assign()

    def stop(self) -> None:
        """Ask the workers to save their state and end."""
        self._stopping = True
        self._waiting.clear()
        for worker in self._workers:
            worker.dismiss()

    def _assign(self) -> Iterator[Event]:
        idle = [worker for worker in self._workers if worker.trial is None]
        while self._waiting and (idle or len(self._workers) < self._jobs):
            worker = idle.pop() if idle else self._hire()
            trial = self._waiting.popleft()
            worker.begin(trial, self._folder)
            yield Started(trial)

    def _hire(self) -> _Worker:
        worker = _Worker()
        self._workers.add(worker)
        self._selector.register(worker.reports, selectors.EVENT_READ, worker)
        return worker

    def _bury(self, worker: _Worker) -> Iterator[Event]:
        self._selector.unregister(worker.reports)
        self._workers.remove(worker)
        trial, cause = worker.trial, worker.kill()
        if trial is None:
            return
        self._deaths[trial.key] += 1
        if self._stopping:
            yield Ended(trial, "interrupted")
        elif self._deaths[trial.key] < _ATTEMPTS:
            yield Notice(f"a worker died ({cause}); its trial goes on from its checkpoint")
            self._waiting.appendleft(trial)
        else:
            yield Ended(trial, "failed", f"its worker died {_ATTEMPTS} times ({cause})")

    def _understand(self, worker: _Worker, report: dict[str, Any]) -> Iterator[Event]:
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
                if report.pop("hopeless"):
                    raise FitImageError(f"{report['message']}; to go on: --resume")
                yield Ended(trial, **report)


class _Worker:
    """A process of `fit_image.apps.sweep.execution.worker`."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by kill
        # A session of its own: Ctrl-C on the terminal is the parent's business. -P: files where
        # the user happens to be are not taken for modules.
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
        self._orders, self.reports = self._process.stdin, self._process.stdout
        self._rest = b""
        self.trial: Trial | None = None

    def begin(self, trial: Trial, folder: SweepDirectory) -> None:
        """Have it train a trial."""
        self.trial = trial
        order = {"trial": trial.to_json(), "path": str(folder.run_path(trial).absolute())}
        with contextlib.suppress(BrokenPipeError):  # it is dead, and its silence will tell
            self._orders.write(json.dumps(order).encode() + b"\n")
            self._orders.flush()

    def read(self) -> list[dict[str, Any]] | None:
        """Return what it reports; None if it has ended."""
        data = os.read(self.reports.fileno(), 1 << 16)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def dismiss(self) -> None:
        """Ask it to save its state and end."""
        with contextlib.suppress(BrokenPipeError):
            self._orders.close()

    def kill(self) -> str:
        """End it now, if it has not ended; return how it ended."""
        self._process.kill()
        code = self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
        self.dismiss()
        self.reports.close()
        self._errors.close()
        if code < 0:
            return f"signal {signal.Signals(-code).name}"
        return last or f"exit code {code}"
