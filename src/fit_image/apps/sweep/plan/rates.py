"""Learning rates that are found before the trials are known."""

from __future__ import annotations

from collections.abc import Callable

from fit_image.apps.fit.manifest import FitManifest
from fit_image.apps.lr_finder.find_lr import curve_of
from fit_image.apps.lr_finder.range_test import RangeTest, tested
from fit_image.apps.sweep.plan.trial import Trial, TrialPictures


class RateFinder:
    """Finds the learning rates of runs, once for all that differ in what does not matter to it.

    Parameters
    ----------
    on_step : callable, optional
        Called with the number of the rate that is being found, from 1 on, and the share (0..1) that
        is done of it.
    """

    def __init__(self, on_step: Callable[[int, float], object] | None = None) -> None:
        self._on_step = on_step or (lambda number, share: None)
        self._pictures = TrialPictures()
        self._found: dict[object, float] = {}

    def __call__(self, manifest: FitManifest) -> float:
        """Return the rate for the network and the picture of a run."""
        key = manifest.picture.sha256, manifest.image, tested(manifest.fit)
        if key not in self._found:
            number = len(self._found) + 1
            levels = self._pictures(Trial(manifest)).image.levels
            test = RangeTest(levels, manifest.fit)
            curve = curve_of(test, lambda share: self._on_step(number, share))
            self._found[key] = curve.suggestion
        return self._found[key]
