"""The metrics of epochs on a picture, and the progress of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fit_image.config.fit import FitConfig
from fit_image.runs.metrics import EpochMetrics
from fit_image.runs.progress import Progress
from fit_image.storage.npz import Arrays


@dataclass(frozen=True)
class FitMetrics(EpochMetrics):
    """The metrics of an epoch.

    Attributes
    ----------
    loss : float
        Mean of the training loss over the epoch's pixels.
    psnr : float or None
        In dB; None when no frame was drawn.
    unseen_psnr : float or None
        The same of the pixels that are never shown, where some are held out.
    """

    formats: ClassVar = {"loss": ".9g", "psnr": ".4f", "seconds": ".3f"}
    optional: ClassVar = frozenset({"psnr", "unseen_psnr"})

    epoch: int
    loss: float
    psnr: float | None
    seconds: float
    unseen_psnr: float | None = None


class HoldOutMetrics(FitMetrics):
    """The metrics of an epoch of a run in which pixels are held out."""

    formats: ClassVar = {"loss": ".9g", "psnr": ".4f", "unseen_psnr": ".4f", "seconds": ".3f"}


def row_type(fit: FitConfig) -> type[FitMetrics]:
    """Return the type of the rows of ``metrics.csv`` of a run with this configuration."""
    return FitMetrics if fit.hold_out is None else HoldOutMetrics


@dataclass
class FitProgress(Progress):
    """Progress on a picture, in pixels.

    Attributes
    ----------
    loss_sum : float
        Sum of the losses of the pixels learned in the epoch under way.
    best_psnr : float
        Of the pictures drawn so far, in dB; minus infinity before the first.
    """

    loss_sum: float = 0.0
    best_psnr: float = -math.inf

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Read the progress of a checkpoint; ValueError or KeyError if it makes no sense."""
        state = {
            field.name: arrays[f"progress_{field.name}"].reshape(()).item() for field in fields(cls)
        }
        if any(type(state[field.name]) is not type(field.default) for field in fields(cls)):
            raise ValueError("progress is not made of numbers")
        if not (math.isfinite(state["loss_sum"]) and math.isfinite(state["seconds"])):
            raise ValueError("progress is not finite")
        return cls(**state)

    def to_arrays(self) -> Arrays:
        """Return the arrays that `from_arrays` reads."""
        return {f"progress_{name}": np.array(value) for name, value in asdict(self).items()}
