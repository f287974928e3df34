"""Training time: seconds in which the process trains, without those in which it was stopped."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

# Seconds of a step that is no stop however little it computes: other programs delay it as long.
_SHORTEST_STOP = 0.5

# A step in no more than so many times the usual time is no stop either.
_SLOWER = 4.0

# Asking for the processor's time takes microseconds: it is asked after so many seconds.
_INTERVAL = 0.02

# So many intervals say what is usual.
_MEMORY = 5


class TrainingClock:
    """Measures steps, and does not count the time in which the process was stopped, as by Ctrl-Z.

    A stopped process uses no processor. The time that a step usually takes follows from the
    processor's time that it used, and from the ratio of both in the steps before; the median of
    five ratios ignores a stop, and follows a machine that has become busier. A step that takes
    longer by half a second and four times counts as long as usual. So does one in which the process
    waited for something else, such as a disk that was asleep.

    Parameters
    ----------
    wall : callable
        Returns the time in seconds.
    processor : callable
        Returns the seconds of all processors that this process has used.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.perf_counter,
        processor: Callable[[], float] = time.process_time,
    ) -> None:
        self._wall, self._processor = wall, processor
        self._ratios: deque[float] = deque(maxlen=_MEMORY)
        self._began = wall()
        self._asked = self._began, processor()

    def start(self) -> None:
        """Begin a step; the time before it does not count."""
        self._began = self._wall()
        if self._began - self._asked[0] >= _INTERVAL:
            self._asked = self._began, self._processor()

    def lap(self) -> float:
        """End a step, begin the next one, and return the seconds that the ended one counts."""
        now = self._wall()
        seconds = max(now - self._began, 0.0)
        self._began = now
        then, used_then = self._asked
        if now - then < _INTERVAL:
            return seconds
        used = self._processor()
        self._asked = now, used
        passed, used = now - then, used - used_then
        ratios = sorted(self._ratios) or [1.0]
        usual = used * ratios[len(ratios) // 2]
        if used > 0:
            self._ratios.append(passed / used)
        if passed > _SHORTEST_STOP + _SLOWER * usual:
            return max(seconds - (passed - usual), 0.0)
        return seconds
