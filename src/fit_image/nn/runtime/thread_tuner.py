"""Choice of the fastest number of threads, by trial while the work goes on."""

from __future__ import annotations

import time
from collections.abc import Callable

# A trial is long enough to tell two speeds apart, and short enough to waste on the slower one.
_TRIAL_SECONDS = 0.04
# Other programs come and go: trials are repeated, at once when the work becomes slower by this
# factor, and else after a time that doubles as long as the answer is the same.
_SLOWER = 1.3
_TRUST_SECONDS = (1.0, 16.0)


def counts_up_to(most: int) -> list[int]:
    """Return the powers of 2 up to ``most``, and itself."""
    return [*(1 << power for power in range(most.bit_length()) if 1 << power < most), most]


class ThreadTuner:
    """Chooses between numbers of threads by the speed of the work itself.

    Parameters
    ----------
    candidates : list of int
        The numbers to choose from, such as `counts_up_to`.

    Attributes
    ----------
    threads : int
        How many to use for the next part of the work.
    """

    def __init__(self, candidates: list[int], clock: Callable[[], float] = time.monotonic) -> None:
        self._candidates = candidates
        self._clock = clock
        self.threads = candidates[0]
        self._amount = self._seconds = 0.0
        self._untried = list(candidates)
        self._speed: dict[int, float] = {}
        self._answer = 0
        self._trust = self._trusted_until = 0.0

    @property
    def fastest(self) -> int:
        """The number last found to be the fastest, or the first candidate before any was."""
        return self._answer or self._candidates[0]

    def record(self, amount: float, seconds: float) -> None:
        """Record the seconds that ``amount`` of work took with `threads` threads."""
        if len(self._candidates) == 1 or amount <= 0:
            return
        self._amount += amount
        self._seconds += seconds
        if self._seconds < _TRIAL_SECONDS:
            return
        cost, self._amount, self._seconds = self._seconds / self._amount, 0.0, 0.0
        if self._untried:
            self._speed[self.threads] = cost
            self._untried.remove(self.threads)
            self.threads = self._untried[0] if self._untried else self._settle()
        elif cost > _SLOWER * self._speed[self.threads] or self._clock() > self._trusted_until:
            self._untried, self._speed = list(self._candidates), {}
            self.threads = self._untried[0]

    def _settle(self) -> int:
        shortest, longest = _TRUST_SECONDS
        fastest = min(self._speed, key=self._speed.__getitem__)
        self._trust = min(2 * self._trust, longest) if fastest == self._answer else shortest
        self._trusted_until = self._clock() + self._trust
        self._answer = fastest
        return fastest
