"""The manifest of a run, and its result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

from fit_image.config.animation import AnimationConfig
from fit_image.config.fit import option_of
from fit_image.errors import InputError, excerpt
from fit_image.runs.progress import Progress, Status
from fit_image.storage.dataclass_json import from_json, to_json


class Result:
    """The progress of a run as its document has it; the base of dataclasses of JSON values.

    Attributes
    ----------
    status : str
        ``running``, ``done``, ``interrupted`` or ``diverged``.
    epochs : int
        Epochs completed.
    seconds, wall_seconds : float
        Training time; time from start to end, summed over resumed sessions.
    """

    status: str
    epochs: int
    seconds: float
    wall_seconds: float


@dataclass(frozen=True)
class RunResult(Result):
    """A result without figures of its own."""

    status: str
    epochs: int
    seconds: float
    wall_seconds: float


class Manifest(ABC):
    """The request of a run, enough to repeat it. The base of frozen dataclasses.

    Attributes
    ----------
    source : DataSource
        What is learned.
    epochs : int
        To train.
    frame_every : int
        Epochs from one frame to the next.
    animation : AnimationConfig
        How the frames are shown.
    """

    source: DataSource
    epochs: int
    frame_every: int = 1
    animation: AnimationConfig

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""

    @classmethod
    @abstractmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the values of `to_json` among others; `InputError` if one is missing or invalid."""

    @abstractmethod
    def differences(self, asked: Self) -> list[str]:
        """Return the differences, as text, that keep a run from going on as it is asked to."""

    @abstractmethod
    def continued(self, asked: Self, progress: Progress) -> Self:
        """Return the manifest of a run that goes on from somewhere as it is asked to."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the facts that ``fit-image info`` shows, as JSON values."""

    def share_done(self, status: Status) -> float:
        """Return how much of the run is done (0..1), as far as that can be told."""
        return min(status.epochs / self.epochs, 1.0)


@dataclass(frozen=True)
class DataSource:
    """The data of a run; the base of dataclasses of JSON values.

    Attributes
    ----------
    path : str
        Absolute path when the run began; the data may have moved since.
    sha256 : str
        Of all that is learned or held out, labels included.
    """

    path: str
    sha256: str


SourceType = TypeVar("SourceType", bound=DataSource)
ConfigType = TypeVar("ConfigType")


@dataclass(frozen=True)
class ConfigPeriod(Generic[ConfigType]):
    """A configuration, and the epoch and the position in it from which it was used."""

    epoch: int
    position: int
    config: ConfigType

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; the file format has older names."""
        return {"epoch": self.epoch, "rounds": self.position, "recipe": to_json(self.config)}

    @classmethod
    def from_json(cls, config_type: type[ConfigType], data: object) -> Self:
        """Read what `to_json` returned; `InputError` if it is not that."""
        if not isinstance(data, dict) or data.keys() != {"epoch", "rounds", "recipe"}:
            raise InputError("'stages' has an entry of another kind")
        epoch, position = data["epoch"], data["rounds"]
        if type(epoch) is not int or type(position) is not int:
            raise InputError("'stages' has an entry without its epoch and rounds")
        return cls(epoch, position, from_json(config_type, data["recipe"]))


OF_DATA = AnimationConfig(hold=1.0)
"""How the frames of runs on a set of pictures are shown, where nothing else is asked for."""


@dataclass(frozen=True)
class DataManifest(Manifest, Generic[SourceType, ConfigType]):
    """The manifest of a run on a set of pictures.

    Attributes
    ----------
    source_type, config_type : type
    source : source_type
    periods : tuple of ConfigPeriod
        The configurations, first to last.
    epochs : int
    animation : AnimationConfig
    """

    source_type: ClassVar[type[Any]]
    config_type: ClassVar[type[Any]]

    source: SourceType
    periods: tuple[ConfigPeriod[ConfigType], ...]
    epochs: int
    animation: AnimationConfig = OF_DATA

    @classmethod
    def of(
        cls,
        source: SourceType,
        config: ConfigType,
        epochs: int,
        animation: AnimationConfig = OF_DATA,
    ) -> Self:
        """Return the manifest of a run that begins."""
        return cls(source, (ConfigPeriod(0, 0, config),), epochs, animation)

    @property
    def config(self) -> ConfigType:
        """The newest configuration."""
        return self.periods[-1].config

    def to_json(self) -> dict[str, Any]:
        return {
            "source": to_json(self.source),
            "stages": [period.to_json() for period in self.periods],
            "epochs": self.epochs,
            "animation": to_json(self.animation),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        epochs, stages = data.get("epochs"), data.get("stages")
        if not isinstance(stages, list) or not stages:
            raise InputError("'stages' must be a list")
        if type(epochs) is not int or epochs < 1:
            raise InputError(f"'epochs' has a wrong value: {excerpt(repr(epochs))}")
        periods = tuple(ConfigPeriod.from_json(cls.config_type, stage) for stage in stages)
        # Runs of earlier versions do not have it.
        animation = from_json(AnimationConfig, data.get("animation", to_json(OF_DATA)))
        return cls(from_json(cls.source_type, data.get("source")), periods, epochs, animation)

    def differences(self, asked: Self) -> list[str]:
        other = asked.source.sha256 != self.source.sha256
        found = [f"the pictures (were {excerpt(self.source.path)})"] if other else []
        return found + differing_options(self.config, asked.config)

    def continued(self, asked: Self, progress: Progress) -> Self:
        periods = self.periods
        if asked.config != self.config:
            periods += (ConfigPeriod(progress.epoch, progress.position, asked.config),)
        source = replace(self.source, path=asked.source.path)
        return type(self)(source, periods, asked.epochs, asked.animation)

    def describe(self) -> dict[str, Any]:
        facts = asdict(self.source)
        facts["data"] = facts.pop("path")
        return {**facts, **to_json(self.config)}


def differing_options(before: Any, now: Any) -> list[str]:
    """Return the options in which two configurations differ but must not, with both values."""
    old, new = to_json(before), to_json(now)
    fixed = [each.name for each in fields(before) if not each.metadata["may_change"]]
    return [
        f"{option_of(name)} (was {_shown(old[name])}, now {_shown(new[name])})"
        for name in fixed
        if old[name] != new[name]
    ]


def _shown(value: object) -> str:
    return "none" if value is None else excerpt(value)
