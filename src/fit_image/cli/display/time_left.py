"""How long the work still takes."""

from __future__ import annotations

import time


class TimeLeft:
    """The time left, by the speed of the last half minute or so."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, float]] = []

    def seconds_left(self, done: float) -> float | None:
        """Return the time left when the share ``done`` (0..1) is done; None while unknown."""
        now = time.monotonic()
        if not self._marks or now - self._marks[-1][0] >= 1.0:
            self._marks.append((now, done))
            del self._marks[:-30]
        (then, done_then) = self._marks[0]
        if done <= done_then or now - then < 0.5:
            return None
        return (1.0 - done) * (now - then) / (done - done_then)
