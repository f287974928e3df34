"""The state of the page, told by trainings and asked by connections, each in its own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fit_image.live.reel import Reel


@dataclass
class Seen:
    """The news that a connection has been told.

    Attributes
    ----------
    facts : bool
        Whether it knows the facts of the board.
    rows : dict of str to tuple
        By reel: the generation and the number of its rows.
    """

    facts: bool = False
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)


class Board:
    """Trainings as the page shows them; may be used by any thread.

    Parameters
    ----------
    facts : mapping
        JSON values about all of it, which do not change.

    Attributes
    ----------
    stop_asked : threading.Event
        Set when somebody has pressed the button.
    over : bool
        Whether nothing is going to change any more.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.stop_asked = threading.Event()
        self.over = False
        self._facts = dict(facts)
        self._changed = threading.Condition()
        self._reading = threading.Lock()
        self._version = 0
        self._standing: dict[str, Any] = {}
        self._reels: dict[str, Reel] = {}
        self._on_stop: Callable[[], None] | None = None

    def tell(self, **standing: Any) -> None:
        """Change values about all of it."""
        with self._changed:
            self._standing |= standing
            self._notify()

    def tell_of(self, key: str, **standing: Any) -> None:
        """Change values of a reel."""
        with self._changed:
            self._reels[key].standing |= standing
            self._notify()

    def put(self, reel: Reel) -> None:
        """Add a reel, or replace one of the same key."""
        with self._changed:
            self._reels[reel.key] = reel
            self._notify()

    def take_away(self, key: str) -> None:
        """Remove a reel."""
        with self._changed:
            del self._reels[key]
            self._notify()

    def end(self) -> None:
        """Say that nothing is going to change any more; what is learning still has failed."""
        with self._changed:
            if self._standing.get("state", "learning") == "learning":
                self._standing["state"] = "failed"
            self.over = True
            self._notify()

    def ask_to_stop(self) -> None:
        """Take in that somebody wants the training to end here."""
        self.stop_asked.set()
        with self._changed:
            on_stop = self._on_stop
            self._standing["stopping"] = True
            self._notify()
        if on_stop:
            on_stop()

    def when_asked_to_stop(self, action: Callable[[], None] | None) -> None:
        """Call ``action`` in the thread that asks, or at once if that has happened."""
        with self._changed:
            self._on_stop = action
        if action and self.stop_asked.is_set():
            action()

    def reel(self, key: str) -> Reel | None:
        """Return a reel by its key, or None."""
        with self._changed:
            return self._reels.get(key)

    def wait(self, version: int, seconds: float) -> int:
        """Wait until something is newer than ``version``, but not longer; return the version."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != version or self.over, seconds)
            return self._version

    def news(self, seen: Seen) -> dict[str, Any]:
        """Return the news for a connection, as JSON values, and note them in ``seen``."""
        with self._changed:
            news: dict[str, Any] = {"standing": dict(self._standing), "over": self.over}
            reels = [(reel, dict(reel.standing)) for reel in self._reels.values()]
        if not seen.facts:
            news["facts"] = self._facts
            seen.facts = True
        with self._reading:  # files: nobody who tells anything waits for that
            news["reels"] = [
                {**self._news_of(reel, seen), "standing": standing} for reel, standing in reels
            ]
        seen.rows = {reel.key: seen.rows[reel.key] for reel, _ in reels}
        return news

    @staticmethod
    def _news_of(reel: Reel, seen: Seen) -> dict[str, Any]:
        reel.read_on()
        news: dict[str, Any] = {"key": reel.key}
        known = seen.rows.get(reel.key)
        if known is None:
            news |= {"label": reel.label, "background": reel.background, "facts": reel.facts}
        generation, count = known or (-1, 0)
        if generation != reel.generation:
            news["again"] = True
            count = 0
        news["rows"] = reel.rows[count:]
        news["newest"] = reel.newest
        seen.rows[reel.key] = (reel.generation, len(reel.rows))
        return news

    def _notify(self) -> None:
        self._version += 1
        self._changed.notify_all()
