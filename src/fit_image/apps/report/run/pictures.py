"""The pictures of a run's report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fit_image.animation.film import Pixels
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.hidden_layers import describe_silent, layer_answers
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.report.frames import RunFrames
from fit_image.apps.report.pictures import difference, lossless
from fit_image.apps.units.drawing import UnitSheet
from fit_image.errors import InputError

_LARGEST = (900, 900)  # of the pictures shown alone
_SHEET = (1180, 1000)


@dataclass(frozen=True, eq=False)
class ErrorMaps(RunFrames):
    """The frames of a run as their differences to the target."""

    @cached_property
    def _painted(self) -> Pixels:
        return super().read(self.target)

    def read(self, file: Any) -> Pixels:
        return difference(super().read(file), self._painted)


def last_pictures(frames: RunFrames) -> dict[str, str]:
    """Return the ``target``, the last frame (``painted``) and their ``difference``."""
    target, painted = frames.read(frames.target), frames.read(frames.files[-1])
    pictures = {
        "target": target,
        "painted": painted,
        "difference": difference(painted, target),
    }
    return {name: lossless(picture, _LARGEST) for name, picture in pictures.items()}


def units(run: FitDirectory) -> tuple[str, str] | None:
    """Return the sheet of the units, and which of them never answer.

    None if there is no model yet, or its units do not fit on a sheet.
    """
    try:
        network = PaintingNetwork.load(run.path)
        sheet = UnitSheet(network, within=_SHEET)
    except InputError:
        return None
    answers = layer_answers(network)
    silent = describe_silent(each.to_json() for each in answers)
    return lossless(sheet.draw(network, answers=answers), _SHEET), silent
