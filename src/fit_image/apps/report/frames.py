"""Frames of a run, with their metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fit_image.animation.film import Pixels, frame_paths, read_frame
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.images.decoding import parse_background

_UNTRAINED = FitMetrics(0, math.nan, None, 0.0)


@dataclass(frozen=True, eq=False)
class RunFrames:
    """Frames of a run, at least one.

    Attributes
    ----------
    run : FitDirectory
    files : list of Path
        In the order of the epochs.
    rows : list of FitMetrics
        Metrics of each frame; epoch 0 is the untrained network.
    seconds : float
        Training time so far.
    """

    run: FitDirectory
    files: list[Path]
    rows: list[FitMetrics]
    seconds: float

    @staticmethod
    def of_run(run: FitDirectory, recorded: Sequence[FitMetrics]) -> RunFrames | None:
        """Return the frames of a run with the rows ``recorded``, None if there are none."""
        rows = {row.epoch: row for row in (_UNTRAINED, *recorded)}
        files = {epoch: file for epoch, file in frame_paths(run.frames) if epoch in rows}
        if not files:
            return None
        seconds = recorded[-1].seconds if recorded else 0.0
        return RunFrames(run, [*files.values()], [rows[epoch] for epoch in files], seconds)

    @property
    def target(self) -> Path:
        """The picture that is learned."""
        return self.run.target

    def read(self, file: Path) -> Pixels:
        """Read a frame or the target as uint8 (height, width, 3), without transparency."""
        return read_frame(file, parse_background(self.run.background))
