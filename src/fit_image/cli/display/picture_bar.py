"""A bar below pictures of the training, for ``--watch``."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from typing import Any, Self

from fit_image.cli.display.displays import Bar, ProgressStep, terminal_size, write
from fit_image.cli.live.canvas import Canvas, Panel


class PictureBar(Bar):
    """A bar below pictures, which another thread draws."""

    def __init__(self) -> None:
        super().__init__()
        self._canvas = Canvas()
        self._step = ProgressStep(0.0, ())
        self._lock = threading.RLock()
        self._was_suspended = False
        self._handler: Any = None

    def __enter__(self) -> Self:
        if hasattr(signal, "SIGCONT"):
            self._handler = signal.signal(signal.SIGCONT, self._resume)
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        if hasattr(signal, "SIGCONT"):
            signal.signal(signal.SIGCONT, self._handler or signal.SIG_DFL)

    def _resume(self, *_: object) -> None:
        # The shell has written below the picture while this process was suspended.
        self._was_suspended = True

    def size(self) -> tuple[int, int]:
        """Return the columns and lines of the terminal."""
        size = terminal_size()
        return size.columns, size.lines

    def show(self, panels: Sequence[Panel]) -> None:
        """Draw panels over those before, above the bar."""
        with self._lock:
            self._leave_if_suspended()
            drawing = self._canvas.draw(panels, self.size()[0], self._length)
            write(drawing + self._drawing(self._step))

    def _leave_if_suspended(self) -> None:
        if self._was_suspended:
            self._was_suspended, self._length = False, 0
            self._canvas.leave()

    def leave(self) -> None:
        """Leave the panels where they are: whatever comes next is written below."""
        with self._lock:
            super().clear()
            self._canvas.leave()

    def step(self, step: ProgressStep) -> None:
        # While the terminal is busy with a picture, training does not wait for it.
        if self._lock.acquire(blocking=False):
            try:
                self._step = step
                super().step(step)
            finally:
                self._lock.release()

    def message(self, text: str) -> None:
        with self._lock:
            super().message(text)

    def clear(self) -> None:
        with self._lock:
            self._leave_if_suspended()
            if not self._canvas.is_empty:
                write(self._canvas.erase(self.size()[0], self._length))
            super().clear()
