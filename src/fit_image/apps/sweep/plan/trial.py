"""Trial: one run of a sweep, with its parameter count and FLOPs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self, TypeVar

from fit_image.apps.bits_per_pixel import bits_per_pixel
from fit_image.apps.fit.architecture import count_parameters
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.manifest import FitManifest
from fit_image.apps.fit.picture_source import PictureSource, load_source
from fit_image.config.encoding_spec import GridSpec, parse_encoding
from fit_image.config.hold_out import shown_pixels
from fit_image.config.layer_spec import Hidden, format_layers
from fit_image.config.registry import CHANNELS
from fit_image.errors import InputError, excerpt, one_line
from fit_image.storage.dataclass_json import to_json

# Per weight: a multiplication and an addition forward, and twice that backward.
_FLOPS_PER_WEIGHT = 6

# Grid vertices around a point in two dimensions.
_CORNERS = 4

Item = TypeVar("Item")


@dataclass(frozen=True)
class Trial:
    """One run of a sweep."""

    manifest: FitManifest

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Return the trial of `to_json`; `InputError` if the data are invalid."""
        if not isinstance(data, Mapping):
            raise InputError("a trial must be an object")
        manifest = FitManifest.from_json(data)
        for name in manifest.record.animations:
            FitDirectory.check_animation(name)
        return cls(manifest)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as JSON values."""
        return self.manifest.to_json()

    @cached_property
    def key(self) -> str:
        """Identifier: 16 hexadecimal digits of a hash of its configuration and picture."""
        manifest = self.manifest
        identity = {
            "picture": manifest.picture.sha256,
            "fit": _identity(manifest.fit),
            "image": _identity(manifest.image),
            "frame_every": manifest.record.frame_every,
        }
        text = json.dumps(identity, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def parameters(self) -> int:
        """Number of weights and biases, hash tables included."""
        return sum(self._parameters)

    @cached_property
    def work(self) -> float:
        """FLOPs of training on one pixel once: 6 per weight used."""
        spec = parse_encoding(self.manifest.fit.encoding)
        touched = _CORNERS * spec.outputs if isinstance(spec, GridSpec) else 0
        return float(_FLOPS_PER_WEIGHT * (self._parameters[0] + touched))

    @cached_property
    def _parameters(self) -> tuple[int, int]:
        """Numbers of parameters of the layers, and of the encoding."""
        fit, picture = self.manifest.fit, self.manifest.picture
        size = picture.width, picture.height
        return count_parameters(fit, size, CHANNELS[self.manifest.image.channels])

    @property
    def bits_per_pixel(self) -> dict[str, float]:
        """Bits of the parameters for each pixel of the target, as `bits_per_pixel` returns them."""
        picture = self.manifest.picture
        return bits_per_pixel(self.parameters, picture.width, picture.height)

    @property
    def target(self) -> object:
        """Identity of the target: PSNRs of different ones do not compare."""
        return self.manifest.picture.sha256, self.manifest.image, self.manifest.fit.hold_out

    @property
    def seed(self) -> int:
        """Seed of the initial weights and of the order of the pixels."""
        return self.manifest.fit.seed

    @property
    def pixels(self) -> int:
        """Pixels of the target."""
        return self.manifest.picture.width * self.manifest.picture.height

    @property
    def epoch_size(self) -> int:
        """Pixels that are learned in an epoch: those that are not held out."""
        picture = self.manifest.picture
        return shown_pixels(self.manifest.fit.hold_out, picture.width, picture.height)

    @property
    def samples(self) -> int:
        """Training samples: pixels of an epoch times epochs."""
        return self.epoch_size * self.manifest.fit.epochs

    def with_seed(self, seed: int) -> Trial:
        """Return the trial with another seed."""
        return Trial(replace(self.manifest, fit=replace(self.manifest.fit, seed=seed)))


class TrialPictures:
    """Loads pictures of trials, and caches the last one."""

    def __init__(self) -> None:
        self._last: tuple[object, PictureSource] | None = None

    def __call__(self, trial: Trial) -> PictureSource:
        """Return the picture of a trial; `InputError` if the file is missing or has changed."""
        picture, preparation = trial.manifest.picture, trial.manifest.image
        wanted = (picture, preparation)
        if self._last is None or self._last[0] != wanted:
            self._last = None  # free its memory first
            try:
                source = load_source(picture.path, preparation)
            except InputError as error:
                shown = str(error).replace(one_line(picture.path), excerpt(picture.path))
                raise InputError(shown) from error
            if source.picture.sha256 != picture.sha256:
                raise InputError(
                    f"{excerpt(picture.path)} has changed since the sweep began: "
                    "choose another folder with -o"
                )
            self._last = (wanted, source)
        return self._last[1]


def check_pictures(trials: Iterable[Trial]) -> None:
    """Raise `InputError` if the picture of a trial is missing or has changed."""
    load = TrialPictures()
    for trial in {(each.manifest.picture, each.manifest.image): each for each in trials}.values():
        load(trial)


def by_target(items: Iterable[Item], trial_of: Callable[[Item], Trial]) -> list[list[Item]]:
    """Return trials, or what has one, by `Trial.target`: PSNRs of different ones do not compare."""
    found: dict[object, list[Item]] = {}
    for item in items:
        found.setdefault(trial_of(item).target, []).append(item)
    return [*found.values()]


def layers_label(layers: tuple[Hidden, ...]) -> str:
    """Format hidden layers with their number, such as ``1x300``."""
    text = format_layers(layers)
    return f"1x{text}" if len(layers) == 1 else text


def _identity(config: Any) -> dict[str, Any]:
    """Return a configuration as JSON values, as versions had it that lacked fields added since."""
    values = to_json(config)
    for each in fields(config):
        if each.metadata["added"] and values[each.name] == each.default:
            del values[each.name]
    return values
