"""Ctrl-C and its relatives: stop gracefully at the first, at once at the second."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Self


class Interrupted(BaseException):
    """A signal asked the program to stop now.

    Not a KeyboardInterrupt, which click turns into an exit code of its own.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class Signals:
    """Handles SIGINT, SIGTERM and SIGHUP while its context lasts.

    Attributes
    ----------
    received : int or None
        The signal that came while `graceful` was on.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._graceful = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup asks for SIGHUP to be ignored.
            if signum == signal.SIGHUP and signal.getsignal(signum) == signal.SIG_IGN:
                continue
            self._before[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def graceful(self) -> Iterator[None]:
        """Inside, the first signal is noted in ``received``; the next one raises Interrupted."""
        self._graceful = True
        try:
            yield
        finally:
            self._graceful = False

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self._graceful and self.received is None:
            self.received = signum
        else:
            raise Interrupted(signum)
