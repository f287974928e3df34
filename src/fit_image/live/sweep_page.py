"""The page of a sweep: its trials, in step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.sweep.execution.executor import Advanced, Ended, Event, Started
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import ENDED, Outcome
from fit_image.live.board import Board
from fit_image.live.facts import make_reel

MOST_TRIALS = 24
"""Trials that the page shows: those that are learning, and the best of those that have ended."""


class SweepPage:
    """Shows the trials of a sweep on a board.

    Parameters
    ----------
    board : Board
    folder : SweepDirectory
    labels : mapping of str to str
        Labels of the trials by key.
    outcomes : iterable of Outcome
        Of all trials at the start.
    """

    def __init__(
        self,
        board: Board,
        folder: SweepDirectory,
        labels: Mapping[str, str],
        outcomes: Iterable[Outcome],
    ) -> None:
        self._board = board
        self._folder = folder
        self._labels = labels
        self._psnr: dict[str, float] = {}  # of the trials that are shown
        self._running: set[str] = set()
        self._series: dict[str, int] = {}
        ended = [outcome for outcome in outcomes if outcome.status in ENDED]
        ended.sort(key=lambda outcome: -(outcome.psnr or 0.0))
        for outcome in ended[:MOST_TRIALS]:
            self._show(outcome.trial)
            self._psnr[outcome.trial.key] = outcome.psnr or 0.0
            board.tell_of(outcome.trial.key, state=outcome.status)
        board.tell(state="learning", trials=len(labels), ended=len(ended))

    @property
    def stop_asked(self) -> bool:
        """Whether somebody has pressed the button."""
        return self._board.stop_asked.is_set()

    def update(self, event: Event | None, done: int, share: float) -> None:
        """Take in an event, the number of trials that have ended, and how much is done (0..1)."""
        match event:
            case None:
                return
            case Started(trial):
                self._start(trial)
            case Advanced(trial):
                self._advance(event)
            case Ended(trial):
                self._running.discard(trial.key)
                if trial.key in self._series:
                    self._board.tell_of(trial.key, state=event.status)
        self._board.tell(ended=done, share=share)

    def end(self, state: str) -> None:
        """Say how the sweep has ended."""
        self._board.tell(state=state)

    def _start(self, trial: Trial) -> None:
        self._running.add(trial.key)
        if trial.key not in self._series and not self._make_room():
            return
        self._show(trial)
        self._psnr.setdefault(trial.key, 0.0)
        self._board.tell_of(trial.key, state="learning")

    def _advance(self, event: Advanced) -> None:
        key = event.trial.key
        if key in self._series:
            self._psnr[key] = event.psnr or 0.0
            self._board.tell_of(
                key, epoch=event.epoch, seconds=event.seconds, share=event.share, state="learning"
            )

    def _make_room(self) -> bool:
        """Take away the worst of the trials that have ended, if all places are taken."""
        if len(self._series) < MOST_TRIALS:
            return True
        ended = [key for key in self._series if key not in self._running]
        if not ended:
            return False
        worst = min(ended, key=lambda key: self._psnr[key])
        self._board.take_away(worst)
        del self._series[worst], self._psnr[worst]
        return True

    def _show(self, trial: Trial) -> None:
        if trial.key in self._series:
            return
        taken = {*self._series.values()}
        series = next(number for number in range(MOST_TRIALS) if number not in taken)
        self._series[trial.key] = series
        directory = FitDirectory(self._folder.run_path(trial), trial.manifest)
        label = self._labels[trial.key]
        self._board.put(make_reel(directory, trial.epoch_size, trial.key, label, series))
