"""Trials on a cluster of dask.distributed."""

from __future__ import annotations

import collections
import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from fit_image.apps.source import Source
from fit_image.apps.sweep.execution.connection import (
    LostWorkError,
    check_installed,
    connect,
    first_line,
    quiet,
    result_of,
)
from fit_image.apps.sweep.execution.executor import Advanced, Ended, Event, Notice, Started
from fit_image.apps.sweep.execution.transfer import Files, read_state, store_output
from fit_image.apps.sweep.execution.work_unit import Report, VersionError, run_dask_work_unit
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import FINISHED
from fit_image.errors import FitImageError, InputError
from fit_image.version import __version__

# What a lost worker costs at most.
_UNIT_SECONDS = 20.0

_SECONDS_TO_STOP = 10.0
_SECONDS_BETWEEN_LOOKS = 1.0
_HEARTBEAT = 0.1

# A trial whose legs get lost so often in sequence is not tried again.
_ATTEMPTS = 4


class ClusterExecutor:
    """Trains trials on a cluster; an `fit_image.apps.sweep.execution.executor.Executor`.

    A trial is trained in legs of some seconds. A worker is given the state of the run, and returns
    the next state and what was recorded meanwhile, which is taken in before the next leg, on any
    worker. So nothing is shared but the network, and a lost worker costs a leg.

    Parameters
    ----------
    folder : SweepDirectory
        Where the trials have their folders.
    trials : sequence of Trial
        In the order in which they begin.
    sources : callable
        Returns the picture of a trial.
    address : str
        Of the scheduler, such as ``tcp://host:8786``.
    unit_seconds : float
        How long a leg takes.
    """

    def __init__(
        self,
        folder: SweepDirectory,
        trials: Sequence[Trial],
        sources: Callable[[Trial], Source],
        address: str,
        *,
        unit_seconds: float = _UNIT_SECONDS,
    ) -> None:
        self._folder = folder
        self._waiting = collections.deque(trials)
        self._sources = sources
        self._address = address
        self._leg_seconds = unit_seconds
        self._under_way: dict[str, _Course] = {}
        self._pictures: dict[object, Any] = {}
        self._reports: collections.deque[Report] = collections.deque()
        name = f"fit-image-{uuid.uuid4().hex}"
        self._stop_name, self._topic = f"{name}-stop", f"{name}-reports"
        self._stop_until: float | None = None
        self._threads = 0
        self._workers: set[str] = set()
        self._looked_at = 0.0
        self._told_to_wait = False
        self._context = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Connect to the scheduler.

        Raises
        ------
        InputError
            If that is impossible, or dask.distributed is not installed.
        """
        check_installed()  # before it is quiet: dask sets up its log when it is imported
        with contextlib.ExitStack() as context:
            context.enter_context(quiet())
            self._client = connect(self._address)
            context.callback(self._client.close, timeout=2)
            # It would say so of every large network.
            import dask

            threshold = {"distributed.admin.large-graph-warning-threshold": "1 PB"}
            context.enter_context(dask.config.set(threshold))
            self._client.subscribe_topic(self._topic, self._hear)
            self._pool = futures.ThreadPoolExecutor(4, "fit-image-transfer")
            self._context = context.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._context:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._recall_legs()
            self._pool.shutdown()

    def events(self) -> Iterator[Event | None]:
        """Run all trials; see `fit_image.apps.sweep.execution.executor.Executor`."""
        while self._waiting or self._under_way:
            idle = True
            for event in self._proceed():
                idle = False
                yield event
            if idle:
                yield None
                time.sleep(_HEARTBEAT)

    def stop(self) -> None:
        """Ask the workers to return the states of their trials."""
        self._waiting.clear()
        if self._stop_until is None:
            self._stop_until = time.monotonic() + _SECONDS_TO_STOP
            self._tell_to_stop()

    def _proceed(self) -> Iterator[Event]:
        if self._client.status == "closed":
            raise FitImageError(f"lost the scheduler at {self._address}; to go on: --resume")
        if self._client.status != "running":
            return  # it is connecting again
        if time.monotonic() - self._looked_at >= _SECONDS_BETWEEN_LOOKS:
            self._looked_at = time.monotonic()
            yield from self._look_at_workers()
        yield from self._begin_trials()
        while self._reports:
            key, epoch, share, seconds, psnr = self._reports.popleft()
            course = self._under_way.get(key)
            if course:
                yield Advanced(course.trial, epoch, share, seconds, psnr)
        for course in list(self._under_way.values()):
            yield from self._follow(course)
        if self._stop_until is not None and (
            time.monotonic() >= self._stop_until or self._threads == 0
        ):
            self._recall_legs()

    def _look_at_workers(self) -> Iterator[Event]:
        try:
            threads = self._client.nthreads()
        except OSError:
            return  # the connection is lost, which the client will find out
        for worker in self._workers - set(threads):
            yield Notice(f"the worker at {worker} has left; another one repeats its last seconds")
        self._workers, self._threads = set(threads), sum(threads.values())
        if self._threads == 0 and not self._told_to_wait:
            yield Notice(f"waiting for workers of {self._address}")
        self._told_to_wait = self._threads == 0

    def _begin_trials(self) -> Iterator[Event]:
        def busy() -> int:
            return sum(course.status not in FINISHED for course in self._under_way.values())

        while self._waiting and busy() < self._threads:
            course = _Course(self._waiting.popleft())
            self._under_way[course.trial.key] = course
            course.task = self._pool.submit(self._read, course)
            yield Started(course.trial)

    def _follow(self, course: _Course) -> Iterator[Event]:
        """Do what is next for a trial under way."""
        if course.task is None:
            # Done, or lost with the workers that had its picture, or with the scheduler.
            if course.leg is not None and course.leg.status != "pending":
                course.task = self._pool.submit(self._fetch, course)
            return
        if not course.task.done():
            return
        try:
            state = course.task.result()
            if course.status in FINISHED:
                yield self._end(course, course.status)
            elif self._stop_until is not None:
                yield self._end(course, "interrupted")
            elif self._threads > 0:
                self._submit(course, state)
        except (VersionError, LostWorkError) as error:
            yield from self._lose(course, error)
        except InputError as error:
            yield self._end(course, "failed", str(error))
        except FitImageError as error:
            raise FitImageError(f"{error}; to go on: --resume") from error

    def _lose(self, course: _Course, error: FitImageError) -> Iterator[Event]:
        if isinstance(error, VersionError):
            raise error
        course.losses += 1
        if self._stop_until is not None:
            yield self._end(course, "interrupted")
        elif course.losses >= _ATTEMPTS:
            yield self._end(course, "failed", str(error))
        else:
            # Who is left, and has the picture, is to be found out again.
            self._pictures.clear()
            self._threads, self._looked_at = 0, 0.0
            course.leg = None
            course.task = self._pool.submit(self._read, course)

    def _end(self, course: _Course, status: str, message: str = "") -> Ended:
        del self._under_way[course.trial.key]
        return Ended(course.trial, status, message)

    def _submit(self, course: _Course, state: Files) -> None:
        trial = course.trial
        course.source = course.source or self._sources(trial)
        order = {"trial": trial.to_json(), "state": state, "seconds": self._leg_seconds}
        try:
            course.leg = self._client.submit(
                run_dask_work_unit,
                __version__,
                self._picture(trial, course.source),
                order,
                self._stop_name,
                self._topic,
                key=f"fit-image-leg-{trial.key}-{uuid.uuid4().hex}",
                # What has begun comes before what is new.
                priority=1 if state else 0,
                pure=False,
            )
        except (OSError, RuntimeError) as error:
            raise LostWorkError(
                f"cannot send work to {self._address}: {first_line(error)}"
            ) from error
        course.task = None

    def _picture(self, trial: Trial, source: Source) -> Any:
        """Return the picture as it lies on the workers, sent there if need be."""
        manifest = trial.manifest
        which = (manifest.picture.sha256, manifest.image)
        if which not in self._pictures:
            self._pictures[which] = self._client.scatter(source.image.levels, broadcast=True)
        return self._pictures[which]

    def _recall_legs(self) -> None:
        """Take back what the workers have not returned."""
        legs = [course.leg for course in self._under_way.values() if course.leg is not None]
        if legs and self._client.status == "running":
            self._tell_to_stop()
            with contextlib.suppress(OSError, TimeoutError):
                self._client.cancel(legs)

    def _tell_to_stop(self) -> None:
        import distributed

        if self._client.status == "running":
            with contextlib.suppress(OSError, TimeoutError):
                distributed.Event(self._stop_name, self._client).set()

    # In a thread of the pool:

    def _read(self, course: _Course) -> Files:
        return read_state(self._folder.run_path(course.trial))

    def _fetch(self, course: _Course) -> Files:
        """Take in what a leg returned, and return the state for the next one."""
        assert course.source
        leg = result_of(course.leg)
        course.leg = None  # its memory on the worker is free
        course.losses = 0
        if leg.status == "failed":
            raise InputError(leg.message)
        course.status = leg.status
        trial, path = course.trial, self._folder.run_path(course.trial)
        store_output(trial, path, course.source, leg.status, leg.news)
        return {} if leg.status in FINISHED else read_state(path)

    # In the thread of the client:

    def _hear(self, event: tuple[float, Report]) -> None:
        self._reports.append(event[1])


@dataclass(eq=False)
class _Course:
    """A trial under way: a leg on the cluster, or a task here that prepares or takes in one."""

    trial: Trial
    source: Source | None = None
    leg: Any = None
    task: futures.Future[Files] | None = None
    status: str = "running"
    losses: int = 0
