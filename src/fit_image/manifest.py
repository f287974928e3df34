"""What a run was asked to do, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from fit_image.config import FitConfig, ImageConfig, RecordConfig
from fit_image.presets import check_preset
from fit_image.strict_json import from_json, to_json


@dataclass(frozen=True)
class Picture:
    """Which picture a run learns.

    Attributes
    ----------
    path : str
        Absolute path when the run began.
    sha256 : str
        Of the file.
    width, height : int
        Size in pixels as it is learned.
    """

    path: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Manifest:
    """What a run was asked to do: enough to repeat it.

    Attributes
    ----------
    picture : Picture
    fit : FitConfig
    image : ImageConfig
    record : RecordConfig
    preset : str
        The key of `fit_image.presets.PRESETS` that ``fit`` was based on.
    """

    picture: Picture
    fit: FitConfig
    image: ImageConfig
    record: RecordConfig
    preset: str = "classic"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "picture": asdict(self.picture),
            "preset": self.preset,
            "fit": to_json(self.fit),
            "image": to_json(self.image),
            "record": to_json(self.record),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned, perhaps among other things.

        Raises
        ------
        InputError
            If something is missing or out of its range.
        """
        return cls(
            from_json(Picture, data.get("picture")),
            from_json(FitConfig, data.get("fit")),
            from_json(ImageConfig, data.get("image")),
            from_json(RecordConfig, data.get("record")),
            check_preset(data.get("preset")),
        )


@dataclass(frozen=True)
class Result:
    """How far a run has come.

    Attributes
    ----------
    status : str
        ``running``, ``done``, ``interrupted`` or ``diverged``.
    ended : str or None
        What ended a run that is done: ``epochs``, ``target-psnr`` or ``time-limit``.
    epochs : int
        Epochs completed.
    psnr, loss : float or None
        Of the last epoch that has them.
    parameters : int
        Weights and biases of the network.
    seconds, wall_seconds : float
        Training time; time from start to end, summed over resumed sessions.
    threads : int
        That learned.
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
