"""The directory of a run that learns one picture."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.animation.film import frame_path
from fit_image.apps.bits_per_pixel import bits_per_pixel
from fit_image.apps.fit.manifest import FitManifest, FitResult
from fit_image.apps.fit.metrics import FitMetrics, row_type
from fit_image.apps.hidden_layers import layer_answers, silent_units
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.config.fit import RecordConfig, is_elsewhere
from fit_image.config.layer_spec import Hidden, format_layers
from fit_image.config.registry import CHANNELS
from fit_image.errors import InputError, excerpt
from fit_image.images.io import save_image
from fit_image.runs.directory import RunDirectory
from fit_image.runs.spectrum_file import SpectrumFile


class FitDirectory(RunDirectory):
    """The directory of a run that learns one picture."""

    description = "run"
    document_name = "run.json"
    archive_kind = "checkpoint"
    model_kind = "model"
    format_version = 3
    checkpoint_version = 4
    manifest_type = FitManifest
    result_type = FitResult
    metrics_type = FitMetrics
    own_files = ("target.png", "spectrum.csv", "report.html")
    usage = "render RUN"
    made_again = (*RecordConfig().animations, "report.html")

    manifest: FitManifest
    result: FitResult | None

    @property
    def row_type(self) -> type[FitMetrics]:
        return row_type(self.manifest.fit)

    @property
    def target(self) -> Path:
        """The file of the picture as it is learned."""
        return self.path / "target.png"

    @property
    def report(self) -> Path:
        """The page about it."""
        return self.path / "report.html"

    @classmethod
    def check_animation(cls, name: str) -> None:
        """Raise `InputError` unless an animation is a bare name, and no other file of a run's."""
        if is_elsewhere(name):
            raise InputError(f"animation {excerpt(name)}: give a bare name, without a folder")
        if name in cls.file_names() and name not in cls.made_again:
            raise InputError(f"animation {name}: a run has another file of this name")

    @property
    def background(self) -> str:
        return self.manifest.image.background

    @cached_property
    def spectrum(self) -> SpectrumFile:
        """The spectra of its frames; recorded if its manifest asks for that."""
        return SpectrumFile(self.path, self.background)

    def prepare(self, trainer: Any) -> None:
        if self.result and trainer.progress.begun_epochs:
            trainer.stall.reason = self.result.stalled  # it was told
        self.add_files(trainer.image)

    def add_files(self, image: npt.NDArray[Any]) -> None:
        """Write the picture as it is learned, and the spectra of its frames, if missing."""
        if not self.target.exists():
            save_image(self.target, image)
        if self.manifest.record.spectrum:
            self.spectrum.complete()

    def write_frame(
        self, epoch: int, picture: npt.NDArray[np.uint8], file: bytes | None = None
    ) -> None:
        drawn_before = frame_path(self.frames, epoch).exists()
        super().write_frame(epoch, picture, file)
        if self.manifest.record.spectrum:
            if drawn_before:  # as of a run that was killed before its first checkpoint after that
                self.spectrum.forget_after(epoch - 1)
            self.spectrum.append(epoch, picture)

    def forget_after(self, epoch: int) -> None:
        super().forget_after(epoch)
        self.spectrum.forget_after(epoch)

    def describe(self) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for name, value in super().describe().items():
            facts[name] = value
            if name == "parameters":
                facts |= bits_per_pixel(value, facts["width"], facts["height"])
        return facts | {"never_answer": silent_units(self.path)}

    @classmethod
    def describe_model(cls, path: Path) -> dict[str, Any]:
        network = PaintingNetwork.load(path)
        hidden, last = network.specs[:-1], network.specs[-1]
        return {
            "model": str(path),
            "layers": format_layers(
                tuple(Hidden(layer.fan_out, layer.activation, layer.skip) for layer in hidden)
            ),
            "output_activation": last.activation,
            "encoding": network.encoding_name,
            "parameters": network.num_params,
            **bits_per_pixel(network.num_params, *network.size),
            "width": network.size[0],
            "height": network.size[1],
            "channels": next(name for name, count in CHANNELS.items() if count == network.channels),
            "never_answer": [layer.to_json() for layer in layer_answers(network)],
        }
