"""The directory of a training of an autoencoder: its manifest and its metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.runs.directory import RunDirectory
from fit_image.runs.manifest import DataManifest, DataSource
from fit_image.runs.metrics import EpochMetrics


@dataclass(frozen=True)
class AutoencoderMetrics(EpochMetrics):
    """The metrics of an epoch.

    Attributes
    ----------
    loss : float
        Mean squared error of the training pictures' values (0..1), over the epoch's steps.
    test_loss : float
        The same of the held-out pictures, at the end of the epoch.
    psnr : float
        Peak signal-to-noise ratio of ``test_loss`` in dB.
    """

    formats: ClassVar = {"loss": ".9g", "test_loss": ".9g", "psnr": ".4f", "seconds": ".3f"}

    epoch: int
    loss: float
    test_loss: float
    psnr: float
    seconds: float


@dataclass(frozen=True)
class AutoencoderSource(DataSource):
    """The pictures that an autoencoder learns, and those that are held out.

    Attributes
    ----------
    pictures, held_out : int
        Their numbers.
    test : str or None
        Absolute path of those held out; None if they are a tenth of the same data, chosen by the
        configuration's seed.
    channels : str
        ``grey`` or ``rgb``.
    """

    pictures: int
    held_out: int
    test: str | None
    width: int
    height: int
    channels: str


class AutoencoderManifest(DataManifest[AutoencoderSource, AutoencodeConfig]):
    """The manifest of a training of an autoencoder."""

    source_type = AutoencoderSource
    config_type = AutoencodeConfig

    def describe(self) -> dict[str, Any]:
        config = self.config
        defaults = {
            "learning_rate": config.rate,
            "bottleneck": config.code_units,
            "output_activation": config.output,
        }
        return super().describe() | defaults


class AutoencoderDirectory(RunDirectory):
    """The directory of a training of an autoencoder."""

    description = "training of an auto-encoder"
    document_name = "autoencoder.json"
    archive_kind = "autoencoder_checkpoint"
    model_kind = "autoencoder"
    manifest_type = AutoencoderManifest
    metrics_type = AutoencoderMetrics
    usage = "autoencode apply RUN PICTURES"

    manifest: AutoencoderManifest

    @classmethod
    def describe_model(cls, path: Path) -> dict[str, Any]:
        from fit_image.apps.autoencode.model import AutoencoderModel

        model = AutoencoderModel.load(path)
        width, height = model.size
        return {
            "model": str(path),
            "kind": model.config.kind,
            "hidden": list(model.config.hidden),
            "tied": model.config.tied,
            "filters": list(model.config.filters) if model.config.conv else [],
            "code": model.autoencoder.code_size,
            "compression": round(model.mean.size / model.autoencoder.code_size, 3),
            "parameters": model.autoencoder.network.num_params,
            "width": width,
            "height": height,
            "channels": model.channels,
        }
