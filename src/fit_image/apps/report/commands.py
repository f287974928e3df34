"""The command that repeats a run."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from fit_image.apps.fit.architecture import sized
from fit_image.apps.fit.manifest import FitManifest
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig, option_of
from fit_image.config.layer_spec import format_layers
from fit_image.config.presets import preset_config
from fit_image.config.registry import CHANNELS
from fit_image.config.usage import unused_fields
from fit_image.errors import InputError

# Fields that decide the defaults of others come first.
_DECIDING = (
    *("hold_out", "max_parameters", "time_limit"),
    *("layers", "encoding", "activation", "optimizer", "epochs"),
)


def command_line(manifest: FitManifest) -> str:
    """Return the command that repeats a run, without the default values."""
    fit = manifest.fit
    picture = Path(manifest.picture.path).name
    words = ["fit-image", f"./{picture}" if picture.startswith("-") else picture]
    if manifest.preset != "classic":
        words += ["--preset", manifest.preset]
    given: dict[str, Any] = {}
    size = manifest.picture.width, manifest.picture.height
    unused = unused_fields(fit)
    names = [*_DECIDING, *(each.name for each in fields(FitConfig) if each.name not in _DECIDING)]
    for name in names:
        usual = preset_config(manifest.preset, *size, **given)
        with suppress(InputError):  # where the usual layers have more parameters
            usual = sized(usual, size, CHANNELS[manifest.image.channels])
        if getattr(usual, name) != getattr(fit, name) and name not in unused:
            given[name] = getattr(fit, name)
    usual_image = asdict(ImageConfig())
    image = asdict(manifest.image)
    given |= {name: value for name, value in image.items() if value != usual_image[name]}
    if manifest.record.frame_every != RecordConfig().frame_every:
        given["frame_every"] = manifest.record.frame_every
    for name, value in given.items():
        text = format_layers(value) if name == "layers" else str(value)
        words += [option_of(name), "none" if value is None else text]
    return shlex.join(words)
