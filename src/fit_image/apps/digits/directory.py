"""The directory of a training of digits: its manifest and its metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fit_image.apps.digits.config import DigitsConfig
from fit_image.config.settings import changeable
from fit_image.runs.directory import RunDirectory
from fit_image.runs.manifest import DataManifest
from fit_image.runs.metrics import EpochMetrics


@dataclass(frozen=True)
class DigitsMetrics(EpochMetrics):
    """The metrics of an epoch: means over its rounds, see `RoundMetrics`."""

    formats: ClassVar = {
        "generator_loss": ".6g",
        "divergence": ".6g",
        "real_loss": ".6g",
        "fake_loss": ".6g",
        "generator_accuracy": ".6g",
        "real_accuracy": ".6g",
        "fake_accuracy": ".6g",
        "steps": ".6g",
        "seconds": ".3f",
    }

    epoch: int
    generator_loss: float
    divergence: float
    real_loss: float
    fake_loss: float
    generator_accuracy: float
    real_accuracy: float
    fake_accuracy: float
    steps: float
    seconds: float


@dataclass(frozen=True)
class DigitsSource:
    """Which pictures a generator learns from.

    Attributes
    ----------
    path : str
        Absolute path when the training began.
    sha256 : str
        Of the pictures and labels.
    pictures, width, height : int
        How many, and of what size.
    classes : tuple of str
    channels : str
        ``grey`` or ``rgb``.
    limit : int or None
        How many of the data's pictures were chosen; None for all.
    """

    path: str
    sha256: str
    pictures: int
    width: int
    height: int
    classes: tuple[str, ...]
    channels: str
    limit: int | None


class DigitsManifest(DataManifest[DigitsSource, DigitsConfig]):
    """What a training of digits was asked to do."""

    source_type = DigitsSource
    config_type = DigitsConfig
    may_change = changeable(DigitsConfig)

    def describe(self) -> dict[str, Any]:
        """See `Manifest.describe`."""
        return {**super().describe(), "classes": ", ".join(self.source.classes)}


class DigitsDirectory(RunDirectory):
    """The directory of a training of digits."""

    description = "training of digits"
    document_name = "digits.json"
    archive_kind = "digits_checkpoint"
    model_kind = "digits"
    manifest_type = DigitsManifest
    metrics_type = DigitsMetrics
    own_files = ("good.npz",)
    snapshot_name = "good.npz"

    manifest: DigitsManifest

    @classmethod
    def describe_model(cls, path: Path) -> dict[str, Any]:
        """See `RunDirectory.describe_model`."""
        from fit_image.apps.digits.model import DigitModel

        model = DigitModel.load(path)
        return {
            "model": str(path),
            "classes": ", ".join(model.names),
            "numbers": model.number_count,
            "width": model.width,
            "height": model.height,
            "channels": {1: "grey", 3: "rgb"}[model.channels],
            "latent": model.recipe.latent,
            "blocks": model.recipe.blocks,
            "units": model.recipe.units,
        }
