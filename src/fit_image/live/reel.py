"""The reel of one training: the rows and the frames in its folder, and how it stands."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fit_image.animation.film import frame_path
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.images.decoding import parse_background
from fit_image.runs.directory import RunDirectory
from fit_image.runs.metrics import EpochMetrics

MOST_ROWS = 4000
"""Rows that are kept of a training; of more, every other is dropped."""

_KEPT_ROWS = 250  # the first ones, where most is learned, are never dropped

Row = list[Any]
"""An epoch, its seconds, whether it was drawn, and its metrics, as JSON values."""


@dataclass
class Reel:
    """The rows of a training, read on from its ``metrics.csv``, and the files of its frames.

    Attributes
    ----------
    key : str
        Identifier among the trainings of a page, of letters and digits.
    label : str
        Name among them.
    directory : RunDirectory
        Need not exist yet.
    facts : mapping
        JSON values that do not change.
    columns : sequence of str
        Of the metrics in `rows`.
    standing : dict
        JSON values that change: state, epoch, share, seconds.
    rows : list of Row
        By rising epochs.
    generation : int
        Counts how often rows were dropped; in between, rows are only added.
    network : callable or None
        Returns the network of the newest epoch. Default: that of the folder, which may be older.
    """

    key: str
    label: str
    directory: RunDirectory
    facts: Mapping[str, Any]
    columns: Sequence[str]
    standing: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    generation: int = 0
    network: Callable[[], PaintingNetwork] | None = None
    _newest: Row | None = None
    _file: int | None = None
    _offset: int = 0
    _stride: int = 1
    _waiting: int = 0

    @property
    def background(self) -> str:
        """The colour behind transparent frames, as CSS has it: ``#ffffff``."""
        return "#{:02x}{:02x}{:02x}".format(*parse_background(self.directory.background))

    @property
    def newest(self) -> Row | None:
        """The row of the newest epoch."""
        return self._newest

    def frame(self, epoch: int) -> Path:
        """Return the file of an epoch's frame."""
        return frame_path(self.directory.frames, epoch)

    def read_on(self) -> None:
        """Add the rows that were written since the last call.

        A file that cannot be read is one that has no rows yet.
        """
        if self._newest is None:
            self._begin()
        with contextlib.suppress(OSError), self.directory.metrics.path.open("rb") as file:
            status = os.fstat(file.fileno())
            # Rows are taken back by writing another file, or by cutting the end off.
            if status.st_ino != self._file or status.st_size < self._offset:
                if self._file is not None:
                    self._begin()
                self._file, self._offset = status.st_ino, len(file.readline())
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):  # it is being written
                    break
                self._offset += len(line)
                with contextlib.suppress(ValueError):
                    metrics = self.directory.row_type.parse(line.decode("utf-8", "replace"))
                    self._add(self._row(metrics))

    def _begin(self) -> None:
        """Forget all rows, and add that of the untrained network if it is drawn."""
        if self._newest is not None:
            self.rows, self._newest = [], None
            self.generation += 1
        self._stride, self._waiting = 1, 0
        if self.frame(0).exists():
            self._add([0, 0.0, True, *(None for _ in self.columns)])

    def _row(self, metrics: EpochMetrics) -> Row:
        values = [_as_json(getattr(metrics, name)) for name in self.columns]
        drawn = getattr(metrics, "psnr", 0.0) is not None
        return [metrics.epoch, metrics.seconds, drawn, *values]

    def _add(self, row: Row) -> None:
        self._newest = row
        self._waiting += 1
        if len(self.rows) >= _KEPT_ROWS and self._waiting < self._stride:
            return
        self._waiting = 0
        self.rows.append(row)
        if len(self.rows) > MOST_ROWS:
            del self.rows[_KEPT_ROWS::2]
            self._stride *= 2
            self.generation += 1


def _as_json(value: float | None) -> float | str | None:
    """Return a number as JSON has it; infinity, the PSNR of a perfect copy, as ``inf``."""
    if value is None or math.isnan(value):
        return None
    return "inf" if value == math.inf else value if math.isfinite(value) else None
