"""The manifest of a run that learns one picture, and its result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig
from fit_image.config.presets import check_preset
from fit_image.errors import InputError, excerpt
from fit_image.images.decoding import parse_background
from fit_image.images.formats.limits import LARGEST_PICTURE
from fit_image.runs.manifest import DataSource, Manifest, Result, differing_options
from fit_image.runs.progress import Progress, Status
from fit_image.storage.dataclass_json import from_json, to_json

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
