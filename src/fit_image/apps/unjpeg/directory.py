"""The directory of a training that removes JPEG's artefacts: its manifest and its metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.config.settings import changeable
from fit_image.runs.directory import RunDirectory
from fit_image.runs.manifest import DataManifest
from fit_image.runs.metrics import EpochMetrics


@dataclass(frozen=True)
class UnjpegMetrics(EpochMetrics):
    """The metrics of an epoch: root mean square errors of Y, Cb and Cr in 0..1.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    error, damage : float
        Of the epoch's patches: of the network, as it learned, and of JPEG.
    validation_error, validation_damage : float
        The same of patches of the pictures that validate, after the epoch.
    seconds : float
        Training time so far.
    """

    formats: ClassVar = {
        "error": ".7g",
        "damage": ".7g",
        "validation_error": ".7g",
        "validation_damage": ".7g",
        "gain": ".4f",
        "seconds": ".3f",
    }

    epoch: int
    error: float
    damage: float
    validation_error: float
    validation_damage: float
    seconds: float

    @property
    def gain(self) -> float:
        """What the validation patches gain over JPEG, in dB."""
        return gain(self.validation_error, self.validation_damage)


def gain(error: float, damage: float) -> float:
    """Return by how many dB a root mean square error is below another."""
    if not error or not damage:
        return 0.0 if error == damage else math.copysign(math.inf, damage - error)
    return 20 * math.log10(damage / error)


@dataclass(frozen=True)
class UnjpegSource:
    """Which pictures are learned from.

    Attributes
    ----------
    path : str
        Absolute path of their folder when the training began.
    sha256 : str
        See `fit_image.apps.unjpeg.pictures.PictureFolder`.
    training, validation : int
        How many learn, and how many validate.
    """

    path: str
    sha256: str
    training: int
    validation: int


class UnjpegManifest(DataManifest[UnjpegSource, UnjpegConfig]):
    """What a training that removes JPEG's artefacts was asked to do."""

    source_type = UnjpegSource
    config_type = UnjpegConfig
    may_change = changeable(UnjpegConfig)

    def describe(self) -> dict[str, Any]:
        """See `Manifest.describe`; where nothing was asked for, what it comes to."""
        return {**super().describe(), "learning_rate": self.config.rate}


class UnjpegDirectory(RunDirectory):
    """The directory of a training that removes JPEG's artefacts."""

    description = "training of unjpeg"
    document_name = "unjpeg.json"
    archive_kind = "unjpeg_checkpoint"
    model_kind = "unjpeg"
    manifest_type = UnjpegManifest
    metrics_type = UnjpegMetrics

    manifest: UnjpegManifest

    @classmethod
    def describe_model(cls, path: Path) -> dict[str, Any]:
        """See `RunDirectory.describe_model`."""
        from fit_image.apps.unjpeg.model import Restorer

        restorer = Restorer.load(path)
        return {
            "model": str(path),
            "kind": "unjpeg",
            "block": restorer.cutter.block,
            "hidden": list(restorer.widths),
            "difference": restorer.difference,
            "quality": restorer.quality,
            "parameters": restorer.num_params,
        }
