"""The directory of a run that learns one picture: its manifest, its metrics and its result."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.bits_per_pixel import bits_per_pixel
from fit_image.apps.hidden_layers import layer_answers, silent_units
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig, is_elsewhere
from fit_image.config.layer_spec import Hidden, format_layers
from fit_image.config.presets import check_preset
from fit_image.config.registry import CHANNELS
from fit_image.errors import InputError, excerpt
from fit_image.images.decoding import parse_background
from fit_image.images.formats.limits import LARGEST_PICTURE
from fit_image.images.io import save_image
from fit_image.runs.directory import RunDirectory
from fit_image.runs.manifest import DataSource, Manifest, Result, differing_options
from fit_image.runs.metrics import EpochMetrics
from fit_image.runs.progress import Progress, Status
from fit_image.runs.spectrum_file import SpectrumFile
from fit_image.storage.dataclass_json import from_json, to_json
from fit_image.storage.npz import Arrays

_MOST_PARAMETERS = 1 << 53

_LONGEST_NAME = 255  # bytes, of common file systems


@dataclass(frozen=True)
class Picture(DataSource):
    """The picture of a run, and its size in pixels as it is learned.

    Attributes
    ----------
    width, height : int
    remarks : tuple of str
        What must be said about the file, such as "only the first of 12 frames is read".
    """

    width: int
    height: int
    remarks: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read what `to_json` returned; runs of earlier versions have no remarks."""
        if isinstance(data, Mapping):
            data = {"remarks": [], **data}
        return from_json(cls, data)

    def __post_init__(self) -> None:
        if not (min(self.width, self.height) >= 1 and self.width * self.height <= LARGEST_PICTURE):
            raise InputError(f"a picture cannot have {self.width} x {self.height} pixels")


@dataclass(frozen=True)
class FitManifest(Manifest):
    """The manifest of a run that learns one picture, whose ``fit`` was based on a preset."""

    picture: Picture
    fit: FitConfig
    image: ImageConfig
    record: RecordConfig
    preset: str = "classic"

    @property
    def source(self) -> Picture:  # type: ignore[override]
        """The picture."""
        return self.picture

    @property
    def epochs(self) -> int:  # type: ignore[override]
        """Epochs to train."""
        return self.fit.epochs

    @property
    def frame_every(self) -> int:  # type: ignore[override]
        """Epochs from one frame to the next."""
        return self.record.frame_every

    @property
    def animation(self) -> RecordConfig:  # type: ignore[override]
        """How the frames are shown."""
        return self.record

    def to_json(self) -> dict[str, Any]:
        return {
            "picture": to_json(self.picture),
            "preset": self.preset,
            "fit": to_json(self.fit),
            "image": to_json(self.image),
            "record": to_json(self.record),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        image = from_json(ImageConfig, data.get("image"))
        parse_background(image.background)
        record = from_json(RecordConfig, data.get("record"))
        for name in record.animations:
            if len(os.fsencode(Path(name).name)) > _LONGEST_NAME:
                raise InputError(f"'animations' has a name that is too long: {excerpt(name)}")
        return cls(
            Picture.from_json(data.get("picture")),
            from_json(FitConfig, data.get("fit")),
            image,
            record,
            check_preset(data.get("preset")),
        )

    def differences(self, asked: Self) -> list[str]:
        other = asked.picture.sha256 != self.picture.sha256
        found = [f"the picture (was {excerpt(self.picture.path)})"] if other else []
        found += differing_options(self.fit, asked.fit)
        return found + differing_options(self.image, asked.image)

    def continued(self, asked: Self, progress: Progress) -> Self:
        picture = replace(self.picture, path=asked.picture.path)
        return replace(asked, picture=picture, preset=self.preset)

    def describe(self) -> dict[str, Any]:
        facts = to_json(self.picture)
        facts["picture"] = facts.pop("path")
        facts |= {"preset": self.preset, **to_json(self.fit)}
        facts["loss_function"] = facts.pop("loss")  # beside what it has come to
        facts |= to_json(self.image)
        facts["picture_frame"] = facts.pop("frame")  # beside those that were drawn
        return facts

    def share_done(self, status: Status) -> float:
        """Return the fraction of the run that is done (0..1); a time limit may end it."""
        limit = self.fit.time_limit
        by_time = status.seconds / limit if limit else 0.0
        return min(max(status.epochs / self.epochs, by_time), 1.0)


@dataclass(frozen=True)
class FitResult(Result):
    """The result of a run that learns one picture.

    Attributes
    ----------
    ended : str or None
        The end of a run that is done: ``epochs``, ``target-psnr`` or ``time-limit``.
    psnr, loss : float or None
        Of the last epoch that has them.
    parameters, threads : int
        Weights and biases of the network; threads that learned.
    unseen_psnr : float or None
        Of the last epoch that has it, where pixels are held out.
    stalled : str or None
        Why nothing was learned, and which options may help; None if something was.
    """

    status: str
    ended: str | None
    epochs: int
    psnr: float | None
    loss: float | None
    parameters: int
    seconds: float
    wall_seconds: float
    threads: int
    unseen_psnr: float | None = field(default=None, metadata={"added": True})
    stalled: str | None = field(default=None, metadata={"added": True})

    def __post_init__(self) -> None:
        if not 0 <= self.parameters <= _MOST_PARAMETERS:
            raise InputError(f"'parameters' must be 0 to {_MOST_PARAMETERS}")


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
        super().write_frame(epoch, picture, file)
        if self.manifest.record.spectrum:
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
