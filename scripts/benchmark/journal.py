"""Measurements kept as they are made, so that an interrupted benchmark goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Journal:
    """A file with one JSON object a line: what was measured, under which conditions.

    Parameters
    ----------
    path : Path or None
        None keeps nothing.
    machine : dict
        A condition of every measurement.
    """

    def __init__(self, path: Path | None, machine: dict[str, Any]) -> None:
        self._path = path
        self._machine = machine
        self._known: dict[str, Any] = {}
        if path and path.exists():
            text = path.read_text("utf-8")
            for line in text.splitlines():
                try:
                    entry = json.loads(line)
                except json.JSONDecodeError:  # the line being written when the process ended
                    continue
                self._known[_key(entry["conditions"])] = entry["result"]
            if text and not text.endswith("\n"):
                self._append("\n")

    def get(self, conditions: dict[str, Any], measure: Callable[[], Any]) -> Any:
        """Return the result of an earlier run under the same conditions, or measure it now."""
        conditions = conditions | {"machine": self._machine}
        key = _key(conditions)
        if key not in self._known:
            self._known[key] = measure()
            self._append(json.dumps({"conditions": conditions, "result": self._known[key]}) + "\n")
        return self._known[key]

    def _append(self, text: str) -> None:
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())


def _key(conditions: dict[str, Any]) -> str:
    return json.dumps(conditions, sort_keys=True)
