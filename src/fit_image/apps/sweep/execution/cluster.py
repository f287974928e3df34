"""Trials on a cluster of dask.distributed."""

from __future__ import annotations

import collections
import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fit_image.apps.fit.picture_source import PictureSource
from fit_image.apps.sweep.execution.connection import (
    LostWorkError,
    check_installed,
    connect,
    first_line,
    quiet,
    result_of,
)
from fit_image.apps.sweep.execution.executor import (
    Advanced,
    Ended,
    Event,
    Executor,
    Notice,
    Started,
)
from fit_image.apps.sweep.execution.transfer import Files, read_state, store_output
from fit_image.apps.sweep.execution.work_unit import Report, VersionError, run_dask_work_unit
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import FINISHED
from fit_image.errors import FitImageError, InputError
from fit_image.version import __version__

_STOP_SECONDS = 10.0
_CHECK_SECONDS = 1.0

# Statuses of trials that need no further work unit for now.
_RETURNED = (*FINISHED, "paused")

# A trial fails after this many lost work units in a row.
_MAX_LOSSES = 4


class ClusterExecutor(Executor):
    """Trains trials on a cluster.

    A trial is trained in work units of some seconds. A worker receives the state of the run, and
    returns the next state and the files recorded meanwhile, which are stored before the next unit
    starts on any worker. No file system is shared, and a lost worker costs one unit.

    Parameters
    ----------
    folder : SweepDirectory
    sources : callable
        Returns the picture of a trial.
    address : str
        Address of the scheduler, such as ``tcp://host:8786``.
    unit_seconds : float
        Training time of a work unit.
    connect_seconds : float
        Time limit for reaching the scheduler.
    poll_seconds : float
        Time between checks for events.
    """

    def __init__(
        self,
        folder: SweepDirectory,
        sources: Callable[[Trial], PictureSource],
        address: str,
        *,
        unit_seconds: float = 20.0,
        connect_seconds: float = 5.0,
        poll_seconds: float = 0.1,
    ) -> None:
        self._folder = folder
        self._waiting: collections.deque[Trial] = collections.deque()
        self._until: Mapping[str, int] = {}
        self._sources = sources
        self._address = address
        self._unit_seconds = unit_seconds
        self._connect_seconds = connect_seconds
        self._poll_seconds = poll_seconds
        self._running: dict[str, _RunningTrial] = {}
        self._pictures: dict[object, Any] = {}
        self._reports: collections.deque[Report] = collections.deque()
        name = f"fit-image-{uuid.uuid4().hex}"
        self._stop_name, self._topic = f"{name}-stop", f"{name}-reports"
        self._stop_deadline: float | None = None
        self._threads = 0
        self._workers: set[str] = set()
        self._checked_at = 0.0
        self._waiting_for_workers = False

    def __enter__(self) -> Self:
        check_installed()  # before `quiet`: dask configures its loggers when imported
        with contextlib.ExitStack() as context:
            context.enter_context(quiet())
            self._client = connect(self._address, self._connect_seconds)
            context.callback(self._client.close, timeout=2)
            import dask

            # Otherwise it warns of every large network.
            threshold = {"distributed.admin.large-graph-warning-threshold": "1 PB"}
            context.enter_context(dask.config.set(threshold))
            # Called in a thread of the client.
            self._client.subscribe_topic(self._topic, lambda event: self._reports.append(event[1]))
            self._pool = futures.ThreadPoolExecutor(4, "fit-image-transfer")
            self._context = context.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        with self._context:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._cancel_work()
            self._pool.shutdown()

    def events(
        self, trials: Sequence[Trial], until: Mapping[str, int] | None = None
    ) -> Iterator[Event | None]:
        self._waiting.extend(trials)
        self._until = until or {}
        while self._waiting or self._running:
            idle = True
            for event in self._poll():
                idle = False
                yield event
            if idle:
                yield None
                time.sleep(self._poll_seconds)

    def stop(self) -> None:
        self.is_stopping = True
        self._waiting.clear()
        if self._stop_deadline is None:
            self._stop_deadline = time.monotonic() + _STOP_SECONDS
            self._request_stop()

    def _poll(self) -> Iterator[Event]:
        if self._client.status == "closed":
            raise FitImageError(f"lost the scheduler at {self._address}; to go on: --resume")
        if self._client.status != "running":
            return  # it is reconnecting
        if time.monotonic() - self._checked_at >= _CHECK_SECONDS:
            self._checked_at = time.monotonic()
            yield from self._check_workers()
        yield from self._start_trials()
        while self._reports:
            key, epoch, share, seconds, psnr = self._reports.popleft()
            running = self._running.get(key)
            if running:
                yield Advanced(running.trial, epoch, share, seconds, psnr)
        for running in list(self._running.values()):
            yield from self._advance(running)
        if self._stop_deadline is not None and (
            time.monotonic() >= self._stop_deadline or self._threads == 0
        ):
            self._cancel_work()

    def _check_workers(self) -> Iterator[Event]:
        try:
            threads = self._client.nthreads()
        except OSError:
            return  # the connection is lost, as the client will notice
        for worker in self._workers - set(threads):
            yield Notice(
                f"the worker at {worker} has left; its work unit is repeated on another one"
            )
        self._workers, self._threads = set(threads), sum(threads.values())
        if self._threads == 0 and not self._waiting_for_workers:
            yield Notice(f"waiting for workers of {self._address}")
        self._waiting_for_workers = self._threads == 0

    def _start_trials(self) -> Iterator[Event]:
        while self._waiting and self._threads > sum(
            running.status not in _RETURNED for running in self._running.values()
        ):
            trial = self._waiting.popleft()
            running = _RunningTrial(trial, self._folder.run_path(trial))
            self._running[trial.key] = running
            running.task = self._pool.submit(read_state, running.path)
            yield Started(trial)

    def _advance(self, running: _RunningTrial) -> Iterator[Event]:
        """Take the next step of a running trial."""
        if running.task is None:
            # Done; or lost, with its worker, its picture or the scheduler.
            if running.unit is not None and running.unit.status != "pending":
                running.task = self._pool.submit(self._collect, running)
            return
        if not running.task.done():
            return
        try:
            state = running.task.result()
            if running.status in _RETURNED:
                yield self._end(running, running.status)
            elif self._stop_deadline is not None:
                yield self._end(running, "interrupted")
            elif self._threads > 0:
                self._submit(running, state)
        except VersionError:
            raise
        except LostWorkError as error:
            yield from self._retry(running, error)
        except InputError as error:
            yield self._end(running, "failed", str(error))
        except FitImageError as error:
            raise FitImageError(f"{error}; to go on: --resume") from error

    def _retry(self, running: _RunningTrial, error: LostWorkError) -> Iterator[Event]:
        running.losses += 1
        if self._stop_deadline is not None:
            yield self._end(running, "interrupted")
        elif running.losses >= _MAX_LOSSES:
            yield self._end(running, "failed", str(error))
        else:
            # Count the workers and send the picture again.
            self._pictures.clear()
            self._threads, self._checked_at = 0, 0.0
            running.unit = None
            running.task = self._pool.submit(read_state, running.path)

    def _end(self, running: _RunningTrial, status: str, message: str = "") -> Ended:
        del self._running[running.trial.key]
        return Ended(running.trial, status, message)

    def _submit(self, running: _RunningTrial, state: Files) -> None:
        trial = running.trial
        running.source = running.source or self._sources(trial)
        order = {
            "trial": trial.to_json(),
            "state": state,
            "seconds": self._unit_seconds,
            "until": self._until.get(trial.key),
        }
        try:
            running.unit = self._client.submit(
                run_dask_work_unit,
                __version__,
                self._picture(trial, running.source),
                order,
                self._stop_name,
                self._topic,
                key=f"fit-image-unit-{trial.key}-{uuid.uuid4().hex}",
                # Trials in progress before new ones.
                priority=1 if state else 0,
                pure=False,
            )
        except (OSError, RuntimeError) as error:
            raise LostWorkError(
                f"cannot send work to {self._address}: {first_line(error)}"
            ) from error
        running.task = None

    def _picture(self, trial: Trial, source: PictureSource) -> Any:
        """Return the picture on the workers, and send it there first if necessary."""
        if trial.target not in self._pictures:
            self._pictures[trial.target] = self._client.scatter(source.image.levels, broadcast=True)
        return self._pictures[trial.target]

    def _cancel_work(self) -> None:
        """Cancel the work units that have not returned."""
        units = [each.unit for each in self._running.values() if each.unit is not None]
        if units and self._client.status == "running":
            self._request_stop()
            with contextlib.suppress(OSError, TimeoutError):
                self._client.cancel(units)

    def _request_stop(self) -> None:
        import distributed

        if self._client.status == "running":
            with contextlib.suppress(OSError, TimeoutError):
                distributed.Event(self._stop_name, self._client).set()

    # In a thread of the pool:

    def _collect(self, running: _RunningTrial) -> Files:
        """Store the output of a work unit, and return the state for the next one."""
        assert running.source
        result = result_of(running.unit)
        running.unit = None  # frees its memory on the worker
        running.losses = 0
        if result.status == "failed":
            raise InputError(result.message)
        running.status = result.status
        store_output(running.trial, running.path, running.source, result.status, result.output)
        return {} if result.status in _RETURNED else read_state(running.path)


@dataclass(eq=False)
class _RunningTrial:
    """A trial with a work unit on the cluster, or a local task that reads or stores its files."""

    trial: Trial
    path: Path
    source: PictureSource | None = None
    unit: Any = None
    task: futures.Future[Files] | None = None
    status: str = "running"
    losses: int = 0
