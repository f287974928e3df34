"""Presets: option values that suit each other and the picture's size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fit_image.config.fit import FitConfig
from fit_image.config.hold_out import parse_hold_out, shown_pixels
from fit_image.errors import InputError, excerpt

Values = dict[str, Any]


@dataclass(frozen=True)
class Preset:
    """Values that replace defaults of `FitConfig`, as a function of a picture's pixels."""

    summary: str
    """A few words for the help."""

    values: Callable[[int], Values]


def _instant(pixels: int) -> Values:
    return {
        "layers": "64",
        "encoding": "grid",
        "activation": "relu",
        "optimizer": "adam",
        "learning_rate": 0.01,
        "lr_schedule": "cosine",
        # About a hundred steps per epoch: larger batches take less time per pixel.
        "batch_size": 1 << min(max((pixels >> 7).bit_length(), 6), 14),
        "epochs": _epochs(8_000_000, pixels, 3, 200),
    }


def _sharp(pixels: int) -> Values:
    return {
        "layers": "3x256",
        "activation": "finer",
        "optimizer": "adam",
        "learning_rate": 3e-4,
        "lr_schedule": "cosine",
        "batch_size": 512,
        "epochs": _epochs(12_000_000, pixels, 2, 500),
    }


PRESETS = {
    "classic": Preset("the recipe", lambda pixels: {}),
    "sharp": Preset("a network of waves", _sharp),
    "instant": Preset("a learned grid", _instant),
}


def preset_config(name: str, width: int, height: int, **options: Any) -> FitConfig:
    """Return the configuration of one of `PRESETS` for a picture of this size in pixels.

    ``options`` are fields of `FitConfig` that override the preset's values. `InputError` if the
    preset does not exist, or a value is out of range.
    """
    shown = shown_pixels(parse_hold_out(options.get("hold_out")), width, height)
    values = PRESETS[check_preset(name)].values(max(shown, 1))
    return FitConfig(**(values | options)).for_picture(width, height)


def check_preset(name: object) -> str:
    """Return ``name`` if it is a preset's; else raise `InputError`."""
    if not isinstance(name, str) or name not in PRESETS:
        wanted = f"one of {', '.join(PRESETS)}"
        found = excerpt(repr(name))
        raise InputError(f"preset must be {wanted}, not {found}", fields=("preset",))
    return name


def _epochs(budget: int, pixels: int, least: int, most: int) -> int:
    """Return the epochs in which ``budget`` pixels are trained on, within bounds."""
    return min(max(round(budget / pixels), least), most)
