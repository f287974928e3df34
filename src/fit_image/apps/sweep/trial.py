"""A trial: one network, one picture, and what their comparison with others needs to know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from fit_image.apps.architecture import make_encoding, make_layers
from fit_image.components import CHANNELS
from fit_image.config import FitConfig
from fit_image.encoding_spec import GridSpec, parse_encoding
from fit_image.errors import InputError
from fit_image.manifest import Manifest
from fit_image.notation import Hidden, format_layers
from fit_image.strict_json import to_json

# A multiplication and an addition forward, and twice that backward, for each weight.
_OPERATIONS = 6

# Crossings of the lattice around a place.
_CORNERS = 4


@dataclass(frozen=True)
class Trial:
    """A run of a sweep.

    Attributes
    ----------
    manifest : Manifest
        What the run is asked to do.
    parameters : int
        Weights and biases of the network, tables included.
    work : float
        Operations of learning from one pixel once: 6 for each weight it passes.
    """

    manifest: Manifest
    parameters: int
    work: float

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Return the trial of a manifest, with its parameters counted."""
        picture, fit = manifest.picture, manifest.fit
        channels = CHANNELS[manifest.image.channels]
        size = (picture.width, picture.height)
        dense, tables = count_parameters(fit, size, channels)
        spec = parse_encoding(fit.encoding)
        touched = _CORNERS * spec.levels * spec.features if isinstance(spec, GridSpec) else 0
        return cls(manifest, dense + tables, float(_OPERATIONS * (dense + touched)))

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read what `to_json` returned.

        Raises
        ------
        InputError
            If it is something else.
        """
        if not isinstance(data, Mapping):
            raise InputError("a trial must be an object")
        return cls.of(Manifest.from_json(data))

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as JSON values."""
        return self.manifest.to_json()

    @cached_property
    def key(self) -> str:
        """Names the trial: 16 hexadecimal digits of its configuration and picture."""
        manifest = self.manifest
        decides = {
            "picture": manifest.picture.sha256,
            "fit": to_json(manifest.fit),
            "image": to_json(manifest.image),
            "frame_every": manifest.record.frame_every,
        }
        text = json.dumps(decides, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def seed(self) -> int:
        """The seed of weights and order."""
        return self.manifest.fit.seed

    @property
    def samples(self) -> int:
        """Pixels learned in all epochs."""
        picture = self.manifest.picture
        return picture.width * picture.height * self.manifest.fit.epochs

    def with_seed(self, seed: int) -> Trial:
        """Return the trial that differs in the seed only."""
        manifest = replace(self.manifest, fit=replace(self.manifest.fit, seed=seed))
        return replace(self, manifest=manifest)


def count_parameters(fit: FitConfig, size: tuple[int, int], channels: int) -> tuple[int, int]:
    """Return the parameters of a network's layers, and those of its encoding's tables."""
    encoding = make_encoding(fit, size)
    layers = make_layers(fit, encoding.outputs, channels)
    return sum(layer.num_params for layer in layers), encoding.num_params


def layers_label(layers: tuple[Hidden, ...]) -> str:
    """Return hidden layers as a person writes them: always with their number."""
    text = format_layers(layers)
    return f"1x{text}" if len(layers) == 1 else text
