"""The directory of a training of digits: its manifest and its metrics."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from fit_image.apps.digits.config import DigitsConfig
from fit_image.runs.directory import RunDirectory
from fit_image.runs.manifest import DataManifest, DataSource
from fit_image.runs.metrics import EpochMetrics


@dataclass(frozen=True)
class RoundMetrics:
    """The metrics of a round: losses in nats per picture, accuracies in 0..1.

    Attributes
    ----------
    generator_loss : float
        Cross-entropy of generated pictures with respect to the labels of their sources.
    divergence : float
        Kullback-Leibler divergence of the latents from a standard normal, in nats per pixel.
    real_loss, fake_loss : float
        Cross-entropy of the discriminator on real and on generated pictures.
    generator_accuracy : float
        Generated pictures that the discriminator takes for real ones of their sources' class.
    real_accuracy, fake_accuracy : float
        Real pictures whose class it recognises; generated ones that it recognises as such.
    steps : float
        Steps of all networks in the round.
    """

    generator_loss: float
    divergence: float
    real_loss: float
    fake_loss: float
    generator_accuracy: float
    real_accuracy: float
    fake_accuracy: float
    steps: float


COLUMNS = tuple(field.name for field in fields(RoundMetrics))


@dataclass(frozen=True)
class DigitsMetrics(RoundMetrics, EpochMetrics):
    """The metrics of an epoch: means over its rounds."""

    formats: ClassVar = {**dict.fromkeys(COLUMNS, ".6g"), "seconds": ".3f"}

    epoch: int
    seconds: float


@dataclass(frozen=True)
class DigitsSource(DataSource):
    """The pictures that a generator learns from.

    Attributes
    ----------
    pictures, width, height : int
        Their number and size.
    channels : str
        ``grey`` or ``rgb``.
    limit : int or None
        Number of pictures chosen from the data; None for all.
    """

    pictures: int
    width: int
    height: int
    classes: tuple[str, ...]
    channels: str
    limit: int | None


class DigitsManifest(DataManifest[DigitsSource, DigitsConfig]):
    """The manifest of a training of digits."""

    source_type = DigitsSource
    config_type = DigitsConfig

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"classes": ", ".join(self.source.classes)}


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
    usage = "digits draw RUN --label NAME"

    manifest: DigitsManifest

    @classmethod
    def describe_model(cls, path: Path) -> dict[str, Any]:
        from fit_image.apps.digits.model import DigitModel

        model = DigitModel.load(path)
        return {
            "model": str(path),
            "classes": ", ".join(model.class_names),
            "numbers": model.number_count,
            "width": model.width,
            "height": model.height,
            "channels": {1: "grey", 3: "rgb"}[model.channels],
            "latent": model.config.latent,
            **({"waves": model.config.waves} if model.config.waves else {}),
            "blocks": 0 if model.config.waves else model.config.blocks,
            "units": model.config.units,
        }
