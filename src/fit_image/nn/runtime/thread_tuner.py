"""Choice of the fastest number of threads, by trial while the work goes on.

Numbers are tried in turns, and compared by their medians, because other programs come and go. Those
that are clearly slower are not tried again in the same round, and in most rounds only the answer of
the round before and the numbers next to it are tried.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable

# A trial is long enough to tell two speeds apart, and short enough to waste on the slower one.
_TRIAL_SECONDS = 0.03

# After each of a round's turns, numbers slower than the fastest by these factors are dropped.
_DROPPED = (1.35, 1.15, 1.0)

# Fewer threads are chosen where they are slower by this factor at most: others have work, too.
_EQUAL = 1.02

# Trials are repeated after a time that doubles as long as the answer is the same; but after the
# shortest already if the work has become slower by this factor for so many times as long as one.
_TRUST_SECONDS = (1.0, 16.0)
_SLOWER, _SLOW_TRIALS = 1.3, 5

# Numbers further apart than this have one in the middle that is tried.
_NEAR = 2

# Of so many rounds, one is over all candidates.
_ROUNDS = 4


def counts_up_to(most: int) -> list[int]:
    """Return the powers of 2 up to ``most``, and itself."""
    return [*(1 << power for power in range(most.bit_length()) if 1 << power < most), most]


class ThreadTuner:
    """Chooses between numbers of threads by the speed of the work itself.

    Parameters
    ----------
    candidates : list of int
        The numbers to choose from, in order, such as `counts_up_to`. Numbers in the middle between
        the fastest one and its neighbours are tried, too.

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
        self._is_new = True  # the number of threads has changed just now
        self._answer = self._rounds = self._turns = 0
        self._untried: list[int] = []
        self._costs: dict[int, list[float]] = {}
        self._newest: deque[float] = deque(maxlen=_SLOW_TRIALS)
        self._trust = self._settled_at = 0.0
        self._begin_round()

    @property
    def fastest(self) -> int:
        """The number last found to be the fastest, or the first candidate before any was."""
        return self._answer or self._candidates[0]

    @property
    def is_settled(self) -> bool:
        """Whether a number was found to be the fastest, or there is no choice."""
        return bool(self._answer) or len(self._candidates) == 1

    def record(self, amount: float, seconds: float, *, void: bool = False) -> None:
        """Record the seconds that ``amount`` of work took with `threads` threads.

        ``void`` says that so many threads could not work together.
        """
        if len(self._candidates) == 1 or amount <= 0:
            return
        if void:
            self._amount = self._seconds = 0.0
            self._take(math.inf)
        elif self._is_new:
            # Threads were woken in it, and read anew what another core had in its cache.
            self._is_new = False
        else:
            self._amount += amount
            self._seconds += seconds
            if self._seconds >= _TRIAL_SECONDS:
                cost, self._amount, self._seconds = self._seconds / self._amount, 0.0, 0.0
                self._take(cost)

    def interrupt(self) -> None:
        """Say that the threads do something else before they go on."""
        self._amount = self._seconds = 0.0
        self._is_new = True

    def _take(self, cost: float) -> None:
        """Go on after a trial, or after as long a time in which nothing was tried."""
        if self._untried:
            self._costs.setdefault(self._untried.pop(0), []).append(cost)
            if not self._untried:
                self._end_turn()
            self._use(self._untried[0] if self._untried else self._answer)
            return
        self._newest.append(cost)
        slow = len(self._newest) == _SLOW_TRIALS and (
            statistics.median(self._newest) > _SLOWER * self._cost(self._answer)
        )
        trust = _TRUST_SECONDS[0] if slow else self._trust
        if cost == math.inf or self._clock() - self._settled_at > trust:
            self._begin_round()

    def _use(self, threads: int) -> None:
        self._is_new = threads != self.threads
        self.threads = threads

    def _begin_round(self) -> None:
        numbers = list(self._candidates)
        if self._rounds % _ROUNDS:
            known = sorted({*numbers, self._answer})
            place = known.index(self._answer)
            numbers = known[max(place - 1, 0) : place + 2]
        self._rounds += 1
        self._turns = 0
        self._costs = {}
        self._untried = numbers
        self._use(numbers[0])

    def _end_turn(self) -> None:
        fastest = min(self._costs, key=self._cost)
        limit = _DROPPED[self._turns] * self._cost(fastest)
        rest = [number for number in sorted(self._costs) if self._cost(number) <= limit]
        if self._turns == 0:
            rest = sorted({*rest, *self._between(fastest)})
        self._turns += 1
        if len(rest) > 1 and self._turns < len(_DROPPED):
            self._untried = rest
        else:
            self._settle()

    def _between(self, number: int) -> list[int]:
        """Return the numbers in the middle between a number that was tried and its neighbours."""
        tried = sorted(self._costs)
        place = tried.index(number)
        others = tried[max(place - 1, 0) : place + 2]
        return [(number + other) // 2 for other in others if abs(number - other) > _NEAR]

    def _settle(self) -> None:
        shortest, longest = _TRUST_SECONDS
        limit = _EQUAL * min(map(self._cost, self._costs))
        fastest = min(number for number in self._costs if self._cost(number) <= limit)
        self._trust = min(2 * self._trust, longest) if fastest == self._answer else shortest
        self._settled_at = self._clock()
        self._answer = fastest
        self._newest.clear()

    def _cost(self, number: int) -> float:
        return statistics.median(self._costs[number])
