"""Observers of a training: told what happens, at their own pace, and unable to change it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fit_image.runs.directory import RunDirectory
    from fit_image.runs.manifest import Result
    from fit_image.runs.progress import Status
    from fit_image.runs.trainer import EpochEnd
    from fit_image.storage.npz import Arrays

# Between two calls of `Observer.advance`: so long at least, and so many times the processor's time
# that the last one took, because that is taken from the training.
_SECONDS_BETWEEN_NEWS = 0.1
_REST = 49

_PATIENCE = 2.0


@dataclass(frozen=True)
class Training:
    """A recorded training that begins, or goes on.

    Attributes
    ----------
    directory : RunDirectory
        Its manifest, and its files: the folder of frames, the target if it is one picture.
    epoch_size : int
        Positions of an epoch, as in `Status`.
    rows : sequence of EpochMetrics
        Of the epochs recorded earlier.
    stop : callable
        Asks the training to stop soon, and to keep what is learned. May be called from any thread,
        at any time.
    snapshot : callable
        Returns the state dict of the trainer's last good state, or None; nobody changes its arrays.
        May be called from any thread, at any time.
    """

    directory: RunDirectory
    epoch_size: int
    rows: Sequence[Any]
    stop: Callable[[], None]
    snapshot: Callable[[], Arrays | None]


@dataclass(frozen=True)
class News:
    """News of a training since the last.

    Attributes
    ----------
    status : Status
        The newest.
    rows : sequence of EpochMetrics
        Of the epochs that ended. That of an epoch may come again, with its PSNR.
    drawn : EpochEnd or None
        The newest that has a frame, if there is a new one. The frame cannot be written to, and its
        file is in the folder of frames.
    """

    status: Status
    rows: Sequence[Any]
    drawn: EpochEnd | None


class Observer:
    """Follows one training after the other; the base of classes that override what they need.

    The methods are called in a thread of the observer's own, one after the other, and while the
    training goes on: a slow one misses frames, but delays nothing. If one raises, nothing more is
    told, and the training goes on.
    """

    def begin(self, training: Training) -> None:
        """Take in that a training begins, before anything of it is learned or drawn."""

    def advance(self, news: News) -> None:
        """Take in what has happened; called at most ten times a second."""

    def end(self, result: Result | None) -> None:
        """Take in that the training is over, and its result; None if an error has ended it."""


class Observers(AbstractContextManager["Observers"]):
    """The observers of a training; a context that ends with it, whatever happens inside.

    Attributes
    ----------
    failures : list of Exception
        Those that observers have raised.
    """

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self.failures: list[Exception] = []
        self._stop = threading.Event()
        self._messengers = [_Messenger(observer, self.failures) for observer in observers]

    def __exit__(self, *exception: object) -> None:
        self.end(None)

    @property
    def stop_asked(self) -> bool:
        """Whether an observer has asked the training to stop."""
        return self._stop.is_set()

    def begin(
        self,
        directory: RunDirectory,
        epoch_size: int,
        rows: Sequence[Any],
        snapshot: Callable[[], Arrays | None] = lambda: None,
    ) -> None:
        """Tell that a training begins; the arguments are those of `Training`."""
        training = Training(directory, epoch_size, tuple(rows), self._stop.set, snapshot)
        for messenger in self._messengers:
            messenger.begin(training)

    def tell(self, status: Status, end: EpochEnd | None) -> None:
        """Tell a status and, if it is one, the end of an epoch. Returns at once."""
        for messenger in self._messengers:
            messenger.tell(status, end)

    def end(self, result: Result | None) -> None:
        """Tell that the training is over. Waits until observers have taken that in, but not long.

        Later calls do nothing.
        """
        messengers, self._messengers = self._messengers, []
        for messenger in messengers:
            messenger.end(result)
        deadline = time.monotonic() + _PATIENCE
        for messenger in messengers:
            messenger.wait(max(deadline - time.monotonic(), 0.0))


class _Messenger:
    """Calls an observer in a thread; keeps what there is to tell in the meantime."""

    def __init__(self, observer: Observer, failures: list[Exception]) -> None:
        self._observer = observer
        self._failures = failures
        self._lock = threading.Lock()
        self._status: Status | None = None
        self._rows: list[Any] = []
        self._drawn: EpochEnd | None = None
        self._awake = threading.Event()
        self._over = threading.Event()
        self._result: Result | None = None
        self._thread: threading.Thread | None = None

    def begin(self, training: Training) -> None:
        self._thread = threading.Thread(target=self._run, args=(training,), daemon=True)
        self._thread.start()

    def tell(self, status: Status, end: EpochEnd | None) -> None:
        with self._lock:
            self._status = status
            if end is not None and end.epoch > 0:
                self._rows.append(end.metrics)
            if end is not None and end.frame is not None:
                self._drawn = end
        self._awake.set()

    def end(self, result: Result | None) -> None:
        self._result = result
        self._over.set()
        self._awake.set()

    def wait(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, training: Training) -> None:
        try:
            self._observer.begin(training)
            # The first one does what is needed once, and the second one is not to wait for it.
            costs = deque([0.0], maxlen=2)
            while not self._over.is_set():
                self._awake.wait()
                began = time.thread_time()
                self._advance()
                costs.append(time.thread_time() - began)
                self._over.wait(max(min(costs) * _REST, _SECONDS_BETWEEN_NEWS))
            self._advance()
            self._observer.end(self._result)
        except Exception as error:  # whatever it is, the training goes on
            self._failures.append(error)

    def _advance(self) -> None:
        with self._lock:
            self._awake.clear()
            status, rows, drawn = self._status, self._rows, self._drawn
            self._status, self._rows, self._drawn = None, [], None
        if status is not None:
            self._observer.advance(News(status, rows, drawn and _fixed(drawn)))


def _fixed(end: EpochEnd) -> EpochEnd:
    """Return the end of an epoch without its model, and with a frame that cannot be written to."""
    assert end.frame is not None
    frame = end.frame.view()
    frame.flags.writeable = False
    return replace(end, frame=frame, model=None)
