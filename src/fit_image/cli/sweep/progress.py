"""Progress of a sweep: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fit_image.cli.common.texts import format_duration
from fit_image.cli.display.displays import Display, ProgressStep
from fit_image.cli.display.table import Line, Table
from fit_image.cli.display.time_left import TimeLeft

if TYPE_CHECKING:
    from fit_image.apps.sweep.execution.executor import Advanced, Event
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.plan.trial import Trial
    from fit_image.apps.sweep.results.outcome import Outcome

_MAX_ENDED = 10


class SweepProgress:
    """State of all trials of a sweep.

    Parameters
    ----------
    folder : SweepDirectory
    outcomes : sequence of Outcome
        Of all trials at the start.
    labels : mapping of str to str
        Labels of the trials by key.
    costs : mapping of str to float
        Expected seconds of the trials to be trained, by key.
    """

    def __init__(
        self,
        folder: SweepDirectory,
        outcomes: Sequence[Outcome],
        labels: Mapping[str, str],
        costs: Mapping[str, float],
    ) -> None:
        from fit_image.apps.sweep.results.outcome import ENDED

        self._folder = folder
        self._labels = labels
        self._costs = costs
        self._shares = dict.fromkeys(costs, 0.0)
        self._expected = dict.fromkeys(costs, 1.0)
        self._running: dict[str, Advanced | None] = {}
        self._epochs: dict[str, int] = {}
        # Sorted by falling PSNR as they end, because the lines are drawn many times a second.
        # Trials that are neither finished nor to be trained now are left out.
        self._ended: list[tuple[float, Line]] = []
        for each in outcomes:
            if each.trial.key not in costs and each.status in ENDED:
                self._add(each)
        self._total = len(self._ended) + len(costs)
        self._time_left = TimeLeft()

    def show(self, event: Event | None, display: Display) -> None:
        """Update with an event if there is one, and draw."""
        from fit_image.apps.sweep.execution.executor import Notice

        line = self.update(event) if event else None
        # A table shows by itself what has ended.
        if line and (isinstance(event, Notice) or not isinstance(display, Table)):
            display.message(line)
        if isinstance(display, Table):
            display.show(self.lines, self.step())
        else:
            display.step(self.step())

    def update(self, event: Event) -> str | None:
        """Update with an event; return a line for the log if it deserves one."""
        from fit_image.apps.sweep.execution.executor import (
            Advanced,
            Ended,
            Expected,
            Notice,
            Started,
        )

        match event:
            case Expected(shares):
                self._expected |= {key: shares[key] for key in shares.keys() & self._costs.keys()}
            case Started(trial):
                self._running.setdefault(trial.key, None)
                self._epochs[trial.key] = trial.manifest.fit.epochs
            case Advanced(trial):
                self._running[trial.key] = event
                self._shares[trial.key] = event.share
            case Ended(trial):
                return self._end(trial, event.status, event.message)
            case Notice(text):
                return text
        return None

    def _end(self, trial: Trial, status: str, message: str) -> str:
        from fit_image.apps.sweep.results.outcome import read_outcome

        self._running.pop(trial.key, None)
        outcome = read_outcome(self._folder, trial)
        if status == "stopped":  # which follows from the others' outcomes
            outcome = replace(outcome, status=status)
        if status not in ("interrupted", "paused"):
            self._shares[trial.key] = self._expected[trial.key]
            self._add(outcome)
        count = f"[{len(self._ended)}/{self._total}]"
        reason = f": {message}" if message else ""
        return f"{count} {self._labels[trial.key]}: {_format_outcome(outcome)}{reason}"

    def _add(self, outcome: Outcome) -> None:
        line = Line(self._labels[outcome.trial.key], _format_outcome(outcome))
        bisect.insort(self._ended, (-(outcome.psnr or 0.0), line), key=lambda item: item[0])

    @property
    def ended(self) -> int:
        """Number of trials that have ended, or had before."""
        return len(self._ended)

    @property
    def done(self) -> float:
        """Fraction (0..1) of the expected training time."""
        # A trial that is stopped early did less than was expected of it when it ended.
        shares = {key: min(share, self._expected[key]) for key, share in self._shares.items()}
        done = sum(cost * shares[key] for key, cost in self._costs.items())
        total = sum(cost * self._expected[key] for key, cost in self._costs.items())
        return min(done / total, 1.0) if total else 1.0

    def step(self) -> ProgressStep:
        """Return the overall progress."""
        parts = [f"{len(self._ended)}/{self._total} trials"]
        left = self._time_left.seconds_left(self.done)
        if left is not None:
            parts.append(f"{format_duration(left)} left")
        return ProgressStep(self.done, tuple(parts))

    def lines(self, room: int) -> list[Line]:
        """Return at most ``room`` lines: running trials, then the best ended ones."""
        running = list(self._running.items())
        shown = running if len(running) <= room else running[: room - 1]
        lines = [self._running_line(key, last) for key, last in shown]
        if len(shown) < len(running):
            lines.append(Line(f"and {len(running) - len(shown)} more"))
        most = min(_MAX_ENDED, room - len(lines) - 1)
        ended = [line for _, line in self._ended[: max(most, 0)]]
        if ended:
            best = "" if len(ended) == len(self._ended) else f", the best {len(ended)}"
            lines.append(Line(f"ended{best}:"))
            lines += ended
        return lines

    def _running_line(self, key: str, last: Advanced | None) -> Line:
        label = self._labels[key]
        if last is None:
            return Line(label, "starting", 0.0)
        parts = [f"epoch {last.epoch}/{self._epochs[key]}"]
        if last.psnr is not None:
            parts.append(f"{last.psnr:.2f} dB")
        return Line(label, "  ".join([*parts, format_duration(last.seconds)]), last.share)


def _format_outcome(outcome: Outcome) -> str:
    parts = [] if outcome.status == "done" else [outcome.status]
    if outcome.stalled:
        parts.append("learned nothing")
    if outcome.psnr is not None:
        parts.append(f"{outcome.psnr:.2f} dB")
    if outcome.unseen_psnr is not None:
        parts.append(f"{outcome.unseen_psnr:.2f} dB unseen")
    if outcome.seconds:
        parts.append(format_duration(outcome.seconds))
    return "  ".join(parts) or outcome.status
