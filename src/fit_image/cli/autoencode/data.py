"""Messages about reading data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fit_image.cli.common.display import Display, ProgressStep, left_out

if TYPE_CHECKING:
    from fit_image.apps.autoencode.train_test_split import TrainTestSplit
    from fit_image.datasets.arrays import PictureData


def reading(display: Display) -> Callable[[int, int], None]:
    """Return a callback that shows the progress of reading files."""
    return lambda done, total: display.step(ProgressStep(done / total, ("reading pictures",)))


def report_left_out(display: Display, data: PictureData | TrainTestSplit, path: Path) -> None:
    """Report the files and folders in ``path`` that were left out, if any."""
    if data.skipped:
        display.message(left_out(data.skipped, path))
    if data.folders:
        display.message(left_out(data.folders, path, "folders beside pictures"))
