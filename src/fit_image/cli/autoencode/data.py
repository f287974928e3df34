"""Messages about reading data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fit_image.cli.common.left_out import left_out, named, remark_lines
from fit_image.cli.display.displays import Display, ProgressStep

if TYPE_CHECKING:
    from fit_image.apps.autoencode.train_test_split import TrainTestSplit
    from fit_image.datasets.arrays import PictureData


def reading(display: Display) -> Callable[[int, int], None]:
    """Return a callback that shows the progress of reading files."""
    return lambda done, total: display.step(ProgressStep(done / total, ("reading pictures",)))


def notes_about(data: PictureData | TrainTestSplit, path: Path) -> list[str]:
    """Return lines about the files and folders in ``path`` that were left out, and remarks."""
    lines = left_out(data.skipped, path)
    if data.folders:
        lines.append(named(data.folders, path, "folders beside pictures"))
    return lines + remark_lines(data.remarks, path)
