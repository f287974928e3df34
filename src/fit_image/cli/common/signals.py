"""SIGINT, SIGTERM and SIGHUP: the first stops gracefully, the second immediately."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Self

_HANDLED = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
"""Windows has no SIGHUP."""


class Interrupted(BaseException):
    """A signal stops the program immediately.

    Not a KeyboardInterrupt, for which click chooses an exit code of its own.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


class Signals:
    """Handles SIGINT, SIGTERM and SIGHUP while its context lasts, unless they were ignored.

    The first signal is recorded, and the program checks for it where it can stop; the second one
    raises `Interrupted`. Raising everywhere is not safe: inside an import, for example, Python may
    swallow the exception.

    Attributes
    ----------
    received : int or None
        The first signal.
    at_once : bool
        Whether the first signal raises `Interrupted`, too.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.at_once = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for signum in _HANDLED:
            # nohup ignores SIGHUP, and a script's ``command &`` SIGINT: they stay ignored.
            if signal.getsignal(signum) != signal.SIG_IGN:
                self._before[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        stopping = self.received is not None or isinstance(error, Interrupted)
        for signum, handler in self._before.items():
            # Another Ctrl-C must not disturb the last line and the exit code.
            signal.signal(signum, signal.SIG_IGN if stopping else handler)  # type: ignore[arg-type]

    def check(self) -> None:
        """Raise `Interrupted` if a signal has arrived."""
        if self.received is not None:
            raise Interrupted(self.received)

    def act_at_once(self) -> None:
        """Raise `Interrupted` at any signal from now on, or if one has arrived."""
        self.at_once = True
        self.check()

    @contextlib.contextmanager
    def acting_at_once(self) -> Iterator[None]:
        """Raise `Interrupted` at any signal inside the block, where nothing can be lost."""
        self.act_at_once()
        try:
            yield
        finally:
            self.at_once = False

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        now = self.at_once or self.received is not None
        # Always recorded: if Python swallows the exception, the next `check` raises it again.
        self.received = signum
        if now:
            raise Interrupted(signum)
