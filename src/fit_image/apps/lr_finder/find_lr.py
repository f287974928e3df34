"""The learning rate that suits a network and a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.fit.picture_source import ImageLike, take_image
from fit_image.apps.lr_finder.chart import draw_curve
from fit_image.apps.lr_finder.range_test import RangeTest
from fit_image.apps.lr_finder.suggestion import smooth, suggest
from fit_image.config.fit import FitConfig
from fit_image.config.presets import preset_config
from fit_image.errors import InputError
from fit_image.images.showing import Shown, ShownInNotebooks
from fit_image.nn.runtime.threads import end_idle_threads


@dataclass(frozen=True)
class RateCurve(ShownInNotebooks):
    """Losses while the learning rate rose, and the rate that they suggest; shown as a chart.

    Attributes
    ----------
    rates : float64 (parts,)
        Increasing, from a thousandth of the default to a thousand times as much.
    losses : float64 (parts,)
        Mean training loss of the samples of each step.
    smoothed : float64 (parts,)
        The same as a mean over neighbouring rates.
    samples : int
        Pixels learned.
    suggestion : float
        The rate to train with, of two digits.
    """

    rates: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]
    smoothed: npt.NDArray[np.float64]
    samples: int
    suggestion: float

    def chart(self) -> npt.NDArray[np.uint8]:
        """Return a chart of the losses (height, width, 3), with the suggestion."""
        return draw_curve(self.rates, self.losses, self.smoothed, self.suggestion)

    def shown(self) -> Shown:
        """Return the picture and the line that a notebook shows."""
        return Shown(self.chart(), f"learning rate {self.suggestion:g}")


def find_lr(
    image: ImageLike,
    config: FitConfig | None = None,
    *,
    preset: str = "classic",
    threads: int | None = None,
    **options: Any,
) -> RateCurve:
    """Learn some thousand pixels of ``image`` while the learning rate rises, and suggest a rate.

    The suggestion is for networks of this kind with any seed, length and schedule, and the same for
    any number of threads.

    Parameters
    ----------
    image : array, Pillow image, or path as text
    config : FitConfig, optional
        Its learning rate is not used.
    preset : str
    threads : int, optional
    **options
        All as in `fit_image.fit`.

    Raises
    ------
    InputError
        If the image or an option cannot be used, or the loss falls at no rate.
    """
    if config and (options or preset != "classic"):
        raise InputError("give a config, or a preset and fields of one, not both")
    image = take_image(image)
    config = config or preset_config(preset, image.shape[1], image.shape[0], **options)
    try:
        return curve_of(RangeTest(image, config, threads=threads))
    finally:
        end_idle_threads()


def curve_of(test: RangeTest, on_step: Callable[[float], object] = lambda share: None) -> RateCurve:
    """Run a range test to its end; ``on_step`` is called with the share (0..1) that is done."""
    test.warm_up()
    for share in test.steps():
        on_step(share)
    found = test.result()
    smoothed = smooth(found.rates, found.losses)
    suggestion = suggest(found.rates, smoothed, found.safety)
    if suggestion is None:
        tried = f"from {found.rates[0]:.2g} to {found.rates[-1]:.2g}"
        raise InputError(
            f"learning_rate cannot be found: {tried}, the loss falls at none; give a number",
            fields=("learning_rate",),
        )
    return RateCurve(found.rates, found.losses, smoothed, found.samples, suggestion)
