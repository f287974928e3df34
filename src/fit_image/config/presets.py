"""Presets: option values that suit each other and the picture's size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fit_image.config.fit import FitConfig
from fit_image.config.hold_out import parse_hold_out, shown_pixels
from fit_image.errors import InputError, excerpt

Values = dict[str, Any]


@dataclass(frozen=True)
class Preset:
    """Values that replace defaults of `FitConfig`, for a picture's pixels and options given."""

    summary: str
    """A few words for the help."""

    values: Callable[[int, Values], Values]
    """Returns them for so many pixels, and for the options that are given; these override them."""


def _instant(pixels: int, options: Values) -> Values:
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


def _sharp(pixels: int, options: Values) -> Values:
    return {
        "layers": "3x256",
        "activation": "finer",
        "optimizer": "adam",
        "learning_rate": 3e-4,
        "lr_schedule": "cosine",
        "batch_size": 512,
        "epochs": _epochs(12_000_000, pixels, 2, 500),
    }


def _compact(pixels: int, options: Values) -> Values:
    limits: Values = {name: options.get(name) for name in ("max_parameters", "time_limit")}
    given = FitConfig(**limits)
    numbers = given.max_parameters or max(pixels // 8, 128)
    seconds = given.time_limit or 60.0
    if given.time_limit and options.get("schedule_by", "time") == "time":
        seconds *= _FASTER
    # Sizes that are given have no limit but one that is given, too.
    limited = given.max_parameters or not options.keys() & {"layers", "encoding"}
    return {
        **({"max_parameters": numbers} if limited else {}),
        **_network(pixels, numbers),
        "optimizer": "soap",
        "schedule_by": "time",
        "epochs": _epochs(seconds * _learned_in_a_second(numbers), pixels, 1, 2_000),
    }


def _network(pixels: int, numbers: int) -> Values:
    """Return the values of the preset compact that depend on the numbers permitted."""
    # Tables of few numbers are too coarse, and waves of many too slow.
    if numbers < _FEW:
        return _WAVES
    # Above so many entries, one wide layer learns more than two in the same time.
    if numbers > 0.5 * pixels:
        return {**_LARGE_TABLES, "encoding": _grid(pixels, numbers, coarsest=18)}
    return {**_TABLES, "encoding": _grid(pixels, numbers, coarsest=8)}


# Of the preset compact: below so many numbers it has no tables.
_FEW = 12_000

_WAVES: Values = {
    "layers": "6x38",
    "activation": "sine",
    "learning_rate": 1e-3,
    # At rates that stay high for long, waves break down.
    "lr_schedule": "exponential",
    "batch_size": 1024,
}
_TABLES: Values = {
    "layers": "2x64",
    "activation": "relu",
    "learning_rate": 0.005,
    "table_rate": 2.0,
    "lr_schedule": "linear",
    "batch_size": 1024,
}
_LARGE_TABLES: Values = {**_TABLES, "layers": "192", "batch_size": 2048}

# What two fast cores learn in a second: weights times samples of waves; samples with tables,
# of which those in the caches are learned faster.
_WORK, _SAMPLES, _CACHED = 4.4e9, 8.3e5, 4e5

# Where the schedule is as long as the time limit, epochs suffice for cores so many times as fast.
_FASTER = 1.5


def _learned_in_a_second(numbers: int) -> float:
    return _WORK / numbers if numbers < _FEW else _SAMPLES / (1 + numbers / _CACHED)


_LEVELS, _FEATURES = 16, 2

_IN_LAYERS = 6_467  # of `_TABLES`; of `_LARGE_TABLES` a few hundred more


def _grid(pixels: int, numbers: int, coarsest: int) -> str:
    """Return a grid whose finest level is open, with the entries that suit so many numbers."""
    side = max(math.sqrt(1.5 * pixels), coarsest)  # the longer one, as of most photographs
    growth = (side / coarsest) ** (2.0 / (_LEVELS - 1))
    vertices = [pixels / growth**level for level in range(_LEVELS)]
    entries = 1
    while entries < pixels and _numbers(vertices, entries) < 0.93 * numbers - _IN_LAYERS:
        entries *= 2
    return f"grid:levels={_LEVELS},features={_FEATURES},entries={entries},coarsest={coarsest}"


def _numbers(vertices: Sequence[float], entries: int) -> float:
    """Return the numbers in tables of at most so many entries, for levels of so many vertices."""
    return _FEATURES * sum(min(each, entries) for each in vertices)


PRESETS = {
    "classic": Preset("the recipe", lambda pixels, options: {}),
    "sharp": Preset("a network of waves", _sharp),
    "instant": Preset("a learned grid", _instant),
    "compact": Preset("the best of so many --parameters in the --time-limit", _compact),
}


def preset_config(name: str, width: int, height: int, **options: Any) -> FitConfig:
    """Return the configuration of one of `PRESETS` for a picture of this size in pixels.

    ``options`` are fields of `FitConfig` that override the preset's values. `InputError` if the
    preset does not exist, or a value is out of range.
    """
    shown = shown_pixels(parse_hold_out(options.get("hold_out")), width, height)
    values = PRESETS[check_preset(name)].values(max(shown, 1), options)
    return FitConfig(**(values | options)).for_picture(width, height)


def check_preset(name: object) -> str:
    """Return ``name`` if it is a preset's; else raise `InputError`."""
    if not isinstance(name, str) or name not in PRESETS:
        wanted = f"one of {', '.join(PRESETS)}"
        found = excerpt(repr(name))
        raise InputError(f"preset must be {wanted}, not {found}", fields=("preset",))
    return name


def _epochs(budget: float, pixels: int, least: int, most: int) -> int:
    """Return the epochs in which ``budget`` pixels are trained on, within bounds."""
    return min(max(round(budget / pixels), least), most)
