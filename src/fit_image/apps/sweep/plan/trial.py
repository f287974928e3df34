"""Trial: one run of a sweep, with its parameter count and FLOPs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from fit_image.apps.fit.architecture import make_encoding, make_layers
from fit_image.apps.fit.directory import FitManifest
from fit_image.config.encoding_spec import GridSpec, parse_encoding
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import Hidden, format_layers
from fit_image.config.registry import CHANNELS
from fit_image.errors import InputError
from fit_image.storage.dataclass_json import to_json

# Per weight: a multiplication and an addition forward, and twice that backward.
_FLOPS_PER_WEIGHT = 6

# Grid vertices around a point in two dimensions.
_CORNERS = 4


@dataclass(frozen=True)
class Trial:
    """One run of a sweep.

    Attributes
    ----------
    manifest : FitManifest
        Configuration of the run.
    parameters : int
        Number of weights and biases, hash tables included.
    work : float
        FLOPs of training on one pixel once: 6 per weight used.
    """

    manifest: FitManifest
    parameters: int
    work: float

    @classmethod
    def of(cls, manifest: FitManifest) -> Self:
        """Return the trial of a manifest."""
        picture, fit = manifest.picture, manifest.fit
        channels = CHANNELS[manifest.image.channels]
        size = (picture.width, picture.height)
        dense, tables = count_parameters(fit, size, channels)
        spec = parse_encoding(fit.encoding)
        touched = _CORNERS * spec.levels * spec.features if isinstance(spec, GridSpec) else 0
        return cls(manifest, dense + tables, float(_FLOPS_PER_WEIGHT * (dense + touched)))

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Return the trial of `to_json`.

        Raises
        ------
        InputError
            If the data are invalid.
        """
        if not isinstance(data, Mapping):
            raise InputError("a trial must be an object")
        return cls.of(FitManifest.from_json(data))

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as JSON values."""
        return self.manifest.to_json()

    @cached_property
    def key(self) -> str:
        """Identifier: 16 hexadecimal digits of a hash of its configuration and picture."""
        manifest = self.manifest
        identity = {
            "picture": manifest.picture.sha256,
            "fit": to_json(manifest.fit),
            "image": to_json(manifest.image),
            "frame_every": manifest.record.frame_every,
        }
        text = json.dumps(identity, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def seed(self) -> int:
        """Seed of the initial weights and of the order of the pixels."""
        return self.manifest.fit.seed

    @property
    def samples(self) -> int:
        """Training samples: pixels times epochs."""
        picture = self.manifest.picture
        return picture.width * picture.height * self.manifest.fit.epochs

    def with_seed(self, seed: int) -> Trial:
        """Return the trial with another seed."""
        manifest = replace(self.manifest, fit=replace(self.manifest.fit, seed=seed))
        return replace(self, manifest=manifest)


def count_parameters(fit: FitConfig, size: tuple[int, int], channels: int) -> tuple[int, int]:
    """Return the number of parameters of a network's layers, and of its encoding."""
    encoding = make_encoding(fit, size)
    layers = make_layers(fit, encoding.outputs, channels)
    return sum(layer.num_params for layer in layers), encoding.num_params


def layers_label(layers: tuple[Hidden, ...]) -> str:
    """Format hidden layers with their number, such as ``1x300``."""
    text = format_layers(layers)
    return f"1x{text}" if len(layers) == 1 else text
