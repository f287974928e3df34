"""The directory of a training of unjpeg: its manifest and its metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.runs.directory import RunDirectory
from fit_image.runs.manifest import DataManifest, DataSource
from fit_image.runs.metrics import EpochMetrics


@dataclass(frozen=True)
class UnjpegMetrics(EpochMetrics):
    """The metrics of an epoch: root mean square errors of Y, Cb and Cr in 0..1.

    Attributes
    ----------
    error, damage : float
        Of the epoch's patches: of the network during the epoch, and of JPEG.
    validation_error, validation_damage : float
        Of the validation patches after the epoch, likewise.
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
        """Gain over JPEG on the validation patches, in dB."""
        return gain(self.validation_error, self.validation_damage)


def gain(error: float, jpeg_error: float) -> float:
    """Return by how many dB a root mean square error is below that of JPEG."""
    if not error or not jpeg_error:
        return 0.0 if error == jpeg_error else math.copysign(math.inf, jpeg_error - error)
    return 20 * math.log10(jpeg_error / error)


@dataclass(frozen=True)
class UnjpegSource(DataSource):
    """The pictures that a network learns from.

    Attributes
    ----------
    sha256 : str
        Of the files' names and sizes.
    training, validation : int
        Their numbers.
    """

    training: int
    validation: int


class UnjpegManifest(DataManifest[UnjpegSource, UnjpegConfig]):
    """The manifest of a training of unjpeg."""

    source_type = UnjpegSource
    config_type = UnjpegConfig

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"learning_rate": self.config.rate}


class UnjpegDirectory(RunDirectory):
    """The directory of a training of unjpeg."""

    description = "training of unjpeg"
    document_name = "unjpeg.json"
    archive_kind = "unjpeg_checkpoint"
    model_kind = "unjpeg"
    manifest_type = UnjpegManifest
    metrics_type = UnjpegMetrics
    usage = "unjpeg apply RUN PICTURES"

    manifest: UnjpegManifest

    @classmethod
    def describe_model(cls, path: Path) -> dict[str, Any]:
        from fit_image.apps.unjpeg.model import Restorer

        restorer = Restorer.load(path)
        return {
            "model": str(path),
            "kind": "unjpeg",
            "block": restorer.extractor.block,
            "hidden": list(restorer.widths),
            "difference": restorer.difference,
            "quality": restorer.quality,
            "parameters": restorer.network.num_params,
        }
